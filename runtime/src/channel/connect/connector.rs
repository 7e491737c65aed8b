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
use crate::transport::{Endpoint, HostPort, Io, UpkeepConfig, set_options};

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

    /// Opens a connection. The options of `upkeep` are for the system's sockets.
    pub(crate) async fn connect(
        &self,
        address: &Endpoint,
        upkeep: &UpkeepConfig,
    ) -> io::Result<Connected> {
        match (address, self) {
            (Endpoint::Open(connection), _) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let io = connection.take().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::NotConnected,
                        "it was closed, and the channel has no way to another",
                    )
                })?;
                // Only channels with credentials check `is_local`, and they open their own connections.
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
                set_options(&stream, upkeep);
                Ok(Connected::new(stream))
            }
            #[cfg(unix)]
            (Endpoint::Unix(path), Connector::Sockets) => {
                Ok(Connected::new(UnixStream::connect(path).await?))
            }
        }
    }
}

/// Looks up a host. Returns its addresses, which are tried in turn.
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use socket2::SockRef;
    use tokio::net::TcpListener;

    use super::*;
    use crate::base::TcpKeepalive;
    use crate::channel::options::ChannelOptions;

    #[test]
    fn sockets_have_the_options_of_the_channel() {
        let mut upkeep = ChannelOptions::default().upkeep;
        upkeep.tcp_keepalive = Some(TcpKeepalive::new(Duration::from_secs(77)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = Endpoint::Tcp(listener.local_addr().unwrap().to_string().into());
            let connected = Connector::Sockets.connect(&address, &upkeep).await.unwrap();
            let stream = (*connected.io).as_any().downcast_ref::<TcpStream>();
            let socket = SockRef::from(stream.unwrap());
            assert_eq!(
                socket.tcp_keepalive_time().unwrap(),
                Duration::from_secs(77)
            );
        });
    }
}
