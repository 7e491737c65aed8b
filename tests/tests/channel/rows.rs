//! Failing peers, through the whole channel: back-off, balancing and retries. Rows have the numbers of the table in
//! `hostile_input.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream;
use stubwright::ChannelConnectivity::{Connecting, Idle, Ready};
use stubwright::{Channel, Code, LoadBalancing, Status};
use stubwright_tests::frames::RST_STREAM;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::connectivity::{call, call_with, outcome};
use crate::retries::{POLICY, UNAVAILABLE, new, previous};
use crate::script::{Script, assert_states, within};
use crate::several::{Names, attempts};

const SECOND: Duration = Duration::from_secs(1);

/// Number of callers, of calls per caller, and of calls that a connection accepts.
const CALLERS: usize = 50;
const CALLS: usize = 40;
const TAKEN: usize = 30;

/// Makes calls of all kinds, one after the other.
async fn calls(stub: ProbeStub, caller: usize) -> Result<(), Status> {
    for number in 0..CALLS {
        let request = || Request {
            payload: format!("{caller} {number}").into_bytes(),
            ..Request::default()
        };
        match number % 4 {
            0 => drop(stub.unary(request()).await?),
            1 => drop(stub.client_stream([request(), request()]).await?),
            2 => {
                let mut call = stub.server_stream(request());
                while call.message().await?.is_some() {}
            }
            _ => {
                let mut call = stub.bidi([request(), request()]);
                while call.message().await?.is_some() {}
            }
        }
    }
    Ok(())
}

/// A server sends GOAWAY again and again during calls of all kinds. Each call is processed exactly once.
#[tokio::test(start_paused = true)]
async fn row_34_goaway_under_load_loses_no_call() {
    let (channel, mut script) = Script::new(Channel::builder());
    let stub = ProbeStub::new(channel);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(calls(stub.clone(), caller)))
        .collect();
    let all = CALLERS * CALLS;
    let mut carried_out: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut answered = 0;
    while answered < all {
        let mut peer = script.serve().await;
        let mut open = Vec::new();
        for _ in 0..TAKEN.min(all - answered) {
            let stream = peer.request().await;
            *carried_out.entry(peer.body.clone()).or_default() += 1;
            open.push(stream);
        }
        answered += open.len();
        peer.go_away(*open.last().unwrap()).await;
        for stream in open {
            peer.respond(stream).await;
        }
        // Calls above the last stream of GOAWAY are read and not processed.
        tokio::spawn(async move { peer.ended().await });
    }
    for caller in callers {
        within(caller).await.unwrap().unwrap();
    }
    assert_eq!(carried_out.len(), all);
    assert!(carried_out.values().all(|&times| times == 1));
}

#[tokio::test(start_paused = true)]
async fn row_35_a_call_that_one_server_refuses_goes_to_another() {
    let builder = Channel::builder()
        .resolver(Names::new(&["a:1", "b:1"]))
        .load_balancing(LoadBalancing::round_robin());
    let (channel, mut script) = Script::new(builder);
    channel.state(true);
    let mut peers = attempts::<2>(&mut script)
        .await
        .map(|attempt| attempt.accept());
    for peer in &mut peers {
        peer.greet().await;
    }
    sleep(Duration::from_millis(1)).await;
    let refused = call(&channel);
    let [a, b] = &mut peers;
    let (first, second, stream) = tokio::select! {
        stream = a.request() => (a, b, stream),
        stream = b.request() => (b, a, stream),
    };
    first.refuse(stream).await;
    second.answer().await;
    // Transparent retries are not reported in `grpc-previous-rpc-attempts`.
    assert_eq!(previous(second), None);
    outcome(refused).await.unwrap();
}

/// Servers send GOAWAY before they process a call. The call has not left the client, and may wait until its deadline.
#[tokio::test(start_paused = true)]
async fn row_35_a_call_that_never_left_is_made_until_its_deadline() {
    let (channel, mut script) = Script::new(Channel::builder());
    let began = Instant::now();
    let short = call_with(&channel, |call| call.timeout(Duration::from_millis(5500)));
    let patient = call(&channel);
    for _ in 0..7 {
        let attempt = script.attempt().await;
        // Longer than the back-off. A shorter life counts as a failed attempt (row 47).
        sleep(2 * SECOND).await;
        let mut peer = attempt.accept();
        peer.greet().await;
        peer.go_away(0).await;
        tokio::spawn(async move { peer.ended().await });
    }
    let error = outcome(short).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    script.serve().await.answer().await;
    outcome(patient).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 14);
}

#[tokio::test(start_paused = true)]
async fn rows_36_to_39_what_a_policy_makes_of_answers_that_are_wrong() {
    let (channel, mut script) = new(POLICY);
    let first = call(&channel);
    let mut peer = script.serve().await;
    // 36: without a grpc-status, the HTTP status counts. UNAVAILABLE is retried, other codes end the call.
    for (attempt, status) in [(None, "503"), (Some("1"), "429"), (Some("2"), "404")] {
        let stream = peer.request().await;
        assert_eq!(previous(&peer), attempt);
        peer.headers(stream, &[(":status", status)], true).await;
    }
    let error = outcome(first).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    // 37: an unknown status.
    let second = call(&channel);
    let stream = peer.request().await;
    peer.fail(stream, false, "99", &[("grpc-status-details-bin", "?")])
        .await;
    let error = outcome(second).await.unwrap_err();
    assert_eq!(error.code(), Code::Unknown);
    assert!(error.message().contains("99"), "{error}");
    // 38: OK without a message fails this call only.
    let third = call(&channel);
    let stream = peer.request().await;
    peer.fail(stream, false, "0", &[]).await;
    assert_eq!(outcome(third).await.unwrap_err().code(), Code::Internal);
    // 39: resets. A refused call is retried transparently, then by the policy.
    let fourth = call(&channel);
    for attempt in [None, None, Some("1"), Some("2")] {
        let stream = peer.request().await;
        assert_eq!(previous(&peer), attempt);
        peer.refuse(stream).await;
    }
    let stream = peer.request().await;
    assert_eq!(previous(&peer), Some("3"));
    peer.reset(stream, 8).await;
    assert_eq!(outcome(fourth).await.unwrap_err().code(), Code::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn row_40_a_silent_server_is_replaced() {
    let builder = Channel::builder()
        .keepalive_time(10 * SECOND)
        .keepalive_timeout(5 * SECOND);
    let (channel, mut script) = Script::new(builder);
    let mut states = channel.subscribe();
    let began = Instant::now();
    let open = call(&channel);
    let mut silent = script.serve().await;
    silent.request().await;
    let error = outcome(open).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("keepalive"), "{error}");
    assert_eq!(began.elapsed().as_secs(), 15);
    let next = call(&channel);
    script.serve().await.answer().await;
    outcome(next).await.unwrap();
    let expected = [Idle, Connecting, Ready, Idle, Connecting, Ready];
    assert_states(&mut states, &expected).await;
}

#[tokio::test]
async fn row_41_no_server_and_no_name() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    for (target, cause) in [
        (address.to_string(), "refused"),
        ("no-such-host.invalid:1".to_owned(), "cannot resolve"),
    ] {
        let stub = ProbeStub::new(Channel::insecure(&target).unwrap());
        let error = within(stub.unary(Request::default())).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains(cause), "{error}");
        let waits = stub
            .unary(Request::default())
            .wait_for_ready(true)
            .timeout(Duration::from_millis(50));
        let error = within(waits).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
    }
}

/// Only the calls that were open on the server that died fail.
#[tokio::test(start_paused = true)]
async fn row_42_a_server_that_dies_takes_its_own_calls_along() {
    let builder = Channel::builder()
        .resolver(Names::new(&["a:1", "b:1"]))
        .load_balancing(LoadBalancing::round_robin());
    let (channel, mut script) = Script::new(builder);
    channel.state(true);
    let [a, b] = attempts(&mut script).await;
    let (mut a, mut b) = (a.accept(), b.accept());
    a.greet().await;
    b.greet().await;
    sleep(Duration::from_millis(1)).await;
    let stub = ProbeStub::new(channel.clone());
    let calls: Vec<JoinHandle<_>> = (0..10)
        .map(|_| {
            let mut call = stub.server_stream(Request::default());
            tokio::spawn(async move {
                let first = call.message().await;
                (first.map(|_| ()), call.message().await)
            })
        })
        .collect();
    let mut open = Vec::new();
    for _ in 0..5 {
        let stream = a.request().await;
        a.begin(stream).await;
        a.message(stream, &[]).await;
        open.push(b.request().await);
    }
    sleep(SECOND).await;
    drop(a);
    script.attempt().await.refuse();
    let next = call(&channel);
    b.answer().await;
    outcome(next).await.unwrap();
    for stream in open {
        b.respond(stream).await;
    }
    let (mut died, mut ended) = (0, 0);
    for call in calls {
        let (first, end) = within(call).await.unwrap();
        first.unwrap();
        match end {
            Ok(None) => ended += 1,
            Ok(Some(_)) => panic!("there was one message"),
            Err(error) => {
                assert_eq!(error.code(), Code::Unavailable, "{error}");
                died += 1;
            }
        }
    }
    assert_eq!((died, ended), (5, 5));
}

/// A call can be dropped in any state. Nothing of it remains, and the server is told if it knows of the call.
#[tokio::test(start_paused = true)]
async fn row_43_a_call_is_dropped_on_its_way() {
    let (channel, mut script) = new(POLICY);
    let stub = ProbeStub::new(channel.clone());
    // Before there is a connection.
    let early = call(&channel);
    let attempt = script.attempt().await;
    early.abort();
    sleep(Duration::from_millis(1)).await;
    let mut peer = attempt.accept();
    peer.greet().await;
    // After half of its requests.
    let (sender, requests) = mpsc::unbounded_channel();
    let requests = stream::unfold(requests, async |mut requests| {
        requests.recv().await.map(|request| (request, requests))
    });
    sender.send(Request::default()).unwrap();
    let half = tokio::spawn(stub.client_stream(requests).into_future());
    peer.body(5).await;
    assert_eq!(peer.head[":path"], "/probe.v1.Probe/ClientStream");
    half.abort();
    let (kind, _, stream) = loop {
        let frame = peer.read().await.unwrap();
        if frame.0 == RST_STREAM {
            break frame;
        }
    };
    // It is the first call on this connection: the dropped one was never sent.
    assert_eq!((kind, stream), (RST_STREAM, 1));
    // The sender of its requests is dropped too.
    within(sender.closed()).await;
    // While it waits for a retry.
    let waits = call(&channel);
    let stream = peer.request().await;
    peer.fail(stream, false, UNAVAILABLE, &[]).await;
    waits.abort();
    sleep(60 * SECOND).await;
    let next = call(&channel);
    assert_eq!(peer.request().await, 5);
    peer.respond(5).await;
    outcome(next).await.unwrap();
}
