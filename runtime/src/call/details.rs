//! What is known of a call before its first message.

#[cfg(feature = "server")]
use std::any::Any;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
#[cfg(all(unix, feature = "server"))]
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "client")]
use super::attempts::RetryPolicy;
use super::auth::AuthContext;
#[cfg(feature = "client")]
use super::credentials::Authorizer;
use crate::base::header::Header;
#[cfg(all(unix, feature = "server"))]
use crate::base::unix_name::{self, UnixName};
use crate::{Code, Compression, Metadata, Status};

/// How exact timers are: tokio's fire up to a millisecond late, and so do those of other runtimes.
const TICK: Duration = Duration::from_millis(1);

/// What is known of a call before its first message.
#[derive(Clone, Debug)]
pub(crate) struct CallDetails {
    /// The `:path` field: `/package.Service/Method`.
    pub(crate) path: Header,
    /// The `:authority` field, where one was given or sent.
    pub(crate) authority: Option<Header>,
    /// The metadata that the caller sends.
    pub(crate) metadata: Metadata,
    /// When the call ends at the latest.
    pub(crate) deadline: Option<Instant>,
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// Caller: whether the call waits while no server can be reached, if that was said.
    pub(crate) wait_for_ready: Option<bool>,
    /// Caller: the call is the channel's own, about the connection it is made on: it goes out on no other, and does not keep that
    /// one open.
    pub(crate) is_probe: bool,
    /// Caller: what the call proves itself with.
    #[cfg(feature = "client")]
    pub(crate) credentials: Option<Authorizer>,
    /// Caller: what decides whether the call is made again, if anything does.
    #[cfg(feature = "client")]
    pub(crate) retry_policy: Option<Arc<dyn RetryPolicy>>,
    /// How the messages of the request are compressed, those that are.
    pub(crate) compression: Compression,
    pub(crate) limits: MessageLimits,
    /// Caller: the largest request that is sent, in bytes.
    #[cfg(feature = "client")]
    pub(crate) max_send_message_length: usize,
}

/// The largest messages of a call, in bytes, before and after compression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageLimits {
    pub(crate) request: usize,
    pub(crate) response: usize,
}

impl CallDetails {
    /// `/package.Service/Method`; an empty text for a path that is not text, which no method has.
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.path.value()).unwrap_or_default()
    }

    /// Whether the call waits while no server can be reached.
    #[cfg(feature = "client")]
    pub(crate) fn waits_for_ready(&self) -> bool {
        self.wait_for_ready.unwrap_or(false)
    }

    /// Whether the deadline has passed, or passes within the next tick of a timer.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now + TICK)
    }

    /// The status of a call that was cut off for this reason, which is not its peer's own status: DEADLINE_EXCEEDED if the call
    /// [is late](CallDetails::is_late).
    ///
    /// Both ends of a call watch its deadline. The one whose timer fires first resets the stream, or closes the connection, and
    /// the other must not take that for a cancellation.
    pub(crate) fn cut_off(&self, why: Status, now: Instant) -> Status {
        if why.code() == Code::DeadlineExceeded || !self.is_late(now) {
            return why;
        }
        Status::deadline_exceeded(format!(
            "the deadline of the call has passed: {}",
            why.message()
        ))
    }
}

/// The other end of a connection: where, and who.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// As gRPC writes it: `ipv4:127.0.0.1:5000`, `ipv6:[::1]:5000`, `unix:`, `unix:/path`, `unix-abstract:name`, `inproc:`,
    /// `unknown:`.
    address: Arc<str>,
    /// `None` when the transport has made sure of nothing.
    auth: Option<Arc<AuthContext>>,
}

impl Peer {
    pub(crate) fn in_process() -> Peer {
        Peer::at("inproc:".into())
    }

    pub(crate) fn unknown() -> Peer {
        Peer::at("unknown:".into())
    }

    /// That of a connection which was opened elsewhere, if it is a socket that can be asked.
    #[cfg(feature = "server")]
    pub(crate) fn of(connection: &dyn Any) -> Peer {
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

    /// One that a test names.
    #[cfg(feature = "server")]
    pub(crate) fn named(name: &str) -> Peer {
        Peer::at(name.into())
    }

    /// What is known of a peer on this machine; `None` for others.
    #[cfg(feature = "server")]
    pub(crate) fn local_auth(&self) -> Option<AuthContext> {
        let (kind, address) = self.address.split_once(':')?;
        if matches!(kind, "unix" | "unix-abstract") {
            return Some(AuthContext::local("TSI_PRIVACY_AND_INTEGRITY"));
        }
        let address: SocketAddr = address.parse().ok()?;
        let is_local = address.ip().to_canonical().is_loopback();
        is_local.then(|| AuthContext::local("TSI_SECURITY_NONE"))
    }

    /// The same end, of which the transport has made sure.
    #[cfg(feature = "server")]
    pub(crate) fn with_auth(self, auth: AuthContext) -> Peer {
        Peer {
            auth: Some(Arc::new(auth)),
            ..self
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.address
    }

    pub(crate) fn auth(&self) -> &AuthContext {
        self.auth
            .as_deref()
            .unwrap_or_else(|| AuthContext::unsecured())
    }

    fn at(address: Arc<str>) -> Peer {
        Peer {
            address,
            auth: None,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        // A client that speaks IPv4 to a socket of both families is known by its IPv4 address, there as everywhere.
        Peer::at(match (address, address.ip().to_canonical()) {
            (SocketAddr::V6(v6), IpAddr::V6(_)) => format!("ipv6:{v6}").into(),
            (_, canonical) => format!("ipv4:{}", SocketAddr::new(canonical, address.port())).into(),
        })
    }
}

#[cfg(all(unix, feature = "server"))]
impl From<tokio::net::unix::SocketAddr> for Peer {
    /// A client that has bound its socket to no path, as nearly all do, is `unix:`.
    fn from(address: tokio::net::unix::SocketAddr) -> Peer {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(name) = address.as_abstract_name() {
            let path = unix_name::abstract_path(name);
            return Peer::at(UnixName(&path).to_string().into());
        }
        let path = address.as_pathname().unwrap_or(Path::new(""));
        Peer::at(UnixName(path).to_string().into())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
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
}
