//! Both ends of a call know its deadline. These tests decide which end acts on it first.
//!
//! Time is paused, and advances by less than a timer's tick where a test depends on it.

use std::time::Duration;

use stubwright::prost::Message;
use stubwright::{Channel, ChannelBuilder, Code, Server, ServiceConfig, Status};
use stubwright_tests::frames::{
    DATA, END_HEADERS, HEADERS, PREFACE, RST_STREAM, SETTINGS, literals,
};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, add_probe_servicer_to_server};
use stubwright_tests::{Event, Probe};
use tokio::io::duplex;
use tokio::time::{Instant, advance, sleep};

use crate::connectivity::{Call, call_with, outcome};
use crate::script::{Peer, Script, within};
use crate::wire::Wire;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Codes with which servers reset calls after the deadline: NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL and
/// ENHANCE_YOUR_CALM.
const RESETS: [u32; 5] = [0, 2, 7, 8, 11];

fn second(call: Call) -> Call {
    call.timeout(SECOND)
}

/// Makes a call with a timeout of a second, which the server ends when `left` remains. Returns the status.
async fn ended(
    builder: ChannelBuilder,
    left: Duration,
    end: impl AsyncFn(&mut Peer, u32),
) -> Status {
    let (channel, mut script) = Script::new(builder);
    channel.state(true);
    let mut peer = script.serve().await;
    within(channel.ready()).await.unwrap();
    let began = Instant::now();
    let call = call_with(&channel, second);
    let stream = peer.request().await;
    advance(SECOND - left - began.elapsed()).await;
    end(&mut peer, stream).await;
    outcome(call).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn row_48_a_reset_at_the_deadline_is_the_deadline() {
    for reset in RESETS {
        for left in [Duration::ZERO, MS / 2] {
            let end = async |peer: &mut Peer, stream| peer.reset(stream, reset).await;
            let error = ended(Channel::builder(), left, end).await;
            assert_eq!(error.code(), Code::DeadlineExceeded, "{reset}: {error}");
        }
    }
    // Before the deadline, a reset keeps its own meaning.
    let end = async |peer: &mut Peer, stream| peer.reset(stream, 8).await;
    let error = ended(Channel::builder(), 10 * MS, end).await;
    assert_eq!(error.code(), Code::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn row_48_a_connection_that_is_lost_at_the_deadline_is_the_deadline() {
    let lose = async |peer: &mut Peer, _| {
        let (near, _far) = duplex(1);
        drop(std::mem::replace(peer, Peer::over(near)));
    };
    let error = ended(Channel::builder(), MS / 2, lose).await;
    assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    let error = ended(Channel::builder(), 10 * MS, lose).await;
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    // A call that the server has not processed has no time for another connection.
    let away = async |peer: &mut Peer, _| peer.go_away(0).await;
    let error = ended(Channel::builder(), MS / 2, away).await;
    assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
}

/// A status that the server sends is kept, before and after the deadline.
#[tokio::test(start_paused = true)]
async fn row_48_a_status_is_taken_as_it_is() {
    let fail = async |peer: &mut Peer, stream| peer.fail(stream, false, "1", &[]).await;
    for left in [Duration::ZERO, MS / 2] {
        let error = ended(Channel::builder(), left, fail).await;
        assert_eq!(error.code(), Code::Cancelled, "{error}");
    }
}

/// Retry and hedging policies see DEADLINE_EXCEEDED, and make no further attempt.
#[tokio::test(start_paused = true)]
async fn row_48_policies_see_the_deadline() {
    let retry = r#"{"methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 5, "initialBackoff": "0.1s", "maxBackoff": "0.1s", "backoffMultiplier": 1,
        "retryableStatusCodes": ["CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL"]
    }}]}"#;
    let hedge = r#"{"methodConfig": [{"name": [{}], "hedgingPolicy": {
        "maxAttempts": 5, "hedgingDelay": "10s",
        "nonFatalStatusCodes": ["CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL"]
    }}]}"#;
    for config in [retry, hedge] {
        let config = ServiceConfig::from_json(config).unwrap();
        let builder = Channel::builder().service_config(config);
        let end = async |peer: &mut Peer, stream| peer.reset(stream, 8).await;
        let error = ended(builder, MS / 2, end).await;
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    }
}

/// Waiting calls: for a connection whose attempt fails at the deadline, or on a channel that is closed at the
/// deadline.
#[tokio::test(start_paused = true)]
async fn row_48_what_ends_a_waiting_call_at_its_deadline() {
    for is_closed in [false, true] {
        let (channel, mut script) = Script::new(Channel::builder());
        let began = Instant::now();
        let call = call_with(&channel, second);
        let attempt = script.attempt().await;
        advance(SECOND - MS / 2 - began.elapsed()).await;
        if is_closed {
            channel.close();
        } else {
            attempt.refuse();
        }
        let error = outcome(call).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    }
}

/// The caller's reset arrives when the server's own timer is about to fire. The handler sees its deadline.
#[tokio::test(start_paused = true)]
async fn row_48_a_server_sees_the_deadline_in_the_reset_of_its_client() {
    for (left, code) in [(MS / 2, Code::DeadlineExceeded), (10 * MS, Code::Cancelled)] {
        for is_lost in [false, true] {
            let (probe, mut events) = Probe::new();
            let mut server = Server::new();
            add_probe_servicer_to_server(probe, &mut server);
            let (near, far) = duplex(1 << 20);
            server.add_connection(far).unwrap();
            server.start().unwrap();
            let mut wire = Wire::new(near, 0);
            wire.write(PREFACE).await;
            wire.send(SETTINGS, 0, 0, &[]).await;
            let head = [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/probe.v1.Probe/ClientStream"),
                ("content-type", "application/grpc"),
                ("grpc-timeout", "1S"),
            ];
            wire.send(HEADERS, END_HEADERS, 1, &literals(&head)).await;
            let request = Request {
                action: Action::GiveAway.into(),
                ..Request::default()
            };
            let request = request.encode_to_vec();
            let length = u32::try_from(request.len()).unwrap().to_be_bytes();
            let message = [&[0][..], &length, &request].concat();
            wire.send(DATA, 0, 1, &message).await;
            let began = Instant::now();
            assert_eq!(within(events.recv()).await, Some(Event::Started));
            assert_eq!(within(events.recv()).await, Some(Event::GivenAway));
            advance(SECOND - left - began.elapsed()).await;
            if is_lost {
                wire.close().await;
            } else {
                wire.send(RST_STREAM, 0, 1, &8_u32.to_be_bytes()).await;
            }
            let mut ended = None;
            while ended.is_none() {
                match within(events.recv()).await {
                    Some(Event::Ended(code)) => ended = code,
                    other => assert!(other.is_some()),
                }
            }
            assert_eq!(ended, Some(code), "{left:?}");
        }
    }
}

/// In-process, no peer can report that a call came too late. It must still fail.
#[tokio::test(start_paused = true)]
async fn row_48_an_in_process_call_without_time_runs_no_handler() {
    let (probe, mut events) = Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    let stub = ProbeStub::new(server.in_process_channel());
    let call = stub.unary(Request::default()).timeout(Duration::ZERO);
    let error = within(call).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    sleep(SECOND).await;
    assert!(events.try_recv().is_err());
}
