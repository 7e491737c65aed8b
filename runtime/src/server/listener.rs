//! Sockets that a server accepts connections from.

use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::credentials::ServerCredentials;
use super::port_error::PortError;
use super::ports;
#[cfg(unix)]
use super::unix::{self, SocketFile};
#[cfg(unix)]
use crate::base::unix_name::UnixName;
use crate::call::Peer;
use crate::transport::{HostPort, Io, UpkeepConfig, set_options};

/// The time to wait if the system has no file descriptor for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// A bound socket, on which a server accepts connections. [`Server::add_listener`](crate::Server::add_listener) takes it. Create it
/// by `Listener::from` from a tokio [`TcpListener`] or `UnixListener`. Connections may already wait on the socket.
///
/// ```
/// # async fn listen() -> std::io::Result<()> {
/// use stubwright::Server;
/// use tokio::net::TcpListener;
///
/// let mut server = Server::new();
/// server.add_listener(TcpListener::bind("[::1]:0").await?);
/// # Ok(())
/// # }
/// ```
pub struct Listener {
    kind: ListenerKind,
    /// `None` for unencrypted connections.
    pub(crate) credentials: Option<ServerCredentials>,
}

#[derive(Debug)]
enum ListenerKind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        /// The socket's file, which is removed together with the listener. `None` if the socket was bound elsewhere.
        _file: Option<SocketFile>,
    },
}

impl Listener {
    /// Sets the credentials that connections must satisfy. By default connections are unencrypted.
    #[must_use]
    pub fn secured(self, credentials: ServerCredentials) -> Listener {
        Listener {
            credentials: Some(credentials),
            ..self
        }
    }

    /// Binds all addresses of `host:port` on one port. Also returns the first address, which has the actual port if it was 0.
    pub(crate) async fn bind(address: &str) -> Result<(Vec<Listener>, SocketAddr), PortError> {
        let host = read(address).map_err(|reason| PortError::InvalidAddress {
            address: address.to_owned(),
            reason,
        })?;
        // Resolve the name separately, so that an error tells which of the two failed.
        let addresses = host.look_up().await.map_err(|source| PortError::LookUp {
            address: address.to_owned(),
            source,
        })?;
        let not_bound = |source| PortError::Bind {
            address: address.to_owned(),
            source,
        };
        let listeners = ports::bind(&addresses).await.map_err(not_bound)?;
        let first = listeners.first().map(TcpListener::local_addr);
        let first = first.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
        let first = first.map_err(not_bound)?;
        Ok((listeners.into_iter().map(Listener::from).collect(), first))
    }

    /// Binds a unix socket.
    #[cfg(unix)]
    pub(crate) async fn bind_unix(path: &Path) -> Result<Listener, PortError> {
        let (listener, file) = unix::bind(path).await.map_err(|source| PortError::Bind {
            address: UnixName(path).to_string(),
            source,
        })?;
        Ok(Listener::new(ListenerKind::Unix {
            listener,
            _file: file,
        }))
    }

    /// Waits for the next connection. Errors of single connections are ignored. If file descriptors are exhausted, it tries again
    /// after a while. The options of `upkeep` are for TCP.
    pub(crate) async fn accept(&self, upkeep: &UpkeepConfig) -> (Box<dyn Io>, Peer) {
        loop {
            match self.kind.accept(upkeep).await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => tokio::time::sleep(EXHAUSTED).await,
            }
        }
    }

    fn new(kind: ListenerKind) -> Listener {
        Listener {
            kind,
            credentials: None,
        }
    }
}

impl ListenerKind {
    async fn accept(&self, upkeep: &UpkeepConfig) -> io::Result<(Box<dyn Io>, Peer)> {
        match self {
            ListenerKind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                set_options(&stream, upkeep);
                Ok((Box::new(stream), Peer::from(peer)))
            }
            #[cfg(unix)]
            ListenerKind::Unix { listener, .. } => {
                let (stream, peer) = listener.accept().await?;
                // The address that `accept` returns lacks abstract names.
                let peer = stream.peer_addr().unwrap_or(peer);
                Ok((Box::new(stream), Peer::from(peer)))
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener::new(ListenerKind::Tcp(listener))
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    /// Creates a listener from a socket. The server does not remove the socket's file when it stops. The code that bound the socket
    /// must do so.
    fn from(listener: UnixListener) -> Listener {
        Listener::new(ListenerKind::Unix {
            listener,
            _file: None,
        })
    }
}

impl fmt::Display for Listener {
    /// Formats the address as in the target of a client, such as `127.0.0.1:5000` or `unix:/path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ListenerKind::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(f),
                Err(_) => f.write_str("unknown"),
            },
            #[cfg(unix)]
            ListenerKind::Unix { listener, .. } => match listener.local_addr() {
                Ok(address) => Peer::from(address).fmt(f),
                Err(_) => f.write_str("unix:"),
            },
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener")
            .field(&format_args!("{self}"))
            .finish()
    }
}

/// Parses the address of a port.
fn read(address: &str) -> Result<HostPort<'_>, String> {
    if address.starts_with("unix:") {
        return Err("add_unix_port binds unix sockets".to_owned());
    }
    if address.starts_with("unix-abstract:") {
        return Err("add_unix_abstract_port binds abstract unix sockets".to_owned());
    }
    if address.starts_with(':') && !address.starts_with("::") {
        return Err(format!(
            "the host is missing: for all addresses of this machine, write [::]{address}"
        ));
    }
    match HostPort::parse(address)? {
        host if host.has_port() => Ok(host),
        _ => Err("the port is missing, as in localhost:5000; port 0 picks a free one".to_owned()),
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use socket2::SockRef;
    use tokio::net::TcpStream;

    use super::*;
    use crate::base::TcpKeepalive;
    use crate::server::options::Options;

    #[test]
    fn accepted_sockets_have_the_options_of_the_server() {
        let mut upkeep = Options::default().upkeep;
        upkeep.tcp_keepalive = Some(TcpKeepalive::new(Duration::from_secs(77)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let (listeners, address) = Listener::bind("127.0.0.1:0").await.unwrap();
            let _client = TcpStream::connect(address).await.unwrap();
            let (io, _) = listeners[0].accept(&upkeep).await;
            let socket = SockRef::from((*io).as_any().downcast_ref::<TcpStream>().unwrap());
            assert_eq!(
                socket.tcp_keepalive_time().unwrap(),
                Duration::from_secs(77)
            );
            // Servers send pings by default, and wait as long for what they answer.
            let timeout = socket.tcp_user_timeout().unwrap();
            assert_eq!(timeout, Some(Duration::from_secs(20)));
        });
    }
}
