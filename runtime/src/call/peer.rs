//! The other end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use super::auth::{AuthContext, SecurityLevel};
#[cfg(unix)]
use crate::base::unix_name::{self, UnixName};

/// The other end of a connection: its address, and its verified identity.
///
/// `Display` writes gRPC's form of the address: `ipv4:127.0.0.1:5000`, `ipv6:[::1]:5000`, `unix:/path`, `unix:` for a socket
/// without a path, `unix-abstract:name`, `inproc:` for calls within the process, or `unknown:`.
///
/// ```
/// use stubwright::{PeerAddress, ServicerContext};
///
/// fn is_local(context: &ServicerContext) -> bool {
///     match context.peer().address() {
///         PeerAddress::Tcp(address) => address.ip().is_loopback(),
///         PeerAddress::Unix(_) | PeerAddress::InProcess => true,
///         _ => false,
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Peer(Arc<Known>);

/// The address of a [`Peer`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerAddress {
    /// A TCP socket. An IPv4-mapped IPv6 address is converted to IPv4.
    Tcp(SocketAddr),
    /// A unix socket with its path. The path is empty for a socket that has no path, as nearly all sockets of clients.
    Unix(PathBuf),
    /// A unix socket in Linux' abstract namespace, with its name.
    UnixAbstract(Vec<u8>),
    /// A client or a server in this process.
    InProcess,
    /// The address is not known, or the call has no connection.
    Unknown,
}

#[derive(Clone)]
struct Known {
    address: PeerAddress,
    text: String,
    /// `None` if the transport verifies nothing.
    auth: Option<AuthContext>,
}

static IN_PROCESS: LazyLock<Peer> = LazyLock::new(|| Peer::new(PeerAddress::InProcess));
static UNKNOWN: LazyLock<Peer> = LazyLock::new(|| Peer::new(PeerAddress::Unknown));

impl Peer {
    /// Returns the address.
    pub fn address(&self) -> &PeerAddress {
        &self.0.address
    }

    /// Returns the address in gRPC's form, for example `ipv4:127.0.0.1:5000`.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns the verified identity of the other end. It is empty unless the connection has TLS or local credentials.
    pub fn auth_context(&self) -> &AuthContext {
        self.0
            .auth
            .as_ref()
            .unwrap_or_else(|| AuthContext::unsecured())
    }

    pub(crate) fn in_process() -> Peer {
        IN_PROCESS.clone()
    }

    pub(crate) fn unknown() -> Peer {
        UNKNOWN.clone()
    }

    /// Creates a peer from its address as text, for tests.
    #[cfg(feature = "server")]
    pub(crate) fn named(text: &str) -> Peer {
        Peer(Arc::new(Known {
            address: PeerAddress::parse(text),
            text: text.to_owned(),
            auth: None,
        }))
    }

    /// Returns the peer of a connection, if it is a socket.
    pub(crate) fn of(connection: &dyn std::any::Any) -> Peer {
        let tcp = connection.downcast_ref::<tokio::net::TcpStream>();
        if let Some(Ok(address)) = tcp.map(tokio::net::TcpStream::peer_addr) {
            return Peer::from(address);
        }
        #[cfg(unix)]
        {
            let unix = connection.downcast_ref::<tokio::net::UnixStream>();
            if let Some(Ok(address)) = unix.map(tokio::net::UnixStream::peer_addr) {
                return Peer::from(address);
            }
        }
        Peer::unknown()
    }

    /// Returns the identity of a peer on this machine, or `None` for other peers.
    pub(crate) fn local_auth(&self) -> Option<AuthContext> {
        match self.address() {
            PeerAddress::Unix(_) | PeerAddress::UnixAbstract(_) => {
                Some(AuthContext::local(SecurityLevel::PrivacyAndIntegrity))
            }
            PeerAddress::Tcp(address) if address.ip().is_loopback() => {
                Some(AuthContext::local(SecurityLevel::None))
            }
            _ => None,
        }
    }

    /// Returns the same peer with a verified identity.
    pub(crate) fn with_auth(mut self, auth: AuthContext) -> Peer {
        Arc::make_mut(&mut self.0).auth = Some(auth);
        self
    }

    pub(crate) fn new(address: PeerAddress) -> Peer {
        Peer(Arc::new(Known {
            text: address.to_string(),
            address,
            auth: None,
        }))
    }
}

impl PeerAddress {
    /// Parses the output of `Display`. Other text becomes an unknown address.
    #[cfg(feature = "server")]
    fn parse(text: &str) -> PeerAddress {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "ipv4" | "ipv6" => rest.parse().map_or(PeerAddress::Unknown, PeerAddress::Tcp),
            "unix" => PeerAddress::Unix(rest.into()),
            "unix-abstract" => PeerAddress::UnixAbstract(rest.into()),
            "inproc" => PeerAddress::InProcess,
            _ => PeerAddress::Unknown,
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerAddress::Tcp(address) if address.is_ipv4() => write!(f, "ipv4:{address}"),
            PeerAddress::Tcp(address) => write!(f, "ipv6:{address}"),
            #[cfg(unix)]
            PeerAddress::Unix(path) => UnixName(path).fmt(f),
            #[cfg(not(unix))]
            PeerAddress::Unix(path) => write!(f, "unix:{}", path.display()),
            #[cfg(unix)]
            PeerAddress::UnixAbstract(name) => UnixName(&unix_name::abstract_path(name)).fmt(f),
            #[cfg(not(unix))]
            PeerAddress::UnixAbstract(_) => f.write_str("unix-abstract:"),
            PeerAddress::InProcess => f.write_str("inproc:"),
            PeerAddress::Unknown => f.write_str("unknown:"),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        // A client that connects to a dual-stack socket by IPv4 should have an IPv4 address here.
        let canonical = match (address, address.ip().to_canonical()) {
            (SocketAddr::V6(_), IpAddr::V6(_)) => address,
            (_, canonical) => SocketAddr::new(canonical, address.port()),
        };
        Peer::new(PeerAddress::Tcp(canonical))
    }
}

#[cfg(unix)]
impl From<tokio::net::unix::SocketAddr> for Peer {
    fn from(address: tokio::net::unix::SocketAddr) -> Peer {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(name) = address.as_abstract_name() {
            return Peer::new(PeerAddress::UnixAbstract(name.to_vec()));
        }
        let path = address.as_pathname().map(PathBuf::from);
        Peer::new(PeerAddress::Unix(path.unwrap_or_default()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peer").field(&self.0.text).finish()
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_on_this_machine_by_its_address() {
        for local in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            let address: SocketAddr = local.parse().unwrap();
            assert!(Peer::from(address).local_auth().is_some(), "{local}");
        }
        for other in [
            "10.0.0.1:1",
            "0.0.0.0:1",
            "[2001:db8::1]:1",
            "[::ffff:10.0.0.1]:1",
        ] {
            let address: SocketAddr = other.parse().unwrap();
            assert!(Peer::from(address).local_auth().is_none(), "{other}");
        }
        assert!(Peer::named("unix:").local_auth().is_some());
        assert!(Peer::named("unix-abstract:x").local_auth().is_some());
        assert!(Peer::unknown().local_auth().is_none());
    }

    #[test]
    fn an_address_is_written_as_grpc_writes_it_and_read_again() {
        for text in [
            "ipv4:127.0.0.1:5000",
            "ipv6:[::1]:5000",
            "unix:",
            "unix:/run/a",
            "inproc:",
            "unknown:",
        ] {
            let peer = Peer::named(text);
            assert_eq!(peer.to_string(), text);
            assert_eq!(peer.address().to_string(), text);
        }
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:80".parse().unwrap();
        let expected = PeerAddress::Tcp("192.0.2.1:80".parse().unwrap());
        assert_eq!(Peer::from(mapped).address(), &expected);
    }
}
