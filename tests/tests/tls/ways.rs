//! TLS over connections that the channel does not make itself: unix sockets and connectors.

use stubwright::{Channel, ChannelCredentials, Listener, Server, ServerCredentials};
use stubwright_tests::Probe;
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::within;

/// Starts a server behind a listener, with a certificate for `name`. Returns credentials that trust it.
async fn secured(listener: impl Into<Listener>, name: &str) -> (Server, ChannelCredentials) {
    let authority = Authority::new("authority");
    let issued = authority.issue(&[name]);
    let credentials = ServerCredentials::tls(issued.chain, issued.key).unwrap();
    let (probe, _events) = Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    server.add_listener(listener.into().secured(credentials));
    server.start().unwrap();
    let trust = ChannelCredentials::tls().root_certificates(authority.pem());
    (server, trust.unwrap())
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_whose_host_is_localhost() {
    let name = format!("stubwright-{}-tls.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let (_server, trust) = secured(listener, "localhost").await;
    let channel = Channel::secure(format!("unix:{}", path.display()), trust).unwrap();
    let stub = ProbeStub::new(channel);
    let call = stub.unary(Request::default()).metadata("describe", "1");
    let (_, call) = within(call.with_call()).await.unwrap();
    assert_eq!(call.trailing_metadata.get("peer"), Some("unix:"));
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_connection_that_a_connector_has_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_server, trust) = secured(listener, "backend.example").await;
    let channel = Channel::builder()
        .connector(move |_| TcpStream::connect(address))
        .build_secure("backend.example:443", trust)
        .unwrap();
    within(ProbeStub::new(channel).unary(Request::default()))
        .await
        .unwrap();
}
