//! Client-side health checking (gRFC A17): servers have calls only while they report SERVING.

use std::time::Duration;

use stubwright::ChannelConnectivity::{Connecting, Idle, Ready, TransientFailure};
use stubwright::health::ServingStatus;
use stubwright::{Channel, Code, LoadBalancing, Server, ServiceConfig};
use stubwright_tests::Probe;
use stubwright_tests::frames::RST_STREAM;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};
use tokio::time::{Instant, sleep};

use crate::connectivity::{assert_about, call, call_with, outcome};
use crate::retries::UNAVAILABLE;
use crate::script::{Peer, Script, assert_states, within};
use crate::several::{Names, attempts};

const SERVING: [u8; 2] = [8, 1];
const NOT_SERVING: [u8; 2] = [8, 2];
const UNIMPLEMENTED: &str = "12";

fn config(policy: &str) -> ServiceConfig {
    let config = r#"{
        "loadBalancingConfig": [{"POLICY": {}}],
        "healthCheckConfig": {"serviceName": "probe"}
    }"#;
    ServiceConfig::from_json(&config.replace("POLICY", policy)).unwrap()
}

fn new(names: &[&str]) -> (Channel, Script) {
    let builder = Channel::builder()
        .resolver(Names::new(names))
        .service_config(config("round_robin"));
    Script::new(builder)
}

/// Waits for the next request, which must be a health check. Returns its stream.
async fn asked(peer: &mut Peer) -> u32 {
    let stream = peer.request().await;
    assert_eq!(peer.head[":path"], "/grpc.health.v1.Health/Watch");
    assert_eq!(peer.head[":authority"], "server.test:1");
    assert_eq!(peer.body, [b"\0\0\0\0\x07\x0a\x05", &b"probe"[..]].concat());
    stream
}

/// Connects a server that reports its health at once. Returns the stream for further reports.
async fn told(peer: &mut Peer, health: [u8; 2]) -> u32 {
    let stream = asked(peer).await;
    peer.begin(stream).await;
    peer.message(stream, &health).await;
    stream
}

#[tokio::test(start_paused = true)]
async fn a_server_is_used_only_while_it_is_serving() {
    let (channel, mut script) = new(&["a:1"]);
    let mut states = channel.subscribe();
    let waits = call(&channel);
    let mut peer = script.serve().await;
    let watch = asked(&mut peer).await;
    peer.begin(watch).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(channel.state(false), Connecting);
    peer.message(watch, &SERVING).await;
    peer.answer().await;
    outcome(waits).await.unwrap();
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    for health in [NOT_SERVING, [8, 3], [8, 0]] {
        peer.message(watch, &health).await;
        assert_states(&mut states, &[TransientFailure]).await;
        let error = outcome(call(&channel)).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("is not SERVING"), "{error}");
        let waits = call_with(&channel, |call| call.wait_for_ready(true));
        sleep(Duration::from_secs(60)).await;
        peer.message(watch, &SERVING).await;
        peer.answer().await;
        outcome(waits).await.unwrap();
        assert_states(&mut states, &[Ready]).await;
    }
    assert!(script.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_the_servers_that_are_serving() {
    let (channel, mut script) = new(&["a:1", "b:1"]);
    channel.state(true);
    let [a, b] = attempts(&mut script).await;
    let (mut a, mut b) = (a.accept(), b.accept());
    a.greet().await;
    b.greet().await;
    let watch = told(&mut a, NOT_SERVING).await;
    told(&mut b, SERVING).await;
    within(channel.ready()).await.unwrap();
    for _ in 0..4 {
        let next = call(&channel);
        b.answer().await;
        outcome(next).await.unwrap();
    }
    a.message(watch, &SERVING).await;
    sleep(Duration::from_millis(1)).await;
    let both = [call(&channel), call(&channel)];
    tokio::join!(a.answer(), b.answer());
    for call in both {
        outcome(call).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_health_service_counts_as_serving() {
    let (channel, mut script) = new(&["a:1"]);
    let first = call(&channel);
    let mut peer = script.serve().await;
    let watch = asked(&mut peer).await;
    peer.fail(watch, false, UNIMPLEMENTED, &[]).await;
    peer.answer().await;
    outcome(first).await.unwrap();
    // It is not asked again.
    sleep(Duration::from_secs(1000)).await;
    let second = call(&channel);
    peer.answer().await;
    outcome(second).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_watch_is_repeated_after_growing_waits() {
    let (channel, mut script) = new(&["a:1"]);
    let mut states = channel.subscribe();
    channel.state(true);
    let mut peer = script.serve().await;
    let mut watch = asked(&mut peer).await;
    assert_states(&mut states, &[Idle, Connecting]).await;
    for wait in [1.0, 1.6, 2.56] {
        let began = Instant::now();
        peer.fail(watch, false, UNAVAILABLE, &[("grpc-message", "busy")])
            .await;
        watch = asked(&mut peer).await;
        assert_about(began.elapsed(), Duration::from_secs_f64(wait));
    }
    assert_states(&mut states, &[TransientFailure]).await;
    let error = outcome(call(&channel)).await.unwrap_err();
    assert!(error.message().contains("busy"), "{error}");
    peer.begin(watch).await;
    peer.message(watch, &SERVING).await;
    assert_states(&mut states, &[Ready]).await;
    // A watch that has reported for a while is repeated at once.
    sleep(Duration::from_secs(2)).await;
    let mut began = Instant::now();
    peer.fail(watch, true, UNAVAILABLE, &[]).await;
    for wait in [0, 1, 1] {
        watch = told(&mut peer, SERVING).await;
        match wait {
            0 => assert_eq!(began.elapsed(), Duration::ZERO),
            wait => assert_about(began.elapsed(), Duration::from_secs(wait)),
        }
        assert_states(&mut states, &[TransientFailure, Ready]).await;
        // A watch that ends at once every time is repeated once a second.
        began = Instant::now();
        peer.fail(watch, true, UNAVAILABLE, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_connection_is_checked_and_the_check_does_not_keep_it_open() {
    let (channel, mut script) = new(&["a:1"]);
    let mut states = channel.subscribe();
    channel.state(true);
    let mut first = script.serve().await;
    told(&mut first, SERVING).await;
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    drop(first);
    let mut second = script.serve().await;
    let watch = told(&mut second, SERVING).await;
    assert_states(&mut states, &[Connecting, Ready]).await;
    let began = Instant::now();
    loop {
        let (kind, _, stream) = second
            .read()
            .await
            .expect("the watch should be cancelled first");
        if kind == RST_STREAM {
            assert_eq!(stream, watch);
            break;
        }
    }
    assert_eq!(began.elapsed(), Duration::from_secs(30 * 60));
    second.ended().await;
    assert_states(&mut states, &[Idle]).await;
    drop(channel);
}

#[tokio::test(start_paused = true)]
async fn with_pick_first_no_server_is_checked() {
    let (channel, mut script) =
        Script::new(Channel::builder().service_config(config("pick_first")));
    let first = call(&channel);
    script.serve().await.answer().await;
    outcome(first).await.unwrap();
}

/// Retry policies for all methods do not apply to the watch, which is about one particular server.
#[tokio::test(start_paused = true)]
async fn policies_leave_the_watch_alone() {
    let config = r#"{
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": "probe"},
        "methodConfig": [{"name": [{}], "retryPolicy": {
            "maxAttempts": 5, "initialBackoff": "0.001s", "maxBackoff": "0.001s",
            "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]
        }}]
    }"#;
    let builder = Channel::builder().service_config(ServiceConfig::from_json(config).unwrap());
    let (channel, mut script) = Script::new(builder.resolver(Names::new(&["a:1", "b:1"])));
    channel.state(true);
    let [a, b] = attempts(&mut script).await;
    let (mut a, mut b) = (a.accept(), b.accept());
    a.greet().await;
    b.greet().await;
    told(&mut b, SERVING).await;
    let began = Instant::now();
    let watch = asked(&mut a).await;
    a.refuse(watch).await;
    asked(&mut a).await;
    assert_about(began.elapsed(), Duration::from_secs(1));
    let next = call(&channel);
    b.answer().await;
    outcome(next).await.unwrap();
}

#[tokio::test]
async fn a_real_server_reports_its_health() {
    let mut server = Server::new();
    let (probe, _events) = Probe::new();
    add_probe_servicer_to_server(probe, &mut server);
    let health = server.add_health();
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::builder()
        .load_balancing(LoadBalancing::round_robin())
        .service_config(
            ServiceConfig::from_json(r#"{"healthCheckConfig": {"serviceName": "probe"}}"#).unwrap(),
        )
        .build_insecure(address.to_string())
        .unwrap();
    let mut states = channel.subscribe();
    let stub = ProbeStub::new(channel);
    let error = within(stub.unary(Request::default())).await.unwrap_err();
    assert!(error.message().contains("SERVICE_UNKNOWN"), "{error}");
    health.set("probe", ServingStatus::Serving);
    let waits = stub.unary(Request::default()).wait_for_ready(true);
    within(waits).await.unwrap();
    health.set("probe", ServingStatus::NotServing);
    assert_states(
        &mut states,
        &[Idle, Connecting, TransientFailure, Ready, TransientFailure],
    )
    .await;
}
