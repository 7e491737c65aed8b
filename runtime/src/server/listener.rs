//! Where connections come from.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::call::Peer;
use crate::transport::Socket;

/// How long to wait when the system has no descriptor for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// A port that is bound, and on which connections may wait already.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

impl Listener {
    /// Binds `host:port`; the port 0 takes a free one.
    pub(crate) async fn bind(address: &str) -> io::Result<Listener> {
        // Looked up apart from the bind, so that an error says which of the two failed.
        let addresses: Vec<SocketAddr> = lookup_host(address)
            .await
            .map_err(|error| named(address, "look up", &error))?
            .collect();
        TcpListener::bind(addresses.as_slice())
            .await
            .map(Listener)
            .map_err(|error| named(address, "bind", &error))
    }

    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The next connection. Errors of one connection, and a shortage of descriptors, are waited out.
    pub(crate) async fn accept(&self) -> (Socket, Peer) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => return (socket(stream), Peer::from(peer)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => tokio::time::sleep(EXHAUSTED).await,
            }
        }
    }
}

fn socket(stream: TcpStream) -> Socket {
    // Batches are whole when they are written; a system that refuses the option still carries them.
    drop(stream.set_nodelay(true));
    Socket::new(stream)
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
