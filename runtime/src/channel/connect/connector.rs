//! Connectors, which open connections.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::call::Peer;
use crate::transport::{Endpoint, HostPort, Io};

/// Opens the connections of a channel.
#[derive(Clone, Default)]
pub(crate) enum Connector {
    /// The system opens TCP connections and unix sockets.
    #[default]
    Sockets,
    /// A function of the program, which gets the address.
    Function(Arc<Connect>),
}

type Connect = dyn Fn(String) -> Connecting + Send + Sync;

type Connecting = Pin<Box<dyn Future<Output = io::Result<Connected>> + Send>>;

/// An open connection on which nothing has been sent.
pub(crate) struct Connected {
    pub(crate) io: Box<dyn Io>,
    pub(crate) peer: Peer,
    /// Set if the connection is known not to leave this machine.
    pub(crate) is_local: bool,
}

impl Connected {
    fn new<I: Io + 'static>(io: I) -> Connected {
        Connected {
            peer: Peer::of(&io),
            is_local: is_local(&io),
            io: Box::new(io),
        }
    }
}

/// Returns whether a connection is known to lead to a loopback address or a unix socket.
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

    pub(crate) async fn connect(&self, address: &Endpoint) -> io::Result<Connected> {
        match (address, self) {
            (Endpoint::Open(connection), _) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let io = connection.take().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::NotConnected,
                        "it was closed, and the channel has no way to another",
                    )
                })?;
                // Channels with credentials open their own connections, so this is never checked.
                Ok(Connected {
                    io,
                    peer: Peer::unknown(),
                    is_local: false,
                })
            }
            (address, Connector::Function(connect)) => connect(address.to_string()).await,
            (Endpoint::Tcp(address), Connector::Sockets) => {
                let found = look_up(address).await?;
                let stream = TcpStream::connect(found.as_slice()).await?;
                // Writes are already batched. If the system refuses the option, the connection still works.
                drop(stream.set_nodelay(true));
                Ok(Connected::new(stream))
            }
            #[cfg(unix)]
            (Endpoint::Unix(path), Connector::Sockets) => {
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
