//! The state transitions of "gRPC Connectivity Semantics and API", row by row: the states that may follow each state,
//! and the reason.
//!
//! A lost connection makes the channel idle, as in all gRPC implementations of today. The document still says
//! TRANSIENT_FAILURE.

use std::time::Duration;

use stubwright::ChannelConnectivity::{self, Connecting, Idle, Ready, Shutdown, TransientFailure};
use stubwright::{Channel, ChannelBuilder, Code, ConnectivityChanges, LoadBalancing};
use tokio::time::{Instant, sleep};

use crate::connectivity::{assert_about, call, call_with, outcome};
use crate::script::{Peer, Script, assert_states, within};
use crate::several::{Names, attempts};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn new() -> (Channel, Script, ConnectivityChanges) {
    let (channel, script) = Script::new(ChannelBuilder::default());
    let states = channel.subscribe();
    (channel, script, states)
}

async fn ready() -> (Channel, Script, ConnectivityChanges, Peer) {
    let (channel, mut script, mut states) = new();
    channel.state(true);
    let peer = script.serve().await;
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    (channel, script, states, peer)
}

/// Asserts that the state does not change for a while.
async fn assert_stays(states: &mut ConnectivityChanges, while_: Duration) {
    let change = tokio::time::timeout(while_, states.next()).await;
    assert!(change.is_err(), "{change:?}");
}

/// Asserts that these are the last states.
async fn assert_ends(mut states: ConnectivityChanges, expected: &[ChannelConnectivity]) {
    assert_states(&mut states, expected).await;
    assert_eq!(within(states.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn from_idle() {
    // Without activity, the state stays.
    let (channel, mut script, mut states) = new();
    assert_states(&mut states, &[Idle]).await;
    assert_stays(&mut states, 60 * MINUTE).await;
    assert!(script.is_quiet());
    // The channel is closed.
    channel.close();
    assert_ends(states, &[Shutdown]).await;
    // A new call.
    let (channel, mut script, mut states) = new();
    let _call = call(&channel);
    let _attempt = script.attempt().await;
    assert_states(&mut states, &[Idle, Connecting]).await;
    assert_stays(&mut states, 10 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn from_connecting() {
    // The channel is ready once all steps of connecting have succeeded.
    let (channel, mut script, mut states) = new();
    let _call = call(&channel);
    let attempt = script.attempt().await;
    assert_states(&mut states, &[Idle, Connecting]).await;
    let mut peer = attempt.accept();
    assert_stays(&mut states, 10 * SECOND).await;
    peer.greet().await;
    assert_states(&mut states, &[Ready]).await;
    // A step of connecting fails: the socket, the greeting, or the timeout.
    let (channel, mut script, mut states) = new();
    channel.state(true);
    assert_states(&mut states, &[Idle]).await;
    script.attempt().await.refuse();
    assert_states(&mut states, &[Connecting, TransientFailure]).await;
    drop(script.attempt().await.accept());
    assert_states(&mut states, &[Connecting, TransientFailure]).await;
    let began = Instant::now();
    let _silent = script.attempt().await.accept();
    assert_states(&mut states, &[Connecting, TransientFailure]).await;
    assert!(began.elapsed() <= 20 * SECOND, "{:?}", began.elapsed());
    // The channel is closed.
    let (channel, mut script, states) = new();
    channel.state(true);
    let attempt = script.attempt().await;
    channel.close();
    assert_ends(states, &[Idle, Connecting, Shutdown]).await;
    sleep(SECOND).await;
    assert!(attempt.is_given_up());
    // The channel is unused for the idle timeout.
    let (channel, mut script) = Script::new(Channel::builder().idle_timeout(5 * SECOND));
    let mut states = channel.subscribe();
    channel.state(true);
    let _attempt = script.attempt().await;
    let began = Instant::now();
    assert_states(&mut states, &[Idle, Connecting, Idle]).await;
    assert_eq!(began.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn from_ready() {
    // The connection is used successfully.
    let (channel, _script, mut states, mut peer) = ready().await;
    for _ in 0..3 {
        let call = call(&channel);
        peer.answer().await;
        outcome(call).await.unwrap();
    }
    assert_stays(&mut states, 29 * MINUTE).await;
    // The channel is unused for the idle timeout.
    assert_states(&mut states, &[Idle]).await;
    // A GOAWAY without open calls.
    let (_channel, mut script, mut states, mut peer) = ready().await;
    sleep(2 * SECOND).await;
    peer.go_away(0).await;
    assert_states(&mut states, &[Idle]).await;
    assert_stays(&mut states, 60 * MINUTE).await;
    assert!(script.is_quiet());
    // A GOAWAY with open calls, which complete. The next call connects again.
    let (channel, mut script, mut states, mut peer) = ready().await;
    let open = call(&channel);
    let stream = peer.request().await;
    peer.go_away(stream).await;
    assert_states(&mut states, &[Idle]).await;
    let next = call(&channel);
    let mut another = script.serve().await;
    another.answer().await;
    outcome(next).await.unwrap();
    peer.respond(stream).await;
    outcome(open).await.unwrap();
    assert_states(&mut states, &[Connecting, Ready]).await;
    assert_stays(&mut states, MINUTE).await;
    // A lost connection, with and without open calls. The next attempt starts at once if there is a call.
    let (channel, mut script, mut states, mut peer) = ready().await;
    let open = call(&channel);
    peer.request().await;
    drop(peer);
    assert_eq!(outcome(open).await.unwrap_err().code(), Code::Unavailable);
    assert_states(&mut states, &[Idle]).await;
    assert_stays(&mut states, MINUTE).await;
    let began = Instant::now();
    let next = call(&channel);
    script.serve().await.answer().await;
    outcome(next).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_states(&mut states, &[Connecting, Ready]).await;
    // The channel is closed.
    let (channel, _script, states, _peer) = ready().await;
    channel.close();
    assert_ends(states, &[Shutdown]).await;
}

#[tokio::test(start_paused = true)]
async fn from_transient_failure() {
    let (channel, mut script, mut states) = new();
    channel.state(true);
    let attempt = script.attempt().await;
    assert_states(&mut states, &[Idle, Connecting]).await;
    attempt.refuse();
    let began = Instant::now();
    assert_states(&mut states, &[TransientFailure]).await;
    // Calls do not shorten the back-off.
    let error = outcome(call(&channel)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let waits = call_with(&channel, |call| call.wait_for_ready(true));
    assert_states(&mut states, &[Connecting]).await;
    assert_about(began.elapsed(), SECOND);
    script.serve().await.answer().await;
    outcome(waits).await.unwrap();
    assert_states(&mut states, &[Ready]).await;
    // The channel is closed.
    let (channel, mut script, states) = new();
    let waits = call_with(&channel, |call| call.wait_for_ready(true));
    script.attempt().await.refuse();
    sleep(SECOND / 2).await;
    channel.close();
    assert_eq!(outcome(waits).await.unwrap_err().code(), Code::Cancelled);
    let expected = [Idle, Connecting, TransientFailure, Shutdown];
    assert_ends(states, &expected).await;
    sleep(MINUTE).await;
    assert!(script.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn from_shutdown() {
    let (channel, mut script, states) = new();
    channel.close();
    assert_ends(states, &[Idle, Shutdown]).await;
    assert_eq!(channel.state(true), Shutdown);
    let error = outcome(call(&channel)).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    channel.reset_connect_backoff();
    assert_ends(channel.subscribe(), &[Shutdown]).await;
    assert!(script.is_quiet());
}

/// With several servers, the channel is READY if one is. Otherwise it is CONNECTING if one may become ready, and then
/// TRANSIENT_FAILURE until one is ready.
#[tokio::test(start_paused = true)]
async fn of_several_servers() {
    let builder = Channel::builder()
        .resolver(Names::new(&["a:1", "b:1", "c:1"]))
        .load_balancing(LoadBalancing::round_robin());
    let (channel, mut script) = Script::new(builder);
    let mut states = channel.subscribe();
    channel.state(true);
    let [a, b, c] = attempts(&mut script).await;
    assert_states(&mut states, &[Idle, Connecting]).await;
    a.refuse();
    b.refuse();
    assert_stays(&mut states, SECOND / 2).await;
    let mut c = c.accept();
    c.greet().await;
    assert_states(&mut states, &[Ready]).await;
    // Further failures do not change the state.
    for _ in 0..4 {
        script.attempt().await.refuse();
    }
    assert_stays(&mut states, SECOND).await;
    // If the last ready server is lost, the channel reconnects at once.
    let began = Instant::now();
    drop(c);
    assert_states(&mut states, &[Connecting]).await;
    let c = loop {
        let attempt = script.attempt().await;
        if attempt.address == "c:1" {
            break attempt;
        }
        attempt.refuse();
    };
    c.refuse();
    assert_states(&mut states, &[TransientFailure]).await;
    assert!(began.elapsed() < 10 * SECOND);
    // The state stays through all attempts until one succeeds.
    for _ in 0..9 {
        script.attempt().await.refuse();
    }
    assert_stays(&mut states, SECOND / 2).await;
    let _peer = script.serve().await;
    assert_states(&mut states, &[Ready]).await;
}
