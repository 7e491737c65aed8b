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

/// The time that a refused client has to receive the alert.
const LINGER: Duration = Duration::from_secs(1);

/// Performs the handshake with a client within `limit`. A failure is logged, and sent to the client as an alert if TLS has one
/// for it.
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
            linger(stream).await;
            None
        }
        Err(_) => {
            log::handshake_refused(peer, port, format_args!("not completed within {limit:?}"));
            None
        }
    }
}

/// Checks that the client negotiated h2. The handshake already fails for a client that only offers other protocols, but
/// succeeds for one that offers no protocol.
async fn check(
    mut stream: TlsStream<Box<dyn Io>>,
    port: &str,
    peer: &Peer,
) -> Option<(Box<dyn Io>, AuthContext)> {
    let session = stream.get_ref().1;
    if session.alpn_protocol() != Some(H2) {
        log::handshake_refused(peer, port, NO_H2);
        // Send the alert, as far as the system accepts it within this time.
        drop(timeout(LINGER, stream.shutdown()).await);
        linger(stream.into_inner().0).await;
        return None;
    }
    let auth = auth_context(session, session.server_name());
    Some((Box::new(stream), auth))
}

/// Waits until a refused client closes its side. If a socket with unread data were closed, the system would send a reset, which
/// overtakes the alert.
async fn linger(mut connection: Box<dyn Io>) {
    let closed = async {
        connection.shutdown().await?;
        let mut ignored = [0; 1024];
        while connection.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // The result doesn't matter: nothing is left to send.
    drop(timeout(LINGER, closed).await);
}
