//! Where connections come from.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};

#[cfg(feature = "tls")]
use super::credentials::ServerCredentials;
use crate::call::Peer;

/// How long to wait when the system has no descriptor for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// A port that is bound, and on which connections may wait already.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    /// `None` for connections without encryption.
    #[cfg(feature = "tls")]
    pub(crate) credentials: Option<ServerCredentials>,
}

impl Listener {
    /// Binds `host:port`; the port 0 takes a free one.
    pub(crate) async fn bind(address: &str) -> io::Result<Listener> {
        // Looked up apart from the bind, so that an error says which of the two failed.
        let addresses: Vec<SocketAddr> = lookup_host(address)
            .await
            .map_err(|error| named(address, "look up", &error))?
            .collect();
        let tcp = TcpListener::bind(addresses.as_slice())
            .await
            .map_err(|error| named(address, "bind", &error))?;
        Ok(Listener {
            tcp,
            #[cfg(feature = "tls")]
            credentials: None,
        })
    }

    /// The same port, for connections over TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn secured(self, credentials: ServerCredentials) -> Listener {
        Listener {
            credentials: Some(credentials),
            ..self
        }
    }

    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next connection. Errors of one connection, and a shortage of descriptors, are waited out.
    pub(crate) async fn accept(&self) -> (TcpStream, Peer) {
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => {
                    // Batches are whole when they are written; a system that refuses the option still carries them.
                    drop(stream.set_nodelay(true));
                    return (stream, Peer::from(peer));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => tokio::time::sleep(EXHAUSTED).await,
            }
        }
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

fn named(address: &str, action: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {action} {address}: {error}"))
}
