//! Retries: transparent retries of the protocol, and retries by the policy of a service config.

use std::time::Duration;

use futures_util::stream;
use stubwright::{
    Channel, Code, Handlers, Prost, Result, Server, ServerCall, ServiceConfig, ServicerContext,
    Status,
};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::connectivity::{assert_about, call, call_with, outcome};
use crate::script::{Peer, Script, within};

pub const UNAVAILABLE: &str = "14";

/// Four attempts. The back-off starts at 100 ms and doubles.
pub const POLICY: &str = r#"{
    "methodConfig": [{
        "name": [{"service": "probe.v1.Probe"}],
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.1s",
            "maxBackoff": "10s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"]
        }
    }]
}"#;

pub fn new(config: &str) -> (Channel, Script) {
    let config = ServiceConfig::from_json(config).unwrap();
    Script::new(Channel::builder().service_config(config))
}

pub fn previous(peer: &Peer) -> Option<&str> {
    peer.head
        .get("grpc-previous-rpc-attempts")
        .map(String::as_str)
}

/// Answers the next request with a status and no message.
pub async fn fail_next(peer: &mut Peer, code: &str, more: &[(&str, &str)]) {
    let stream = peer.request().await;
    peer.fail(stream, false, code, more).await;
}

pub fn request(size: usize) -> Request {
    Request {
        payload: vec![7; size],
        ..Request::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_made_again_by_its_policy() {
    let (channel, mut script) = new(POLICY);
    let stub = ProbeStub::new(channel);
    let call = tokio::spawn(stub.unary(request(10)).with_call().into_future());
    let mut peer = script.serve().await;
    let mut stream = peer.request().await;
    let body = peer.body.clone();
    assert_eq!(body.len(), 17);
    assert_eq!(previous(&peer), None);
    for (attempt, wait) in [("1", 100), ("2", 200), ("3", 400)] {
        let began = Instant::now();
        peer.fail(stream, false, UNAVAILABLE, &[]).await;
        stream = peer.request().await;
        assert_about(began.elapsed(), Duration::from_millis(wait));
        assert_eq!(previous(&peer), Some(attempt));
        assert_eq!(peer.body, body);
    }
    peer.respond(stream).await;
    let (_, call) = within(call).await.unwrap().unwrap();
    assert_eq!(call.previous_rpc_attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_counts() {
    let (channel, mut script) = new(POLICY);
    let call = call(&channel);
    let mut peer = script.serve().await;
    for attempt in ["a", "b", "c", "d"] {
        fail_next(&mut peer, UNAVAILABLE, &[("grpc-message", attempt)]).await;
    }
    assert_eq!(outcome(call).await.unwrap_err().message(), "d");
}

#[tokio::test(start_paused = true)]
async fn a_status_outside_the_policy_ends_the_call() {
    let (channel, mut script) = new(POLICY);
    let first = call(&channel);
    let mut peer = script.serve().await;
    fail_next(&mut peer, "5", &[]).await;
    assert_eq!(outcome(first).await.unwrap_err().code(), Code::NotFound);
    // A call is not retried once its response has begun, because the caller may have seen it.
    let begun = call(&channel);
    let stream = peer.request().await;
    peer.begin(stream).await;
    peer.fail(stream, true, UNAVAILABLE, &[]).await;
    assert_eq!(outcome(begun).await.unwrap_err().code(), Code::Unavailable);
    // A call without time left is not retried.
    let short = call_with(&channel, |call| call.timeout(Duration::from_millis(50)));
    let began = Instant::now();
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    assert_eq!(outcome(short).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(began.elapsed(), Duration::ZERO);
    // A call that the caller has dropped is not retried.
    let dropped = call(&channel);
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    dropped.abort();
    sleep(Duration::from_secs(10)).await;
    let last = call(&channel);
    peer.answer().await;
    assert_eq!(previous(&peer), None);
    outcome(last).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn push_back_sets_the_time_of_the_next_attempt() {
    let (channel, mut script) = new(POLICY);
    let pushed = call(&channel);
    let mut peer = script.serve().await;
    let began = Instant::now();
    fail_next(
        &mut peer,
        UNAVAILABLE,
        &[("grpc-retry-pushback-ms", "5000")],
    )
    .await;
    peer.answer().await;
    assert_eq!(began.elapsed().as_secs(), 5);
    outcome(pushed).await.unwrap();
    for never in ["-1", "soon", ""] {
        let call = call(&channel);
        fail_next(&mut peer, UNAVAILABLE, &[("grpc-retry-pushback-ms", never)]).await;
        assert_eq!(outcome(call).await.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_throttled() {
    let throttled = POLICY.trim_end().strip_suffix('}').unwrap().to_owned()
        + r#", "retryThrottling": {"maxTokens": 4, "tokenRatio": 1}}"#;
    let (channel, mut script) = new(&throttled);
    // The first failure leaves three of four tokens, the second leaves two, which is half.
    let first = call(&channel);
    let mut peer = script.serve().await;
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    outcome(first).await.unwrap_err();
    let second = call(&channel);
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    outcome(second).await.unwrap_err();
    // Successful calls return tokens.
    for _ in 0..3 {
        let call = call(&channel);
        peer.answer().await;
        outcome(call).await.unwrap();
    }
    let last = call(&channel);
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    peer.answer().await;
    outcome(last).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_missing_server_counts_as_unavailable() {
    let (channel, mut script) = new(POLICY);
    let call = call(&channel);
    let began = Instant::now();
    script.attempt().await.refuse();
    // All attempts at the call happen before the next attempt to connect, a second later.
    let error = outcome(call).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_about(began.elapsed(), Duration::from_millis(700));
}

#[tokio::test(start_paused = true)]
async fn a_call_outlives_the_connection_it_was_on() {
    let (channel, mut script) = new(POLICY);
    let call = call(&channel);
    let mut peer = script.serve().await;
    peer.request().await;
    drop(peer);
    let mut peer = script.serve().await;
    peer.answer().await;
    assert_eq!(previous(&peer), Some("1"));
    outcome(call).await.unwrap();
}

fn client_stream(channel: &Channel, sizes: Vec<usize>) -> JoinHandle<Result<Response>> {
    let stub = ProbeStub::new(channel.clone());
    let requests = stream::iter(sizes.into_iter().map(request));
    tokio::spawn(stub.client_stream(requests).into_future())
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_requests_is_sent_again_from_its_beginning() {
    let (channel, mut script) = new(POLICY);
    let sizes = vec![100, 10_000, 30_000, 0, 1];
    let call = client_stream(&channel, sizes);
    let mut peer = script.serve().await;
    let stream = peer.request().await;
    let body = peer.body.clone();
    assert!(body.len() > 40_000);
    // A refusal does not count as an attempt. A failure does.
    peer.refuse(stream).await;
    fail_next(&mut peer, UNAVAILABLE, &[]).await;
    assert!(peer.body == body);
    peer.answer().await;
    assert!(peer.body == body);
    assert_eq!(previous(&peer), Some("1"));
    outcome(call).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cut_off_is_sent_again_whole() {
    let (channel, mut script) = new(POLICY);
    let call = client_stream(&channel, vec![50_000; 4]);
    let mut peer = script.serve().await;
    // The stream's window allows 65,535 bytes.
    peer.body(65_535).await;
    peer.fail(1, false, UNAVAILABLE, &[]).await;
    peer.body.clear();
    while !peer.head.contains_key("grpc-previous-rpc-attempts") {
        peer.read().await.unwrap();
    }
    peer.widen(3, 1 << 20).await;
    let stream = peer.request().await;
    assert_eq!(stream, 3);
    assert!(peer.body.len() > 200_000);
    peer.respond(stream).await;
    outcome(call).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_too_large_to_keep_is_not_retried() {
    let config = ServiceConfig::from_json(POLICY).unwrap();
    let small = Channel::builder().per_rpc_retry_buffer_size(1000);
    for (builder, size, again) in [
        (small.clone(), 900, true),
        (small, 1000, false),
        (Channel::builder().retry_buffer_size(20_000), 15_000, true),
        (Channel::builder().retry_buffer_size(20_000), 25_000, false),
        (Channel::builder(), 60_000, true),
    ] {
        let (channel, mut script) = Script::new(builder.service_config(config.clone()));
        let call = client_stream(&channel, vec![size]);
        let mut peer = script.serve().await;
        fail_next(&mut peer, UNAVAILABLE, &[]).await;
        if again {
            peer.answer().await;
        }
        assert_eq!(outcome(call).await.is_ok(), again, "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_config_has_a_timeout_limits_and_wait_for_ready() {
    let (channel, mut script) = new(r#"{
        "methodConfig": [{
            "name": [{"service": "probe.v1.Probe", "method": "Unary"}],
            "timeout": "3s",
            "waitForReady": true,
            "maxRequestMessageBytes": 100,
            "maxResponseMessageBytes": 3
        }]
    }"#);
    let began = Instant::now();
    let waits = call(&channel);
    let fails = call_with(&channel, |call| call.wait_for_ready(false));
    let shorter = call_with(&channel, |call| call.timeout(Duration::from_secs(2)));
    script.attempt().await.refuse();
    assert_eq!(outcome(fails).await.unwrap_err().code(), Code::Unavailable);
    for (call, seconds) in [(shorter, 2), (waits, 3)] {
        let error = outcome(call).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
    let stub = ProbeStub::new(channel.clone());
    let error = within(stub.unary(request(200))).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().contains("over the limit of 100"), "{error}");
    let large = tokio::spawn(stub.unary(request(1)).into_future());
    let mut peer = script.serve().await;
    let stream = peer.request().await;
    peer.begin(stream).await;
    peer.message(stream, &[0; 4]).await;
    let error = outcome(large).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    // Other methods are not affected.
    let other = client_stream(&channel, vec![200]);
    peer.answer().await;
    outcome(other).await.unwrap();
}

#[tokio::test]
async fn a_server_knows_the_attempts_before() {
    let method = "/probe.v1.Probe/Unary";
    let answer = async |_: String, context: ServicerContext| match context.previous_rpc_attempts() {
        0 => Err(Status::unavailable("the first attempt")),
        attempts => Ok(attempts.to_string()),
    };
    let telling = async |mut call: ServerCall| {
        let end = call.proceed().await;
        assert_eq!(end.previous_rpc_attempts, u32::from(end.result.is_ok()));
        end.result
    };
    let mut server = Server::builder().interceptor(telling).build();
    server.add_handlers(Handlers::new().unary_unary(method, Prost, answer));
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let config = ServiceConfig::from_json(POLICY).unwrap();
    let channel = Channel::builder().service_config(config);
    let channel = channel.build_insecure(address.to_string()).unwrap();
    let call = channel.unary_unary(method, Prost, String::new());
    let answer: String = within(call.into_future()).await.unwrap();
    assert_eq!(answer, "1");
}
