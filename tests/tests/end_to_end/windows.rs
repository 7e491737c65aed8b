//! Calls that share the window of a connection.

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use stubwright::{Channel, Limits, Server};
use stubwright_tests::Probe;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};

use crate::transports::within;

/// Number of concurrent calls. Their requests and responses are all larger than their share of the window.
const CALLS: usize = 60;
const SIZE: usize = 100_000;

/// Starts a server and a stub. The windows of their connection hold only two messages.
async fn serve() -> (Server, ProbeStub) {
    let mut limits = Limits::default();
    limits.connection_window = 256 << 10;
    limits.max_connection_window = limits.connection_window;
    let (probe, _) = Probe::new();
    let mut server = Server::builder().limits(limits.clone()).build();
    add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::builder().limits(limits);
    let channel = channel.build_insecure(address.to_string()).unwrap();
    (server, ProbeStub::new(channel))
}

fn request() -> Request {
    Request {
        payload: vec![7; SIZE],
        count: 2,
        ..Request::default()
    }
}

/// Each stream may hold more unread data than the connection has room for. None may wait for the rest to arrive.
async fn unary_calls() {
    let (_server, stub) = serve().await;
    let calls = (0..CALLS).map(|_| stub.unary(request()));
    let responses = within(try_join_all(calls)).await.unwrap();
    assert!(responses.iter().all(|one| one.payload.len() == SIZE));
}

#[tokio::test]
async fn unary_calls_on_one_thread() {
    unary_calls().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unary_calls_on_many_threads() {
    unary_calls().await;
}

/// Handlers in other tasks report the window that they have used only when it is large enough.
#[tokio::test(flavor = "multi_thread")]
async fn streams_both_ways() {
    let (_server, stub) = serve().await;
    let calls = (0..CALLS).map(|_| {
        let call = stub.bidi(vec![request(); 3]);
        call.try_fold(0, async |sum, response| Ok(sum + response.payload.len()))
    });
    let sums = within(try_join_all(calls)).await.unwrap();
    assert_eq!(sums, [3 * SIZE; CALLS]);
}
