//! Hostile input, row 63: one end speaks TLS and the other does not. Both ends report it.

use std::net::SocketAddr;

use stubwright::{Channel, Code, Server};
use stubwright_tests::certificates::Authority;
use stubwright_tests::log;
use stubwright_tests::pb::probe::v1::add_probe_servicer_to_server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{Who, ask, refused, serve, server_credentials, trusting, within};

/// Makes a call without encryption. Returns the message of its error.
async fn plaintext(address: SocketAddr) -> String {
    let channel = Channel::insecure(address.to_string()).unwrap();
    let status = ask(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    status.message().to_owned()
}

/// Starts a server that reads the HTTP/2 preface, sends this answer, and closes the connection.
async fn says(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 24]).await.unwrap();
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        // Wait until the client closes the connection: a reset would overtake the answer.
        drop(stream.read_to_end(&mut Vec::new()).await);
    });
    address
}

const HINT: &str = "; if the server speaks TLS, as it seems, Channel::secure is for it";

#[tokio::test]
async fn row_63_plaintext_to_our_tls_port() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["127.0.0.1"]))).await;
    let why = plaintext(address).await;
    assert!(
        why.contains("received a TLS record instead of HTTP/2"),
        "{why}"
    );
    assert!(why.ends_with(HINT), "{why}");
}

#[tokio::test]
async fn row_63_plaintext_to_other_servers() {
    // An alert, which is shorter than a frame header: a fatal protocol_version.
    let alert = says(&[21, 3, 1, 0, 2, 2, 70]).await;
    let http = says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let silent = says(b"").await;
    for (address, said) in [
        (alert, "received a TLS record instead of HTTP/2"),
        (http, "received an HTTP/1 response instead of HTTP/2"),
        (silent, "the peer closed the connection"),
    ] {
        let why = plaintext(address).await;
        assert!(why.contains(said) && why.ends_with(HINT), "{why}");
    }
}

#[tokio::test]
async fn row_63_tls_to_a_port_without() {
    log::collect();
    let authority = Authority::new("authority");
    let mut server = Server::new();
    add_probe_servicer_to_server(Who, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let said =
        "the peer does not speak TLS on this port: for a server without TLS, use Channel::insecure";
    let why = refused(address, trusting(&authority)).await;
    assert!(why.contains(said), "{why}");
    let ended = log::event(&[
        "DEBUG message=connection ended peer=ipv4:127.0.0.1:",
        "received a TLS record instead of HTTP/2",
    ]);
    within(ended).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 24]).await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream.read_to_end(&mut Vec::new()).await);
    });
    let why = refused(address, trusting(&authority)).await;
    assert!(
        why.contains(
            "the peer closed the connection during the handshake: for a server without TLS"
        ),
        "{why}"
    );
}
