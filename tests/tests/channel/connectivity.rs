//! The states of a channel, as in gRPC's connectivity semantics, over scripted connections and with paused time.

use std::time::Duration;

use stubwright::ChannelConnectivity::{Connecting, Idle, Ready, Shutdown, TransientFailure};
use stubwright::{Channel, ChannelBuilder, Code, Result};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::script::{Script, assert_states, within};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn new() -> (Channel, Script) {
    Script::new(ChannelBuilder::default())
}

pub fn call(channel: &Channel) -> JoinHandle<Result<Response>> {
    call_with(channel, |call| call)
}

pub type Call = stubwright::UnaryCall<Request, Response>;

pub fn call_with(channel: &Channel, options: fn(Call) -> Call) -> JoinHandle<Result<Response>> {
    let stub = ProbeStub::new(channel.clone());
    tokio::spawn(options(stub.unary(Request::default())).into_future())
}

pub async fn outcome(call: JoinHandle<Result<Response>>) -> Result<Response> {
    within(call).await.unwrap()
}

/// Asserts a duration that jitter changes by up to a fifth.
pub fn assert_about(took: Duration, expected: Duration) {
    let range = expected.mul_f64(0.79)..expected.mul_f64(1.21);
    assert!(range.contains(&took), "{took:?} is not about {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_channel_connects_when_it_is_asked_to() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    assert_eq!(channel.state(false), Idle);
    sleep(MINUTE).await;
    assert!(script.is_quiet());
    assert_eq!(channel.state(true), Idle);
    let attempt = script.attempt().await;
    assert_eq!(attempt.address, "server.test:1");
    assert_eq!(channel.state(false), Connecting);
    let mut peer = attempt.accept();
    sleep(SECOND).await;
    // An open socket does not yet show that the server speaks HTTP/2.
    assert_eq!(channel.state(false), Connecting);
    peer.greet().await;
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    sleep(2 * SECOND).await;
    drop(peer);
    assert_states(&mut states, &[Idle]).await;
    sleep(MINUTE).await;
    assert!(script.is_quiet());
    drop(channel);
    assert_states(&mut states, &[Shutdown]).await;
    assert_eq!(states.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_call_connects_and_waits_meanwhile() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    let call = call(&channel);
    let mut peer = script.serve().await;
    peer.answer().await;
    outcome(call).await.unwrap();
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
}

#[tokio::test(start_paused = true)]
async fn failed_attempts_are_repeated_after_growing_waits() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    channel.state(true);
    let mut attempt = script.attempt().await;
    assert_states(&mut states, &[Idle]).await;
    for wait in [1.0, 1.6, 2.56, 4.096] {
        let began = Instant::now();
        attempt.refuse();
        attempt = script.attempt().await;
        assert_about(began.elapsed(), Duration::from_secs_f64(wait));
        assert_states(&mut states, &[Connecting, TransientFailure]).await;
    }
    let mut peer = attempt.accept();
    peer.greet().await;
    assert_states(&mut states, &[Connecting, Ready]).await;
    sleep(10 * SECOND).await;
    drop(peer);
    assert_states(&mut states, &[Idle]).await;
    // A connection that lasts resets the back-off to one second.
    channel.state(true);
    script.attempt().await.refuse();
    let began = Instant::now();
    script.attempt().await;
    assert_about(began.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_back_off_stays_within_its_options() {
    let (channel, mut script) = Script::new(
        Channel::builder()
            .initial_reconnect_backoff(Duration::from_millis(100))
            .max_reconnect_backoff(Duration::from_millis(200)),
    );
    channel.state(true);
    let mut attempt = script.attempt().await;
    for wait in [100, 160, 200, 200] {
        let began = Instant::now();
        attempt.refuse();
        attempt = script.attempt().await;
        assert_about(began.elapsed(), Duration::from_millis(wait));
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_a_timeout_and_the_back_off_counts_from_its_beginning() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    let began = Instant::now();
    let call = call(&channel);
    let hangs = script.attempt().await;
    let error = outcome(call).await.unwrap_err();
    assert_eq!(began.elapsed(), 20 * SECOND);
    assert_eq!(error.code(), Code::Unavailable);
    let said = "cannot connect to server.test:1: no connection was made within 20s";
    assert_eq!(error.message(), said);
    // The back-off had ended before the attempt timed out.
    script.attempt().await;
    assert_eq!(began.elapsed(), 20 * SECOND);
    assert_states(
        &mut states,
        &[Idle, Connecting, TransientFailure, Connecting],
    )
    .await;
    assert!(hangs.is_given_up());
}

#[tokio::test(start_paused = true)]
async fn the_back_off_can_be_reset() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    channel.state(true);
    script.attempt().await.refuse();
    assert_states(&mut states, &[Idle, Connecting, TransientFailure]).await;
    let began = Instant::now();
    channel.reset_connect_backoff();
    script.attempt().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_calls_becomes_idle() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    let open = call(&channel);
    let mut peer = script.serve().await;
    let stream = peer.request().await;
    sleep(60 * MINUTE).await;
    // A channel with an open call does not become idle.
    assert_eq!(channel.state(false), Ready);
    let began = Instant::now();
    peer.respond(stream).await;
    outcome(open).await.unwrap();
    peer.ended().await;
    assert_eq!(began.elapsed(), 30 * MINUTE);
    drop(peer);
    assert_states(&mut states, &[Idle, Connecting, Ready, Idle]).await;
    // The next call connects again.
    let again = call(&channel);
    script.serve().await.answer().await;
    outcome(again).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn unwanted_attempts_end() {
    let (channel, mut script) = Script::new(Channel::builder().idle_timeout(10 * SECOND));
    let mut states = channel.subscribe();
    let began = Instant::now();
    channel.state(true);
    let attempt = script.attempt().await;
    assert_states(&mut states, &[Idle, Connecting, Idle]).await;
    assert_eq!(began.elapsed(), 10 * SECOND);
    sleep(SECOND).await;
    assert!(attempt.is_given_up());
    // A waiting call keeps the attempts going.
    let waits = call_with(&channel, |call| call.timeout(60 * SECOND));
    let attempt = script.attempt().await;
    sleep(19 * SECOND).await;
    assert!(!attempt.is_given_up());
    attempt.accept().greet().await;
    assert_states(&mut states, &[Connecting, Ready]).await;
    drop(waits);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_without_calls_leaves_the_channel_idle() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    channel.state(true);
    let mut peer = script.serve().await;
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    sleep(2 * SECOND).await;
    peer.go_away(0).await;
    assert_states(&mut states, &[Idle]).await;
    sleep(MINUTE).await;
    assert!(script.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_open_when_the_server_goes_away_end_in_order() {
    let (channel, mut script) = new();
    let open = call(&channel);
    let mut peer = script.serve().await;
    let stream = peer.request().await;
    peer.go_away(stream).await;
    let mut states = channel.subscribe();
    while channel.state(false) == Ready {
        within(states.next()).await;
    }
    let next = call(&channel);
    script.serve().await.answer().await;
    outcome(next).await.unwrap();
    peer.respond(stream).await;
    outcome(open).await.unwrap();
    peer.ended().await;
}

#[tokio::test(start_paused = true)]
async fn calls_fail_at_once_in_transient_failure_unless_they_wait_for_ready() {
    let (channel, mut script) = new();
    let first = call(&channel);
    let waits = call_with(&channel, |call| call.wait_for_ready(true));
    let has_deadline = call_with(&channel, |call| {
        call.wait_for_ready(true)
            .timeout(Duration::from_millis(500))
    });
    script.attempt().await.refuse();
    let began = Instant::now();
    for call in [first, call(&channel)] {
        let error = outcome(call).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        let said = "cannot connect to server.test:1: nobody is here";
        assert_eq!(error.message(), said);
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    let error = outcome(has_deadline).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(began.elapsed() <= Duration::from_millis(501));
    // Every call waits during an attempt, whether or not it waits for ready.
    let attempt = script.attempt().await;
    let late = call(&channel);
    let mut peer = attempt.accept();
    peer.greet().await;
    for _ in 0..2 {
        peer.answer().await;
    }
    outcome(waits).await.unwrap();
    outcome(late).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_appears_two_seconds_later_is_found() {
    let (channel, mut script) = Script::new(Channel::builder().wait_for_ready(true));
    let began = Instant::now();
    let waits = call(&channel);
    let fails = call_with(&channel, |call| call.wait_for_ready(false));
    let mut attempt = script.attempt().await;
    while began.elapsed() < 2 * SECOND {
        attempt.refuse();
        attempt = script.attempt().await;
    }
    assert_eq!(outcome(fails).await.unwrap_err().code(), Code::Unavailable);
    let mut peer = attempt.accept();
    peer.greet().await;
    peer.answer().await;
    outcome(waits).await.unwrap();
    assert!(began.elapsed() < 5 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn ready_waits_however_often_an_attempt_fails() {
    let (channel, mut script) = new();
    let ready = tokio::spawn({
        let channel = channel.clone();
        async move { channel.ready().await }
    });
    for _ in 0..3 {
        script.attempt().await.refuse();
    }
    let _peer = script.serve().await;
    within(ready).await.unwrap().unwrap();
    assert_eq!(channel.state(false), Ready);
}

#[tokio::test(start_paused = true)]
async fn a_closed_channel_finishes_its_calls_and_accepts_no_more() {
    let (channel, mut script) = new();
    let mut states = channel.subscribe();
    let open = call(&channel);
    let mut peer = script.serve().await;
    let stream = peer.request().await;
    channel.clone().close();
    assert_states(&mut states, &[Idle, Connecting, Ready, Shutdown]).await;
    assert_eq!(states.next().await, None);
    let error = outcome(call_with(&channel, |call| call.wait_for_ready(true))).await;
    assert_eq!(error.unwrap_err().code(), Code::Cancelled);
    let error = channel.ready().await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    assert_eq!(channel.state(true), Shutdown);
    peer.respond(stream).await;
    outcome(open).await.unwrap();
    peer.ended().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_when_the_channel_is_closed_are_cancelled() {
    let (channel, mut script) = new();
    let waits = call_with(&channel, |call| call.wait_for_ready(true));
    let attempt = script.attempt().await;
    channel.close();
    let error = outcome(waits).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    sleep(SECOND).await;
    assert!(attempt.is_given_up());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_dropped_ends_its_attempt() {
    let (channel, mut script) = new();
    channel.state(true);
    let attempt = script.attempt().await;
    drop(channel);
    sleep(SECOND).await;
    assert!(attempt.is_given_up());
}

#[test]
fn a_channel_outlives_its_runtime() {
    let (channel, mut script) = new();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    for _ in 0..2 {
        runtime().block_on(async {
            let call = call(&channel);
            script.serve().await.answer().await;
            outcome(call).await.unwrap();
        });
    }
    // A runtime that ends during an attempt also leaves the channel idle.
    runtime().block_on(async {
        channel.state(true);
        drop(script.attempt().await);
    });
    assert_eq!(channel.state(false), Idle);
    runtime().block_on(async {
        drop(call(&channel));
        script.attempt().await;
    });
    runtime().block_on(async {
        let call = call(&channel);
        script.serve().await.answer().await;
        outcome(call).await.unwrap();
    });
}

#[test]
fn the_calls_of_a_runtime_that_ends_are_unavailable() {
    let (channel, mut script) = new();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let call = ProbeStub::new(channel).unary(Request::default());
    let mut call = std::pin::pin!(call.into_future());
    first.block_on(async {
        let mut peer = tokio::select! {
            result = &mut call => panic!("{result:?}"),
            peer = script.serve() => peer,
        };
        tokio::select! {
            result = &mut call => panic!("{result:?}"),
            _ = peer.request() => {}
        }
    });
    drop(first);
    let status = runtime().block_on(call).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
