//! Several connections to one server, opened when its limit of streams holds calls back.

use std::time::Duration;

use stubwright::ChannelConnectivity::{Connecting, Idle, Ready, Shutdown};
use stubwright::{Channel, Code, Result, ServiceConfig};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::io::duplex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::connectivity::{assert_about, call, call_with, outcome};
use crate::script::{Peer, Script, assert_states, within};

const SECOND: Duration = Duration::from_secs(1);

fn up_to(connections: usize) -> (Channel, Script) {
    Script::new(Channel::builder().max_connections_per_subchannel(connections))
}

fn calls(channel: &Channel, count: usize) -> Vec<JoinHandle<Result<Response>>> {
    (0..count).map(|_| call(channel)).collect()
}

async fn all_well(calls: Vec<JoinHandle<Result<Response>>>) {
    for call in calls {
        outcome(call).await.unwrap();
    }
}

/// Returns whether no frame arrives from a peer for a while.
async fn is_quiet(peer: &mut Peer) -> bool {
    let waits = tokio::time::timeout(Duration::from_millis(10), peer.request());
    waits.await.is_err()
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_stream_limit_open_another_connection() {
    let (channel, mut script) = up_to(3);
    let mut states = channel.subscribe();
    let calls = calls(&channel, 5);
    let mut peers = Vec::new();
    let mut streams = Vec::new();
    for taken in [2, 2, 1] {
        let mut peer = script.serve_up_to(2).await;
        let mut open = Vec::new();
        for _ in 0..taken {
            open.push(peer.request().await);
        }
        peers.push(peer);
        streams.push(open);
    }
    sleep(SECOND).await;
    assert!(script.is_quiet());
    for (peer, open) in peers.iter_mut().zip(streams) {
        for stream in open {
            peer.respond(stream).await;
        }
    }
    all_well(calls).await;
    // The channel stayed ready all the time.
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    channel.close();
    assert_states(&mut states, &[Shutdown]).await;
}

#[tokio::test(start_paused = true)]
async fn connections_stay_within_the_option_and_waiting_calls_take_free_streams() {
    let (channel, mut script) = up_to(2);
    let calls = calls(&channel, 4);
    let mut first = script.serve_up_to(1).await;
    let on_first = first.request().await;
    let mut second = script.serve_up_to(1).await;
    let on_second = second.request().await;
    sleep(10 * SECOND).await;
    assert!(script.is_quiet());
    // The next call goes to any connection with a free stream.
    second.respond(on_second).await;
    second.answer().await;
    assert!(is_quiet(&mut first).await);
    let on_second = second.request().await;
    first.respond(on_first).await;
    second.respond(on_second).await;
    all_well(calls).await;
    // Waiting calls are served in the order of their arrival.
    for _ in 0..3 {
        let next = call(&channel);
        first.answer().await;
        outcome(next).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn with_one_connection_calls_wait_until_a_stream_is_free_or_their_deadline_passes() {
    let (channel, mut script) = up_to(1);
    let first = call(&channel);
    let short = call_with(&channel, |call| call.timeout(SECOND));
    let last = call(&channel);
    let mut peer = script.serve_up_to(1).await;
    let stream = peer.request().await;
    let error = outcome(short).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("room"), "{error}");
    assert!(script.is_quiet());
    // A call that is dropped while it waits takes no stream.
    let dropped = call(&channel);
    sleep(SECOND).await;
    dropped.abort();
    peer.respond(stream).await;
    peer.answer().await;
    all_well(vec![first, last]).await;
    // A raised limit frees streams too.
    let calls = calls(&channel, 3);
    let streams = [peer.request().await];
    assert!(is_quiet(&mut peer).await);
    peer.limit(3).await;
    let more = [peer.request().await, peer.request().await];
    for stream in streams.into_iter().chain(more) {
        peer.respond(stream).await;
    }
    all_well(calls).await;
}

#[tokio::test(start_paused = true)]
async fn unneeded_connections_are_closed() {
    let (channel, mut script) = up_to(2);
    let both = calls(&channel, 2);
    let mut first = script.serve_up_to(1).await;
    let on_first = first.request().await;
    let mut second = script.serve_up_to(1).await;
    second.answer().await;
    let began = Instant::now();
    first.respond(on_first).await;
    all_well(both).await;
    let mut used = tokio::spawn(async move {
        second.ended().await;
        began.elapsed()
    });
    // The first connection stays in use.
    for _ in 0..6 {
        sleep(9 * SECOND).await;
        let next = call(&channel);
        first.answer().await;
        outcome(next).await.unwrap();
    }
    assert_eq!(within(&mut used).await.unwrap(), 60 * SECOND);
    assert_eq!(channel.state(false), Ready);
    let last = call(&channel);
    first.answer().await;
    outcome(last).await.unwrap();
    assert!(script.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_made_beside_others_fails_no_call() {
    let (channel, mut script) = up_to(2);
    let mut states = channel.subscribe();
    let both = calls(&channel, 2);
    let mut first = script.serve_up_to(1).await;
    let on_first = first.request().await;
    let mut attempt = script.attempt().await;
    for wait in [1.0, 1.6, 2.56] {
        let began = Instant::now();
        attempt.refuse();
        attempt = script.attempt().await;
        assert_about(began.elapsed(), Duration::from_secs_f64(wait));
    }
    attempt.refuse();
    first.respond(on_first).await;
    first.answer().await;
    all_well(both).await;
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    // No call is waiting any more.
    sleep(60 * SECOND).await;
    assert!(script.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_leaves_the_others_alone() {
    let (channel, mut script) = up_to(2);
    let mut states = channel.subscribe();
    let both = calls(&channel, 2);
    let mut first = script.serve_up_to(1).await;
    first.request().await;
    let mut second = script.serve_up_to(1).await;
    let on_second = second.request().await;
    first.go_away(0).await;
    sleep(SECOND).await;
    // Calls that the lost connection has not processed wait for the second one, or for a third.
    let mut third = script.serve_up_to(1).await;
    third.answer().await;
    second.respond(on_second).await;
    all_well(both).await;
    assert_states(&mut states, &[Idle, Connecting, Ready]).await;
    drop((second, third));
    assert_states(&mut states, &[Idle]).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_config_limits_the_connections() {
    let config = r#"{"connectionScaling": {"maxConnectionsPerSubchannel": 2}}"#;
    let config = ServiceConfig::from_json(config).unwrap();
    let builder = Channel::builder().max_connections_per_subchannel(1);
    let (channel, mut script) = Script::new(builder.service_config(config));
    let both = calls(&channel, 2);
    let mut first = script.serve_up_to(1).await;
    let on_first = first.request().await;
    script.serve_up_to(1).await.answer().await;
    first.respond(on_first).await;
    all_well(both).await;
}

/// A channel over a given connection opens no others.
#[tokio::test(start_paused = true)]
async fn a_connection_that_was_open_already_stays_alone() {
    let (ours, theirs) = duplex(1 << 20);
    let stub = ProbeStub::new(Channel::over(theirs));
    let call = || tokio::spawn(stub.unary(Request::default()).into_future());
    let both = vec![call(), call()];
    let mut peer = Peer::over(ours);
    peer.greet().await;
    peer.limit(1).await;
    for _ in 0..2 {
        peer.answer().await;
    }
    all_well(both).await;
}
