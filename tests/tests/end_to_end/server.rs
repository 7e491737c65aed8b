//! Ports, start and stop of servers, and channels to a server in the same process.

use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use stubwright::{
    Channel, Code, Handlers, PortError, Prost, Server, ServicerContext, Status, sending, stream,
};
use stubwright_tests::Event;
use stubwright_tests::log;
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, add_probe_servicer_to_server};

use crate::transports::{Link, Transport, within};

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        count: 1,
        ..Request::default()
    }
}

#[tokio::test]
async fn a_panic_is_logged_with_its_method_and_its_words() {
    log::collect();
    let link = Link::tcp().await;
    let panicking = Request {
        action: Action::Panic.into(),
        ..Request::default()
    };
    link.stub.unary(panicking).await.unwrap_err();
    let words = [
        "ERROR message=handler panicked",
        " method=\"/probe.v1.Probe/Unary\" peer=ipv4:127.0.0.1:",
        " panic=\"the request asked for it\"",
    ];
    within(log::event(&words)).await;
}

#[tokio::test]
async fn a_refused_connection_is_unavailable_with_the_cause() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let stub = ProbeStub::new(Channel::insecure(&address).unwrap());
    for _ in 0..2 {
        let error = within(stub.unary(Request::default())).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains(&address), "{error}");
        assert!(error.message().contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn an_invalid_target_is_refused() {
    let error = Channel::insecure("http://localhost").unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_server_needs_a_port_and_starts_once() {
    let mut server = Server::new();
    assert!(server.start().is_err());
    server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    assert!(server.start().is_err());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let mut server = Server::new();
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    let error = server
        .add_insecure_port(address.to_string())
        .await
        .unwrap_err();
    let address = address.to_string();
    assert_eq!(error.address(), address);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot bind {address}: ")),
        "{text}"
    );
    assert!(
        matches!(&error, PortError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse)
    );
    assert!(error.source().is_some());
    // Nothing is lost when it becomes an error of the system, or a status.
    let error = std::io::Error::from(error);
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::AddrInUse, text.clone())
    );
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    assert!(matches!(cause, Some(PortError::Bind { .. })));
    let error = server.add_insecure_port(&address).await.unwrap_err();
    let status = Status::from(error);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains(&address), "{status}");
}

#[tokio::test]
async fn a_port_that_is_no_address_or_of_no_host_is_an_error_of_its_own() {
    let mut server = Server::new();
    let error = server.add_insecure_port("localhost").await.unwrap_err();
    assert!(matches!(error, PortError::InvalidAddress { .. }), "{error}");
    assert_eq!(Status::from(error).code(), Code::InvalidArgument);
    let error = server
        .add_insecure_port("[fe80::1%nowhere]:0")
        .await
        .unwrap_err();
    assert!(matches!(error, PortError::LookUp { .. }), "{error}");
    assert_eq!(error.address(), "[fe80::1%nowhere]:0");
}

#[tokio::test]
async fn one_server_serves_several_ports() {
    let mut server = Server::new();
    let (probe, _events) = stubwright_tests::Probe::new();
    add_probe_servicer_to_server(probe, &mut server);
    let mut addresses = Vec::new();
    for _ in 0..3 {
        addresses.push(server.add_insecure_port("127.0.0.1:0").await.unwrap());
    }
    server.start().unwrap();
    for address in addresses {
        let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
        within(stub.unary(Request::default())).await.unwrap();
    }
}

/// Creates a server without a port, and an in-process stub of it.
fn inside() -> (
    Server,
    ProbeStub,
    tokio::sync::mpsc::UnboundedReceiver<Event>,
) {
    let mut server = Server::new();
    let (probe, events) = stubwright_tests::Probe::new();
    add_probe_servicer_to_server(probe, &mut server);
    let stub = ProbeStub::new(server.in_process_channel());
    (server, stub, events)
}

#[tokio::test]
async fn stop_lets_calls_within_the_process_end_within_the_grace() {
    let (server, stub, _events) = inside();
    let (requests, mut call) = sending(|requests| stub.bidi(requests));
    requests.send(Request::default()).await.unwrap();
    assert!(within(call.message()).await.unwrap().is_some());

    let server = std::sync::Arc::new(server);
    let stopped = std::sync::Arc::clone(&server);
    let stopping = tokio::spawn(async move { stopped.stop(Duration::from_secs(20)).await });
    // New calls are refused, over old channels and new ones. The open call goes on.
    let late = loop {
        match within(stub.unary(Request::default())).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(status) => break status,
        }
    };
    assert_eq!(late.code(), Code::Unavailable);
    let later = ProbeStub::new(server.in_process_channel());
    let status = within(later.unary(Request::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    requests.send(Request::default()).await.unwrap();
    assert!(within(call.message()).await.unwrap().is_some());
    assert!(!stopping.is_finished());
    requests.close();
    assert!(within(call.message()).await.unwrap().is_none());
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn stop_cuts_off_calls_within_the_process_after_the_grace() {
    for grace in [Duration::ZERO, Duration::from_millis(50)] {
        let (server, stub, mut events) = inside();
        let mut call = stub.server_stream(hanging());
        assert!(within(call.message()).await.unwrap().is_some());
        assert_eq!(within(events.recv()).await, Some(Event::Started));
        within(server.stop(grace)).await;
        assert_eq!(within(events.recv()).await, Some(Event::Dropped));
        let status = within(call.message()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("stopped"), "{status}");
    }
}

#[tokio::test]
async fn stop_does_not_wait_for_calls_within_the_process_that_have_ended() {
    let (server, stub, mut events) = inside();
    within(stub.unary(Request::default())).await.unwrap();
    let mut call = stub.server_stream(hanging());
    assert!(within(call.message()).await.unwrap().is_some());
    drop(call);
    within(server.stop(Duration::from_secs(3600))).await;
    while within(events.recv()).await != Some(Event::Dropped) {}
    // Dropping a server without stopping it leaves its calls running.
    let (server, stub, _events) = inside();
    drop(server);
    within(stub.unary(Request::default())).await.unwrap();
}

#[tokio::test]
async fn stop_lets_open_calls_end_within_the_grace() {
    let mut link = Link::tcp().await;
    let (server, address) = link.take_server();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let requests = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut call = link.stub.bidi(requests);
    sender.send(Request::default()).unwrap();
    assert!(within(call.message()).await.unwrap().is_some());

    let stopping = tokio::spawn(async move {
        server.stop(Duration::from_secs(20)).await;
        server.wait_for_termination().await;
    });
    // New calls are refused. The open call goes on.
    let late = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    while within(late.unary(Request::default())).await.is_ok() {
        tokio::task::yield_now().await;
    }
    sender.send(Request::default()).unwrap();
    assert!(within(call.message()).await.unwrap().is_some());
    drop(sender);
    assert!(within(call.message()).await.unwrap().is_none());
    within(stopping).await.unwrap();
    assert!(std::net::TcpListener::bind(address).is_ok());
}

#[tokio::test]
async fn serve_until_serves_until_it_is_told_and_stops_with_grace() {
    let (probe, mut events) = stubwright_tests::Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    let (stop, told) = tokio::sync::oneshot::channel();
    let grace = Duration::from_millis(100);
    let serving = tokio::spawn(async move { server.serve_until(told, grace).await });
    let stub = ProbeStub::new(Channel::insecure(address.to_string()).unwrap());
    let mut call = stub.server_stream(hanging());
    assert!(within(call.message()).await.unwrap().is_some());
    assert_eq!(within(events.recv()).await, Some(Event::Started));
    let before = Instant::now();
    stop.send(()).unwrap();
    within(serving).await.unwrap().unwrap();
    assert!(before.elapsed() >= grace);
    assert_eq!(within(events.recv()).await, Some(Event::Dropped));
    assert!(std::net::TcpListener::bind(address).is_ok());
    assert!(Server::new().serve_until(async {}, grace).await.is_err());
}

#[tokio::test]
async fn a_stream_that_is_told_of_the_stop_ends_in_order() {
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let handler = move |_: String, _: ServicerContext| {
        let mut stopping = stopping.clone();
        stream(async move |mut responses| {
            responses.send("first".to_owned()).await;
            loop {
                tokio::select! {
                    () = std::future::pending() => responses.send("never".to_owned()).await,
                    _ = stopping.changed() => return Ok(()),
                }
            }
        })
    };
    let mut server = Server::new();
    server.add_handlers(Handlers::new().unary_stream("/test.Endless/Watch", Prost, handler));
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    let (shut_down, told) = tokio::sync::oneshot::channel::<()>();
    let told = async move {
        told.await.unwrap();
        stop.send_replace(true);
    };
    let grace = Duration::from_secs(3600);
    let serving = tokio::spawn(async move { server.serve_until(told, grace).await });
    let channel = Channel::insecure(address.to_string()).unwrap();
    let mut call =
        channel.unary_stream::<_, String, _>("/test.Endless/Watch", Prost, String::new());
    let first = within(call.message()).await.unwrap();
    assert_eq!(first.as_deref(), Some("first"));
    shut_down.send(()).unwrap();
    assert_eq!(within(call.message()).await.unwrap(), None);
    assert_eq!(call.code(), Some(Code::Ok));
    within(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn stop_cuts_off_what_outlives_the_grace() {
    let mut link = Link::tcp().await;
    let (server, _) = link.server.take().unwrap();
    let mut call = link.stub.server_stream(hanging());
    assert!(within(call.message()).await.unwrap().is_some());
    assert_eq!(link.event().await, Event::Started);
    let before = Instant::now();
    within(server.stop(Duration::from_millis(100))).await;
    assert!(before.elapsed() >= Duration::from_millis(100));
    assert_eq!(link.event().await, Event::Dropped);
    assert_eq!(
        within(call.message()).await.unwrap_err().code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn a_channel_connects_again_after_its_server_was_replaced() {
    let mut link = Link::tcp().await;
    let (server, address) = link.take_server();
    within(link.stub.unary(Request::default())).await.unwrap();
    within(server.stop(Duration::ZERO)).await;
    let mut server = Server::new();
    let (probe, _events) = stubwright_tests::Probe::new();
    add_probe_servicer_to_server(probe, &mut server);
    server.add_insecure_port(address.to_string()).await.unwrap();
    server.start().unwrap();
    within(async {
        while link.stub.unary(Request::default()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn calls_over_the_stream_limit_wait_for_their_turn() {
    let link = Transport::Tcp
        .link(Server::builder().max_concurrent_streams(2))
        .await;
    let calls: Vec<_> = (0..50)
        .map(|_| {
            tokio::spawn(std::future::IntoFuture::into_future(
                link.stub.unary(Request::default()),
            ))
        })
        .collect();
    for call in calls {
        within(call).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_turn_ends_at_its_deadline() {
    let mut link = Transport::Tcp
        .link(Server::builder().max_concurrent_streams(1))
        .await;
    // Each call has a connection of its own, up to the default number of connections.
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut hangs = link.stub.server_stream(hanging());
        assert!(within(hangs.message()).await.unwrap().is_some());
        assert_eq!(link.event().await, Event::Started);
        open.push(hangs);
    }
    let last = link
        .stub
        .unary(Request::default())
        .timeout(Duration::from_millis(100));
    let error = within(last).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn no_call_is_lost_when_a_server_goes_away_between_calls() {
    let mut link = Link::tcp().await;
    let (mut server, address) = link.take_server();
    for _ in 0..5 {
        // An open call keeps the old connection open while it shuts down.
        let mut open = link.stub.server_stream(hanging());
        assert!(within(open.message()).await.unwrap().is_some());
        let stopping = tokio::spawn(async move { server.stop(Duration::from_secs(20)).await });
        server = loop {
            let mut next = Server::new();
            let (probe, _events) = stubwright_tests::Probe::new();
            add_probe_servicer_to_server(probe, &mut next);
            if next.add_insecure_port(address.to_string()).await.is_ok() {
                next.start().unwrap();
                break next;
            }
            tokio::task::yield_now().await;
        };
        for _ in 0..100 {
            within(link.stub.unary(Request::default())).await.unwrap();
        }
        drop(open);
        within(stopping).await.unwrap();
    }
}
