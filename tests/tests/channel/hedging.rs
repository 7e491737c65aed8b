//! Hedging: calls with several attempts at the same time, by the policy of a service config.

use std::time::Duration;

use futures_util::stream;
use stubwright::{Channel, Code, Result, Server, ServiceConfig, ServicerContext, UnaryCall};
use stubwright_tests::frames::RST_STREAM;
use stubwright_tests::pb::probe::v1::{
    ProbeServicer, ProbeStub, Request, Response, add_probe_servicer_to_server,
};
use stubwright_tests::{Event, Probe};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::connectivity::{call, call_with, outcome};
use crate::retries::{UNAVAILABLE, fail_next, new, previous, request};
use crate::script::{Peer, within};

const DELAY: Duration = Duration::from_millis(500);

/// Three attempts, half a second apart.
const POLICY: &str = r#"{
    "methodConfig": [{
        "name": [{"service": "probe.v1.Probe"}],
        "hedgingPolicy": {
            "maxAttempts": 3,
            "hedgingDelay": "0.5s",
            "nonFatalStatusCodes": ["UNAVAILABLE"]
        }
    }]
}"#;

/// Waits until a stream is reset.
async fn cancelled(peer: &mut Peer, stream: u32) {
    loop {
        let (kind, _, reset) = peer.read().await.expect("the connection should be open");
        if kind == RST_STREAM && reset == stream {
            return;
        }
    }
}

/// Returns whether no other attempt arrives for a while.
async fn is_quiet(peer: &mut Peer) -> bool {
    let waits = tokio::time::timeout(Duration::from_secs(60), peer.request());
    waits.await.is_err()
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_counts_and_the_other_attempts_are_cancelled() {
    let (channel, mut script) = new(POLICY);
    let stub = ProbeStub::new(channel);
    let began = Instant::now();
    let call = tokio::spawn(stub.unary(request(10)).with_call().into_future());
    let mut peer = script.serve().await;
    let mut streams = Vec::new();
    for (attempt, told) in [None, Some("1"), Some("2")].into_iter().enumerate() {
        streams.push(peer.request().await);
        let due = DELAY * u32::try_from(attempt).unwrap();
        assert!((due..due + DELAY / 10).contains(&began.elapsed()));
        assert_eq!(previous(&peer), told);
        assert_eq!(peer.body.len(), 17);
    }
    peer.respond(streams[1]).await;
    let (_, call) = within(call).await.unwrap().unwrap();
    assert_eq!(call.previous_rpc_attempts, 1);
    cancelled(&mut peer, streams[0]).await;
    cancelled(&mut peer, streams[2]).await;
    assert!(is_quiet(&mut peer).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_in_time_is_made_once() {
    let (channel, mut script) = new(POLICY);
    let quick = call(&channel);
    let mut peer = script.serve().await;
    peer.answer().await;
    outcome(quick).await.unwrap();
    assert!(is_quiet(&mut peer).await);
    // The head of a response counts as the answer, whatever follows.
    let slow = call(&channel);
    let stream = peer.request().await;
    peer.begin(stream).await;
    assert!(is_quiet(&mut peer).await);
    peer.fail(stream, true, UNAVAILABLE, &[]).await;
    assert_eq!(outcome(slow).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_non_fatal_failure_starts_the_next_attempt_at_once() {
    let (channel, mut script) = new(POLICY);
    let fails = call(&channel);
    let mut peer = script.serve().await;
    let began = Instant::now();
    fail_next(&mut peer, UNAVAILABLE, &[("grpc-message", "a")]).await;
    let second = peer.request().await;
    assert_eq!(previous(&peer), Some("1"));
    assert_eq!(began.elapsed(), Duration::ZERO);
    // The attempt after it starts when its delay has passed.
    let third = peer.request().await;
    assert!((DELAY..DELAY * 2).contains(&began.elapsed()));
    peer.fail(second, false, UNAVAILABLE, &[("grpc-message", "b")])
        .await;
    // While an attempt is open, it may succeed. The status of the last one is the call's.
    sleep(Duration::from_secs(10)).await;
    peer.fail(third, false, UNAVAILABLE, &[("grpc-message", "c")])
        .await;
    assert_eq!(outcome(fails).await.unwrap_err().message(), "c");
    assert!(is_quiet(&mut peer).await);
}

#[tokio::test(start_paused = true)]
async fn any_other_failure_is_the_end() {
    let (channel, mut script) = new(POLICY);
    let fails = call(&channel);
    let mut peer = script.serve().await;
    let first = peer.request().await;
    let second = peer.request().await;
    peer.fail(second, false, "5", &[]).await;
    assert_eq!(outcome(fails).await.unwrap_err().code(), Code::NotFound);
    cancelled(&mut peer, first).await;
    assert!(is_quiet(&mut peer).await);
}

#[tokio::test(start_paused = true)]
async fn push_back_delays_the_next_attempt() {
    let (channel, mut script) = new(POLICY);
    let pushed = call(&channel);
    let mut peer = script.serve().await;
    let began = Instant::now();
    let after = [("grpc-retry-pushback-ms", "5000")];
    fail_next(&mut peer, UNAVAILABLE, &after).await;
    peer.answer().await;
    assert_eq!(began.elapsed().as_secs(), 5);
    outcome(pushed).await.unwrap();
    // The server may also stop further attempts. The open ones go on.
    let never = call(&channel);
    let first = peer.request().await;
    let second = peer.request().await;
    let no = [("grpc-retry-pushback-ms", "-1")];
    peer.fail(first, false, UNAVAILABLE, &no).await;
    assert!(is_quiet(&mut peer).await);
    peer.respond(second).await;
    outcome(never).await.unwrap();
    // A push-back beyond the call's deadline means no further attempt.
    let short = call_with(&channel, |call| call.timeout(Duration::from_secs(2)));
    let began = Instant::now();
    fail_next(&mut peer, UNAVAILABLE, &after).await;
    assert_eq!(outcome(short).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_throttled() {
    let throttled = POLICY.trim_end().strip_suffix('}').unwrap().to_owned()
        + r#", "retryThrottling": {"maxTokens": 4, "tokenRatio": 1}}"#;
    let (channel, mut script) = new(&throttled);
    let first = call(&channel);
    let mut peer = script.serve().await;
    for _ in 0..2 {
        fail_next(&mut peer, UNAVAILABLE, &[]).await;
    }
    // The bucket of tokens is half empty.
    outcome(first).await.unwrap_err();
    let second = call(&channel);
    let stream = peer.request().await;
    assert!(is_quiet(&mut peer).await);
    peer.respond(stream).await;
    outcome(second).await.unwrap();
    let third = call(&channel);
    peer.request().await;
    peer.answer().await;
    outcome(third).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_has_its_deadline_and_may_be_dropped() {
    let (channel, mut script) = new(POLICY);
    let began = Instant::now();
    let short = call_with(&channel, |call| call.timeout(Duration::from_millis(700)));
    let mut peer = script.serve().await;
    let streams = [peer.request().await, peer.request().await];
    let error = outcome(short).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(began.elapsed().as_millis() / 10, 70);
    for stream in streams {
        cancelled(&mut peer, stream).await;
    }
    let dropped = call(&channel);
    let streams = [peer.request().await, peer.request().await];
    dropped.abort();
    for stream in streams {
        cancelled(&mut peer, stream).await;
    }
    assert!(is_quiet(&mut peer).await);
}

#[tokio::test(start_paused = true)]
async fn a_request_too_large_to_keep_is_sent_once() {
    let (channel, mut script) = new(POLICY);
    let large = tokio::spawn(
        ProbeStub::new(channel)
            .unary(request(300_000))
            .into_future(),
    );
    let mut peer = script.serve().await;
    peer.body(10_000).await;
    peer.widen(1, 1 << 20).await;
    let stream = peer.request().await;
    assert!(peer.body.len() > 300_000);
    assert!(is_quiet(&mut peer).await);
    peer.respond(stream).await;
    outcome(large).await.unwrap();
}

/// Starts a real server, and a channel that makes three attempts of each call at once.
async fn all_at_once() -> (Server, ProbeStub, mpsc::UnboundedReceiver<Event>) {
    let (probe, events) = Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let config = POLICY.replace(r#""hedgingDelay": "0.5s","#, "");
    let channel = Channel::builder()
        .service_config(ServiceConfig::from_json(&config).unwrap())
        .build_insecure(address.to_string())
        .unwrap();
    (server, ProbeStub::new(channel), events)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_all_kinds_go_through() {
    let (_server, stub, _events) = all_at_once().await;
    within(async {
        let sizes = [1_000, 100_000, 1_000_000];
        let mut large = stub.server_stream(Request {
            count: 5,
            ..request(1_000_000)
        });
        for index in 0..5 {
            let response = large.message().await.unwrap().unwrap();
            assert_eq!((response.index, response.payload.len()), (index, 1_000_000));
        }
        assert_eq!(large.message().await.unwrap(), None);
        assert!(large.previous_rpc_attempts() < 3);
        let answered: UnaryCall<Request, Response> =
            stub.client_stream(stream::iter(sizes.map(request)));
        assert_eq!(answered.await.unwrap().index, 3);
        let (sender, requests) = mpsc::channel(1);
        let requests = stream::unfold(requests, async |mut requests| {
            requests.recv().await.map(|request| (request, requests))
        });
        let mut echoes = stub.bidi(requests);
        for size in [10, 1_000_000, 70_000, 0] {
            sender.send(request(size)).await.unwrap();
            let echo = echoes.message().await.unwrap().unwrap();
            assert_eq!(echo.payload.len(), size);
        }
        drop(sender);
        assert_eq!(echoes.message().await.unwrap(), None);
    })
    .await;
}

/// A servicer that answers the first attempt of a call long before the others.
struct Slow;

impl ProbeServicer for Slow {
    async fn unary(&self, request: Request, context: &ServicerContext) -> Result<Response> {
        let metadata = context.invocation_metadata();
        let is_first = !metadata.contains_key("grpc-previous-rpc-attempts");
        let time = if is_first { 10 } else { 10_000 };
        sleep(Duration::from_millis(time)).await;
        Ok(Response {
            payload: request.payload,
            index: 0,
        })
    }
}

/// Four attempts, all at once.
const FOUR_AT_ONCE: &str = r#"{
    "methodConfig": [{
        "name": [{"service": "probe.v1.Probe"}],
        "hedgingPolicy": {"maxAttempts": 4, "hedgingDelay": "0s"}
    }]
}"#;

/// Makes calls, 500 a second. If their connection is lost, the open calls fail.
async fn hedge(stub: &ProbeStub, calls: usize) {
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    let mut open = Vec::new();
    for _ in 0..calls {
        ticks.tick().await;
        open.push(tokio::spawn(stub.unary(request(10)).into_future()));
    }
    for call in open {
        within(call).await.unwrap().unwrap();
    }
}

/// Makes 500 calls a second with four attempts each at once. When the first is answered, the other three are
/// cancelled. All of this happens on the channel's only connection. Time is paused.
#[tokio::test(start_paused = true)]
async fn row_44_hedging_costs_no_connection() {
    let mut server = Server::new();
    add_probe_servicer_to_server(Slow, &mut server);
    let (channel, mut script) = new(FOUR_AT_ONCE);
    let stub = ProbeStub::new(channel);
    let first = tokio::spawn(stub.unary(request(10)).into_future());
    let connection = script.attempt().await.socket();
    server.add_connection(connection).unwrap();
    server.start().unwrap();
    within(first).await.unwrap().unwrap();
    hedge(&stub, 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: .ci/long runs it"]
async fn row_44_hedging_for_a_minute() {
    let mut server = Server::new();
    add_probe_servicer_to_server(Slow, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let config = ServiceConfig::from_json(FOUR_AT_ONCE).unwrap();
    let channel = Channel::builder()
        .service_config(config)
        .build_insecure(address.to_string())
        .unwrap();
    let stub = ProbeStub::new(channel);
    hedge(&stub, 30_000).await;
}
