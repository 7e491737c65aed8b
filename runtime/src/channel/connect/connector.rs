//! How a channel comes by a connection: where it leads, and who makes it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(unix)]
use crate::base::unix_name::{self, UnixName};
use crate::transport::{HostPort, Io};

/// The port of addresses that have none, as gRPC's naming has it: that of HTTPS.
const DEFAULT_PORT: u16 = 443;

/// Where a connection leads.
#[derive(Clone)]
pub(crate) enum Address {
    /// `host:port`.
    Tcp(Arc<str>),
    /// A unix socket; an abstract one begins with NUL.
    #[cfg(unix)]
    Unix(Arc<Path>),
    /// Wherever it leads, it is there already, until it is taken.
    Open(Arc<Mutex<Option<Box<dyn Io>>>>),
}

impl Address {
    /// Reads `host:port`, `unix:path` or `unix-abstract:name`; an error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Address::unix(path);
        }
        match text.strip_prefix("unix-abstract:") {
            Some(name) => Address::unix_abstract(name),
            None => Ok(Address::tcp(&HostPort::parse(text)?)),
        }
    }

    /// The address of a server at a host, at gRPC's own port unless it has one.
    pub(crate) fn tcp(address: &HostPort<'_>) -> Address {
        Address::Tcp(address.with_port(DEFAULT_PORT).into())
    }

    /// Reads what follows `unix:`, a path or `//` and an absolute one.
    #[cfg(unix)]
    pub(crate) fn unix(path: &str) -> Result<Address, String> {
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err("behind unix:// stands an absolute path".to_owned()),
            None => path,
        };
        if path.is_empty() || path.contains('\0') {
            return Err("behind unix: stands the path of a socket".to_owned());
        }
        Ok(Address::Unix(Path::new(path).into()))
    }

    /// Reads what follows `unix-abstract:`, a name that may be percent-encoded.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn unix_abstract(name: &str) -> Result<Address, String> {
        let name = unix_name::decode(name.strip_prefix("//").unwrap_or(name));
        if name.is_empty() {
            return Err("behind unix-abstract: stands the name of a socket".to_owned());
        }
        Ok(Address::Unix(unix_name::abstract_path(&name).into()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn unix_abstract(_name: &str) -> Result<Address, String> {
        Err("this system has no abstract unix sockets".to_owned())
    }

    #[cfg(not(unix))]
    pub(crate) fn unix(_path: &str) -> Result<Address, String> {
        Err("this system has no unix sockets".to_owned())
    }

    pub(crate) fn open(connection: impl Io + 'static) -> Address {
        Address::Open(Arc::new(Mutex::new(Some(Box::new(connection)))))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Tcp(address.to_string().into())
    }
}

impl PartialEq for Address {
    /// A connection that is open already is like no other.
    fn eq(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Tcp(one), Address::Tcp(other)) => one == other,
            #[cfg(unix)]
            (Address::Unix(one), Address::Unix(other)) => one == other,
            (Address::Open(one), Address::Open(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Display for Address {
    /// As a target says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => f.write_str(address),
            #[cfg(unix)]
            Address::Unix(path) => UnixName(path).fmt(f),
            Address::Open(_) => f.write_str("the other end of a connection"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What makes the connections of a channel.
#[derive(Clone, Default)]
pub(crate) enum Connector {
    /// The system.
    #[default]
    Sockets,
    /// The user, who is told the address.
    Function(Arc<Connect>),
}

type Connect = dyn Fn(String) -> Connecting + Send + Sync;

type Connecting = Pin<Box<dyn Future<Output = io::Result<Connected>> + Send>>;

/// A connection, before anything is said on it.
pub(crate) struct Connected {
    pub(crate) io: Box<dyn Io>,
    /// It is known not to leave this machine.
    pub(crate) is_local: bool,
}

impl Connected {
    fn new<I: Io + 'static>(io: I) -> Connected {
        Connected {
            is_local: is_local(&io),
            io: Box::new(io),
        }
    }
}

/// Whether a connection is known to be one to a loopback address, or a unix socket.
fn is_local(connection: &dyn Any) -> bool {
    #[cfg(unix)]
    if connection.is::<UnixStream>() {
        return true;
    }
    let tcp = connection.downcast_ref::<TcpStream>();
    let peer = tcp.and_then(|stream| stream.peer_addr().ok());
    peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

impl Connector {
    pub(crate) fn function<I, Fut>(connect: impl Fn(String) -> Fut + Send + Sync + 'static) -> Self
    where
        I: Io + 'static,
        Fut: Future<Output = io::Result<I>> + Send + 'static,
    {
        Connector::Function(Arc::new(move |address| {
            let connecting = connect(address);
            Box::pin(async move { Ok(Connected::new(connecting.await?)) })
        }))
    }

    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Connected> {
        match (address, self) {
            (Address::Open(connection), _) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let io = connection.take().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::NotConnected,
                        "it was closed, and the channel has no way to another",
                    )
                })?;
                // Who secures a channel has it connect by itself.
                Ok(Connected {
                    io,
                    is_local: false,
                })
            }
            (address, Connector::Function(connect)) => connect(address.to_string()).await,
            (Address::Tcp(address), Connector::Sockets) => {
                let found = look_up(address).await?;
                let stream = TcpStream::connect(found.as_slice()).await?;
                // Batches are whole when they are written; a system that refuses the option still carries them.
                drop(stream.set_nodelay(true));
                Ok(Connected::new(stream))
            }
            #[cfg(unix)]
            (Address::Unix(path), Connector::Sockets) => {
                Ok(Connected::new(UnixStream::connect(path).await?))
            }
        }
    }
}

/// The addresses of a host, which are tried in turn.
async fn look_up(address: &str) -> io::Result<Vec<SocketAddr>> {
    let address =
        HostPort::parse(address).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    address.look_up().await
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Connector::Sockets => "sockets",
            Connector::Function(_) => "a function",
        })
    }
}
