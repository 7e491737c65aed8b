//! A server that stops while clients are in the handshake.

use std::time::{Duration, Instant};

use stubwright_tests::certificates::Authority;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{ask, serve, server_credentials, trusting, within};

#[tokio::test]
async fn a_server_that_stops_waits_for_no_handshake() {
    let authority = Authority::new("authority");
    let (server, address) = serve(&server_credentials(&authority.issue(&["127.0.0.1"]))).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    // A later call on the same port shows that the silent connection has been accepted.
    let channel = stubwright::Channel::secure(address.to_string(), trusting(&authority)).unwrap();
    ask(&channel).await.unwrap();
    drop(channel);
    let start = Instant::now();
    within(server.stop(Duration::from_secs(8))).await;
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(within(silent.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert!(TcpListener::bind(address).await.is_ok());
}
