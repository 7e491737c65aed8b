//! Connections that are made by connectors, listeners and sockets of the user.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stubwright::{Channel, Code, Metadata, Server};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use stubwright_tests::{Event, Probe};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::transports::{Link, within};

/// Creates a server with a servicer and without ports.
fn server() -> (Server, UnboundedReceiver<Event>) {
    let (probe, events) = Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    (server, events)
}

/// Returns the metadata in which a servicer describes its caller.
async fn described(stub: &ProbeStub) -> Metadata {
    let call = stub.unary(Request::default()).metadata("describe", "1");
    let (_, call) = within(call.with_call()).await.unwrap();
    call.trailing_metadata.clone()
}

#[tokio::test]
async fn a_connector_makes_the_connections_and_receives_the_target() {
    let mut link = Link::tcp().await;
    let (_server, address) = link.take_server();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let connect = move |target| {
        noted.lock().unwrap().push(target);
        TcpStream::connect(address)
    };
    let channel = Channel::builder().connector(connect);
    let stub = ProbeStub::new(channel.build_insecure("backend.example:5000").unwrap());
    for _ in 0..2 {
        within(stub.unary(Request::default())).await.unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), ["backend.example:5000"]);
}

#[tokio::test]
async fn calls_fail_with_the_error_of_the_connector() {
    let channel = Channel::builder()
        .connector(|_| async { Err::<TcpStream, _>(io::Error::other("no way out")) });
    let stub = ProbeStub::new(channel.build_insecure("backend.example:5000").unwrap());
    let error = within(stub.unary(Request::default())).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let said = "cannot connect to backend.example:5000: no way out";
    assert_eq!(error.message(), said);
}

#[tokio::test]
async fn a_channel_over_an_open_connection_ends_with_it() {
    let mut link = Link::tcp().await;
    let (server, address) = link.take_server();
    let channel = Channel::over(TcpStream::connect(address).await.unwrap());
    let stub = ProbeStub::new(channel);
    for _ in 0..2 {
        within(stub.unary(Request::default())).await.unwrap();
    }
    within(server.stop(Duration::ZERO)).await;
    // The channel may notice the end a moment later.
    let closed = async {
        loop {
            let error = stub.unary(Request::default()).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable);
            if error.message().contains("no way to another") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within(closed).await;
}

#[tokio::test]
async fn a_listener_that_was_bound_elsewhere_is_served() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut server, _events) = server();
    server.add_listener(listener);
    server.start().unwrap();
    let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    within(stub.unary(Request::default())).await.unwrap();
    within(server.stop(Duration::ZERO)).await;
    assert!(std::net::TcpListener::bind(address).is_ok());
}

#[tokio::test]
async fn connections_are_served_that_come_before_and_after_the_start() {
    let (mut server, _events) = server();
    let (early, end) = tokio::io::duplex(1024);
    server.add_connection(end).unwrap();
    let early = ProbeStub::new(Channel::over(early));
    let mut waits = early.unary(Request::default());
    let is_pending = poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut waits).poll(context);
        std::task::Poll::Ready(polled.is_pending())
    });
    assert!(is_pending.await);
    server.start().unwrap();
    within(waits).await.unwrap();

    let (late, end) = tokio::io::duplex(1024);
    server.add_connection(end).unwrap();
    let late = ProbeStub::new(Channel::over(late));
    let about = described(&late).await;
    assert_eq!(about.get("peer"), Some("unknown:"));

    within(server.stop(Duration::ZERO)).await;
    let (_, end) = tokio::io::duplex(1024);
    assert!(server.add_connection(end).is_err());
}

#[tokio::test]
async fn an_open_socket_has_a_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await;
    let near = near.unwrap();
    let expected = format!("ipv4:{}", near.local_addr().unwrap());
    let (mut server, _events) = server();
    server
        .add_connection(listener.accept().await.unwrap().0)
        .unwrap();
    server.start().unwrap();
    let stub = ProbeStub::new(Channel::over(near));
    let about = described(&stub).await;
    assert_eq!(about.get("peer"), Some(&*expected));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;

    use tokio::net::{UnixListener, UnixStream};

    use super::*;
    use crate::transports::{socket_path, unix_channel};

    #[tokio::test]
    async fn the_peer_of_a_bound_unix_socket_is_its_path() {
        let path = socket_path();
        let (mut server, _events) = server();
        server.add_unix_port(&path).await.unwrap();
        server.start().unwrap();
        let stub = ProbeStub::new(unix_channel(&path));
        let about = described(&stub).await;
        assert_eq!(about.get("peer"), Some("unix:"));
        assert_eq!(about.get("authority"), Some("localhost"));

        let own = socket_path();
        let socket = tokio::net::UnixSocket::new_stream().unwrap();
        socket.bind(&own).unwrap();
        let stub = ProbeStub::new(Channel::over(socket.connect(&path).await.unwrap()));
        let about = described(&stub).await;
        let expected = format!("unix:{}", own.display());
        assert_eq!(about.get("peer"), Some(&*expected));
        std::fs::remove_file(own).unwrap();
    }

    #[tokio::test]
    async fn the_socket_file_is_removed_at_stop_and_at_drop() {
        let path = socket_path();
        let (mut server, _events) = server();
        server.add_unix_port(&path).await.unwrap();
        assert!(path.exists());
        drop(server);
        assert!(!path.exists());

        let (mut server, _events) = super::server();
        server.add_unix_port(&path).await.unwrap();
        server.start().unwrap();
        within(server.stop(Duration::ZERO)).await;
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_file_is_replaced_and_a_live_one_is_an_error() {
        let path = socket_path();
        // The standard library leaves the file behind, as a killed server does.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (mut server, _events) = server();
        server.add_unix_port(&path).await.unwrap();
        let error = Server::new().add_unix_port(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        server.start().unwrap();
        let stub = ProbeStub::new(unix_channel(&path));
        within(stub.unary(Request::default())).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let path = socket_path();
        std::fs::write(&path, "precious").unwrap();
        Server::new().add_unix_port(&path).await.unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        let link = socket_path();
        symlink(&path, &link).unwrap();
        Server::new().add_unix_port(&link).await.unwrap_err();
        assert_eq!(std::fs::read(&link).unwrap(), b"precious");
        std::fs::remove_file(link).unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_file_that_replaced_the_socket_stays() {
        let path = socket_path();
        let (mut server, _events) = server();
        server.add_unix_port(&path).await.unwrap();
        let other = socket_path();
        std::fs::write(&other, "another's").unwrap();
        std::fs::rename(&other, &path).unwrap();
        drop(server);
        assert_eq!(std::fs::read(&path).unwrap(), b"another's");
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_listener_that_was_bound_elsewhere_keeps_its_file() {
        let path = socket_path();
        let (mut server, _events) = server();
        server.add_listener(UnixListener::bind(&path).unwrap());
        server.start().unwrap();
        let channel = Channel::over(UnixStream::connect(&path).await.unwrap());
        within(ProbeStub::new(channel).unary(Request::default()))
            .await
            .unwrap();
        within(server.stop(Duration::ZERO)).await;
        assert!(path.exists());
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_missing_socket_is_unavailable_and_the_error_has_its_path() {
        let path = socket_path();
        let stub = ProbeStub::new(unix_channel(&path));
        let error = within(stub.unary(Request::default())).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    }
}
