//! Handshakes that fail, row 33. Each is refused in time, and the reason is logged or returned to the caller.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stubwright::{Channel, Server};
use stubwright_tests::certificates::{Authority, Issued};
use stubwright_tests::log;
use stubwright_tests::pb::probe::v1::add_probe_servicer_to_server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{
    Dialer, Who, ask, refused, serve, serve_with, server_credentials, trusting, within,
};

/// Returns the logged reason for which the server has refused this client. The server's port is compared too, because
/// another test may have used the client's port before.
async fn logged(client: SocketAddr, server: SocketAddr) -> String {
    let words = [
        "WARN message=TLS handshake refused",
        &format!(" peer=ipv4:{client} port={server} "),
    ];
    let event = within(log::event(&words)).await;
    event.split_once(" reason=").unwrap().1.to_owned()
}

#[tokio::test]
async fn row_33_plaintext_to_a_tls_port() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["127.0.0.1"]))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let here = stream.local_addr().unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
    let why = logged(here, address).await;
    assert!(why.contains("does not speak TLS"), "{why}");

    let channel = Channel::insecure(address.to_string()).unwrap();
    let status = ask(&channel).await.unwrap_err();
    assert_eq!(status.code(), stubwright::Code::Unavailable, "{status}");
    println!("the caller is told: {}", status.message());
}

#[tokio::test]
async fn row_33_tls_to_a_plaintext_port() {
    let mut server = Server::new();
    add_probe_servicer_to_server(Who, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let why = refused(address, trusting(&Authority::new("authority"))).await;
    assert!(
        why.contains("TLS handshake: the peer does not speak TLS"),
        "{why}"
    );
}

#[tokio::test]
async fn row_33_expired_certificate_of_the_server() {
    let authority = Authority::new("authority");
    let issued = authority.issue_expired(&["127.0.0.1"]);
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let why = refused(address, trusting(&authority)).await;
    assert!(
        why.contains("TLS handshake: the server's certificate expired on 2020-12-31T00:00:00Z: "),
        "{why}"
    );
    let (here, heard) = h2(&authority).dial(address).await;
    assert!(heard.is_err());
    let why = logged(here, address).await;
    assert!(why.contains("CertificateExpired"), "{why}");
}

#[tokio::test]
async fn row_33_unknown_authority_of_the_server() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["127.0.0.1"]))).await;
    let why = refused(address, trusting(&Authority::new("another"))).await;
    assert!(
        why.contains(
            "TLS handshake: the server's certificate is not signed by any of the trusted root certificates"
        ),
        "{why}"
    );
    let another = Authority::new("another");
    let (here, heard) = h2(&another).dial(address).await;
    assert!(heard.is_err());
    let why = logged(here, address).await;
    assert!(why.contains("UnknownCA"), "{why}");
}

#[tokio::test]
async fn row_33_wrong_name() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["example.org"]))).await;
    let why = refused(address, trusting(&authority)).await;
    assert!(
        why.contains(
            "TLS handshake: the server's certificate is valid for example.org, not for 127.0.0.1: "
        ),
        "{why}"
    );
    let why = refused(address, trusting(&authority).server_name("example.com")).await;
    assert!(why.contains("example.com"), "{why}");
    assert!(why.contains("example.org"), "{why}");
}

#[tokio::test]
async fn row_33_no_client_certificate() {
    let authority = Authority::new("authority");
    let (_server, address) = mutual(&authority).await;
    let why = refused(address, trusting(&authority)).await;
    assert!(why.contains("CertificateRequired"), "{why}");
    let (here, heard) = h2(&authority).dial(address).await;
    assert!(heard.is_err());
    let why = logged(here, address).await;
    assert!(
        why.contains("the client presented no certificate, but must"),
        "{why}"
    );
}

#[tokio::test]
async fn row_33_expired_certificate_of_the_client() {
    let authority = Authority::new("authority");
    let (_server, address) = mutual(&authority).await;
    let client = authority.issue_expired(&["client.example"]);
    let credentials = trusting(&authority)
        .client_certificate(&client.chain, &client.key)
        .unwrap();
    let why = refused(address, credentials).await;
    assert!(why.contains("CertificateExpired"), "{why}");
    let dialer = Dialer {
        identity: Some(&client),
        ..h2(&authority)
    };
    let (here, heard) = dialer.dial(address).await;
    assert!(heard.is_err());
    let why = logged(here, address).await;
    assert!(
        why.contains("the client's certificate expired on 2020-12-31"),
        "{why}"
    );
}

#[tokio::test]
async fn row_33_unknown_authority_of_the_client() {
    let authority = Authority::new("authority");
    let (_server, address) = mutual(&authority).await;
    let client = Authority::new("another").issue(&["client.example"]);
    let credentials = trusting(&authority)
        .client_certificate(&client.chain, &client.key)
        .unwrap();
    let why = refused(address, credentials).await;
    assert!(why.contains("UnknownCA"), "{why}");
    let dialer = Dialer {
        identity: Some(&client),
        ..h2(&authority)
    };
    let (here, heard) = dialer.dial(address).await;
    assert!(heard.is_err());
    let why = logged(here, address).await;
    assert!(
        why.contains(
            "the client's certificate is not signed by any of the trusted root certificates"
        ),
        "{why}"
    );
}

#[tokio::test]
async fn row_33_a_client_without_alpn_h2() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["127.0.0.1"]))).await;
    for alpn in [&[] as &[&[u8]], &[b"http/1.1"]] {
        let dialer = Dialer {
            alpn,
            ..h2(&authority)
        };
        let (here, heard) = dialer.dial(address).await;
        assert!(!heard.unwrap_or(false), "the server speaks");
        assert_eq!(
            logged(here, address).await,
            "the peer does not offer h2 by ALPN"
        );
    }
    for version in rustls::ALL_VERSIONS {
        let dialer = Dialer {
            versions: &[version],
            ..h2(&authority)
        };
        let (_, heard) = dialer.dial(address).await;
        assert!(heard.unwrap(), "the server's SETTINGS over {version:?}");
    }
}

#[tokio::test]
async fn row_33_a_server_without_alpn_h2() {
    let authority = Authority::new("authority");
    for alpn in [vec![], vec![b"http/1.1".to_vec()]] {
        let address = server_of_rustls(&authority.issue(&["127.0.0.1"]), alpn).await;
        let why = refused(address, trusting(&authority)).await;
        assert!(
            why.ends_with("TLS handshake: the peer does not offer h2 by ALPN"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn row_33_a_silent_client_is_cut_off_and_holds_up_nobody() {
    const LIMIT: Duration = Duration::from_millis(300);
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["127.0.0.1"]));
    let options = Server::builder().handshake_timeout(LIMIT);
    let (_server, address) = serve_with(options, &credentials).await;
    let start = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    // This client begins a handshake and does not go on.
    silent[0].write_all(&[22, 3, 1, 0, 200, 1]).await.unwrap();
    let channel = Channel::secure(address.to_string(), trusting(&authority)).unwrap();
    ask(&channel).await.unwrap();
    println!("a call beside 50 silent clients took {:?}", start.elapsed());
    for mut stream in silent {
        let here = stream.local_addr().unwrap();
        let end = within(stream.read(&mut [0; 64])).await;
        assert_eq!(end.unwrap_or(0), 0);
        assert_eq!(logged(here, address).await, "not completed within 300ms");
    }
    let took = start.elapsed();
    assert!(took >= LIMIT && took < LIMIT * 10, "{took:?}");
}

fn h2(trust: &Authority) -> Dialer<'_> {
    Dialer {
        trust,
        alpn: &[b"h2"],
        identity: None,
        versions: rustls::ALL_VERSIONS,
    }
}

/// Starts a server that requires client certificates.
async fn mutual(authority: &Authority) -> (Server, SocketAddr) {
    let credentials = server_credentials(&authority.issue(&["127.0.0.1"]))
        .require_client_certificate(authority.pem())
        .unwrap();
    serve(&credentials).await
}

/// Starts a server made of rustls only. It negotiates these protocols and then waits. Clients do not verify its
/// certificate.
pub async fn server_of_rustls(issued: &Issued, alpn: Vec<Vec<u8>>) -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    let provider = rustls::crypto::ring::default_provider();
    let chain = vec![CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let identity = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(identity));
    config.alpn_protocols = alpn;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            // Wait until the client closes the connection.
            drop(stream.read_to_end(&mut Vec::new()).await);
        }
    });
    address
}
