//! Connections that end as soon as they are made, and state that a channel keeps from one connection to the next.

use std::time::Duration;

use stubwright::ChannelConnectivity::{Connecting, Idle, Ready, TransientFailure};
use stubwright::{Channel, Code, LoadBalancing};
use stubwright_tests::frames::{GOAWAY, PING};
use stubwright_tests::log;
use tokio::time::{Instant, sleep};

use crate::connectivity::{assert_about, call, call_with, outcome};
use crate::script::{Attempt, Peer, Script, assert_states, within};
use crate::several::{Names, attempts};

const SECOND: Duration = Duration::from_secs(1);

/// Ways in which a server leaves after its greeting, without processing a call.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// GOAWAY at once. The connection stays open.
    GoesAway,
    /// GOAWAY, and the connection closes.
    GoesAwayAndCloses,
    /// The connection closes.
    Closes,
    /// Invalid HTTP/2.
    Babbles,
    /// GOAWAY after a call, which the server has not processed.
    GoesAwayFromACall,
}

use Leaves::{Babbles, Closes, GoesAway, GoesAwayAndCloses, GoesAwayFromACall};

impl Leaves {
    /// Returns the cause in the caller's error.
    fn cause(self) -> &'static str {
        match self {
            GoesAway | GoesAwayAndCloses | GoesAwayFromACall => "GOAWAY NO_ERROR",
            Closes => "the connection was lost",
            Babbles => "connection error",
        }
    }

    async fn from(self, mut peer: Peer) -> Option<Peer> {
        match self {
            GoesAway => peer.go_away(0).await,
            GoesAwayAndCloses => {
                peer.go_away(0).await;
                return None;
            }
            Closes => return None,
            // An RST_STREAM on stream 0.
            Babbles => peer.reset(0, 0).await,
            GoesAwayFromACall => {
                peer.request().await;
                peer.go_away(0).await;
            }
        }
        Some(peer)
    }
}

#[tokio::test(start_paused = true)]
async fn row_47_a_connection_that_ends_at_once_is_a_failed_attempt() {
    for leaves in [GoesAway, GoesAwayAndCloses, Closes, Babbles] {
        let (channel, mut script) = Script::new(Channel::builder());
        let mut states = channel.subscribe();
        let fails = call(&channel);
        let waits = call_with(&channel, |call| call.wait_for_ready(true));
        let mut began = Instant::now();
        let mut open = vec![leaves.from(script.serve().await).await];
        let error = outcome(fails).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{leaves:?}");
        assert!(
            error.message().contains("cannot connect to server.test:1"),
            "{error}"
        );
        assert!(error.message().contains(leaves.cause()), "{error}");
        assert_eq!(began.elapsed(), Duration::ZERO);
        // The back-off grows as after failed attempts.
        for wait in [1.0, 1.6, 2.56] {
            assert_states(&mut states, &[Idle, Connecting][usize::from(wait > 1.0)..]).await;
            let peer = script.serve().await;
            assert_about(began.elapsed(), Duration::from_secs_f64(wait));
            began = Instant::now();
            assert_states(&mut states, &[Ready, TransientFailure, Connecting][..2]).await;
            open.push(leaves.from(peer).await);
        }
        // A connection that lasts gets the waiting call, and resets the back-off.
        let mut peer = script.serve().await;
        peer.answer().await;
        outcome(waits).await.unwrap();
        drop((open, peer));
        let next = call(&channel);
        let began = Instant::now();
        script.serve().await.answer().await;
        outcome(next).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

/// Calls that a server has not processed are retried transparently, but not without end.
#[tokio::test(start_paused = true)]
async fn row_47_transparent_retries_do_not_loop() {
    let (channel, mut script) = Script::new(Channel::builder());
    let calls = [
        call(&channel),
        call_with(&channel, |call| call.wait_for_ready(true)),
    ];
    let began = Instant::now();
    let mut made = 0;
    let serve = async {
        loop {
            let peer = script.serve().await;
            made += 1;
            let peer = GoesAwayFromACall.from(peer).await;
            drop(peer);
        }
    };
    let both = async {
        for call in calls {
            let error = outcome(call).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable, "{error}");
        }
    };
    tokio::select! {
        () = serve => {}
        () = both => {}
    }
    assert_eq!(made, 2);
    assert_about(began.elapsed(), SECOND);
}

/// A connection that is lost with its first calls is replaced at once, because the server may just have been
/// restarted. The second such connection in a row is followed by a back-off.
#[tokio::test(start_paused = true)]
async fn row_47_a_server_that_dies_of_every_call_is_left_alone() {
    let (channel, mut script) = Script::new(Channel::builder());
    let began = Instant::now();
    for _ in 0..2 {
        let fails = call(&channel);
        script.serve().await.request().await;
        let error = outcome(fails).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    let error = outcome(call(&channel)).await.unwrap_err();
    assert!(
        error.message().contains("before it carried a call"),
        "{error}"
    );
    assert!(script.is_quiet());
    script.attempt().await;
    assert_about(began.elapsed(), SECOND);
}

/// If one of several addresses fails, the next is tried at once. The back-off comes after the last one.
#[tokio::test(start_paused = true)]
async fn row_47_an_address_that_greets_with_goaway_hides_no_other() {
    for policy in [LoadBalancing::pick_first(), LoadBalancing::round_robin()] {
        let builder = Channel::builder()
            .resolver(Names::new(&["a:1", "b:1"]))
            .load_balancing(policy.clone());
        let (channel, mut script) = Script::new(builder);
        let waits = call(&channel);
        let began = Instant::now();
        let b = loop {
            let attempt = script.attempt().await;
            if attempt.address == "b:1" {
                break attempt;
            }
            let mut peer = attempt.accept();
            peer.greet().await;
            GoesAway.from(peer).await;
        };
        let mut b = b.accept();
        b.greet().await;
        b.answer().await;
        outcome(waits).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO, "{policy:?}");
    }
    // If both addresses fail, a back-off follows, and then both are tried again.
    let builder = Channel::builder().resolver(Names::new(&["a:1", "b:1"]));
    let (channel, mut script) = Script::new(builder);
    let fails = call(&channel);
    let began = Instant::now();
    for address in ["a:1", "b:1"] {
        let attempt = script.attempt().await;
        assert_eq!(attempt.address, address);
        let mut peer = attempt.accept();
        peer.greet().await;
        GoesAway.from(peer).await;
    }
    assert_eq!(outcome(fails).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(script.attempt().await.address, "a:1");
    assert_about(began.elapsed(), SECOND);
}

/// A server that is restarted after a long time is replaced at once, and no call fails.
#[tokio::test(start_paused = true)]
async fn row_47_a_rolling_restart_stays_unseen() {
    let (channel, mut script) = Script::new(Channel::builder());
    channel.state(true);
    let mut peer = script.serve().await;
    for _ in 0..10 {
        sleep(5 * SECOND).await;
        peer.go_away(0).await;
        let next = call(&channel);
        let began = Instant::now();
        let mut another = script.serve().await;
        another.answer().await;
        outcome(next).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        peer = another;
    }
}

/// Sends the GOAWAY that says the client pings too often.
async fn complain(peer: &mut Peer, last_stream: u32) {
    let code = 11_u32.to_be_bytes();
    let payload = [&last_stream.to_be_bytes()[..], &code, b"too_many_pings"].concat();
    peer.frame(GOAWAY, 0, 0, &payload).await;
}

/// Returns how long a client with an open call is silent before it sends a PING. Other connections have as many
/// calls.
async fn silence(channel: &Channel, peer: &mut Peer) -> Duration {
    let open = [call(channel), call(channel)];
    let stream = peer.request().await;
    // Received bytes restart the keepalive timer.
    peer.begin(stream).await;
    let began = Instant::now();
    while peer.read().await.unwrap().0 != PING {}
    let silence = began.elapsed();
    peer.message(stream, &[]).await;
    peer.headers(stream, &[("grpc-status", "0")], true).await;
    for call in open {
        call.abort();
    }
    silence
}

#[tokio::test(start_paused = true)]
async fn row_46_too_many_pings_is_remembered() {
    log::collect();
    let builder = Channel::builder()
        .resolver(Names::new(&["a:1", "b:1"]))
        .load_balancing(LoadBalancing::round_robin())
        .keepalive_time(4 * SECOND)
        .keepalive_timeout(1000 * SECOND);
    let (channel, mut script) = Script::new(builder);
    within(log::event(&["keepalive_time=4s", "below 10 s"])).await;
    channel.state(true);
    // A complaint of one server also slows the PINGs to the others.
    let mut gone = Vec::new();
    for (round, expected) in [4, 8, 16, 32].into_iter().enumerate() {
        let [one, other] = attempts(&mut script).await.map(Attempt::accept);
        let mut peers = [one, other];
        for peer in &mut peers {
            peer.greet().await;
        }
        sleep(SECOND / 100).await;
        let peer = &mut peers[round % 2];
        assert_eq!(silence(&channel, peer).await.as_secs(), expected);
        complain(peer, 1 << 30).await;
        peers[(round + 1) % 2].go_away(1 << 30).await;
        gone.push(peers);
    }
    within(log::event(&["too_many_pings", "keepalive_time=Some(64s)"])).await;
}

/// A GOAWAY for another reason, or on a channel without keepalive, changes nothing.
#[tokio::test(start_paused = true)]
async fn row_46_another_complaint_changes_nothing() {
    let builder = Channel::builder().keepalive_time(20 * SECOND);
    let (channel, mut script) = Script::new(builder);
    channel.state(true);
    let mut peer = script.serve().await;
    sleep(2 * SECOND).await;
    let payload = [&[0; 4][..], &11_u32.to_be_bytes(), b"too_many_resets"].concat();
    peer.frame(GOAWAY, 0, 0, &payload).await;
    sleep(SECOND).await;
    channel.state(true);
    let mut peer = script.serve().await;
    assert_eq!(silence(&channel, &mut peer).await.as_secs(), 20);
    let (channel, mut script) = Script::new(Channel::builder());
    channel.state(true);
    let mut peer = script.serve().await;
    sleep(2 * SECOND).await;
    complain(&mut peer, 0).await;
    let open = call(&channel);
    let mut peer = script.serve().await;
    let stream = peer.request().await;
    sleep(3600 * SECOND).await;
    peer.respond(stream).await;
    outcome(open).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_77_the_deadline_of_a_call_that_waits_comes_with_the_last_cause() {
    let (channel, mut script) = Script::new(Channel::builder());
    let early = call_with(&channel, |call| {
        call.wait_for_ready(true).timeout(SECOND / 2)
    });
    let late = call_with(&channel, |call| {
        call.wait_for_ready(true).timeout(3 * SECOND)
    });
    // The deadline passes between two attempts, and during an attempt.
    script.attempt().await.refuse();
    let hangs = script.attempt().await;
    for call in [early, late] {
        let error = outcome(call).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        let cause = "latest balancer error: cannot connect to server.test:1: nobody is here";
        assert!(error.message().contains(cause), "{error}");
    }
    // The cause is left out if there was none, or if it is resolved.
    let mut peer = hangs.accept();
    peer.greet().await;
    peer.limit(1).await;
    within(channel.ready()).await.unwrap();
    let open = call(&channel);
    peer.request().await;
    let error = outcome(call_with(&channel, |call| call.timeout(SECOND))).await;
    let error = error.unwrap_err();
    assert!(!error.message().contains("latest"), "{error}");
    drop(open);
}
