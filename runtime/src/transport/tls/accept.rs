//! The server's side of a handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::identity::auth_context;
use super::refusal::{PeerRole, reason};
use super::{H2, NO_H2};
use crate::base::log;
use crate::call::{AuthContext, Peer};
use crate::transport::Io;

/// How long a client that is refused has to take the alert that says why.
const LINGER: Duration = Duration::from_secs(1);

/// Shakes hands with a client within a time. One that is refused is logged, and told by an alert where TLS has one for it.
pub(crate) async fn accept(
    connection: Box<dyn Io>,
    port: &str,
    peer: &Peer,
    config: Arc<ServerConfig>,
    limit: Duration,
) -> Option<(Box<dyn Io>, AuthContext)> {
    let handshake = TlsAcceptor::from(config).accept(connection).into_fallible();
    match timeout(limit, handshake).await {
        Ok(Ok(stream)) => check(stream, port, peer).await,
        Ok(Err((error, stream))) => {
            log::handshake_refused(peer, port, reason(&error, PeerRole::Client));
            see_off(stream).await;
            None
        }
        Err(_) => {
            log::handshake_refused(peer, port, format_args!("it was not done within {limit:?}"));
            None
        }
    }
}

/// A client that names protocols and not h2 is refused within the handshake; one that names none gets through it.
async fn check(
    mut stream: TlsStream<Box<dyn Io>>,
    port: &str,
    peer: &Peer,
) -> Option<(Box<dyn Io>, AuthContext)> {
    let session = stream.get_ref().1;
    if session.alpn_protocol() != Some(H2) {
        log::handshake_refused(peer, port, NO_H2);
        // The last words go out as far as the system takes them now.
        drop(timeout(LINGER, stream.shutdown()).await);
        see_off(stream.into_inner().0).await;
        return None;
    }
    let auth = auth_context(session.peer_certificates().unwrap_or_default());
    Some((Box::new(stream), auth))
}

/// Hears out a client that has been refused: a system that closes a socket with unread data answers with a reset, and that
/// overtakes the alert.
async fn see_off(mut connection: Box<dyn Io>) {
    let heard_out = async {
        connection.shutdown().await?;
        let mut ignored = [0; 1024];
        while connection.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the client has closed its side or its time is over: nothing is left to say.
    drop(timeout(LINGER, heard_out).await);
}
