//! How a channel comes by a connection: where it leads, and who makes it.

use std::fmt;
use std::future::Future;
use std::io;
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::transport::Io;

/// Where a connection leads.
#[derive(Clone)]
pub(crate) enum Address {
    /// `host:port`.
    Tcp(Arc<str>),
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(Arc<Path>),
    /// Wherever it leads, it is there already, until it is taken.
    Open(Arc<Mutex<Option<Box<dyn Io>>>>),
}

impl Address {
    pub(crate) fn open(connection: impl Io + 'static) -> Address {
        Address::Open(Arc::new(Mutex::new(Some(Box::new(connection)))))
    }
}

impl fmt::Display for Address {
    /// As a target says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => f.write_str(address),
            #[cfg(unix)]
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
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

type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

impl Connector {
    pub(crate) fn function<I, Fut>(connect: impl Fn(String) -> Fut + Send + Sync + 'static) -> Self
    where
        I: Io + 'static,
        Fut: Future<Output = io::Result<I>> + Send + 'static,
    {
        Connector::Function(Arc::new(move |address| {
            let connecting = connect(address);
            Box::pin(async move { Ok(Box::new(connecting.await?) as Box<dyn Io>) })
        }))
    }

    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Box<dyn Io>> {
        match (address, self) {
            (Address::Open(connection), _) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                connection.take().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::NotConnected,
                        "it was closed, and the channel has no way to another",
                    )
                })
            }
            (address, Connector::Function(connect)) => connect(address.to_string()).await,
            (Address::Tcp(address), Connector::Sockets) => {
                let stream = TcpStream::connect(&**address).await?;
                // Batches are whole when they are written; a system that refuses the option still carries them.
                drop(stream.set_nodelay(true));
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            (Address::Unix(path), Connector::Sockets) => {
                Ok(Box::new(UnixStream::connect(path).await?))
            }
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Connector::Sockets => "sockets",
            Connector::Function(_) => "a function",
        })
    }
}
