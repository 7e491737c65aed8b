//! Tests of GOAWAY, draining, and timeouts.

use std::time::Duration;

use super::link::{Link, request, response, trailers};
use super::raw::{END_HEADERS, END_STREAM, Frame, Raw};
use super::start;
use crate::http2::error::{Fault, OpenError};
use crate::http2::frame::{PREFACE, flag, kind};
use crate::http2::{Config, Event, Reason, ResetCause, Role};

const SECOND: Duration = Duration::from_secs(1);

fn last_stream(frame: &Frame) -> u32 {
    assert_eq!(frame.kind, kind::GOAWAY);
    u32::from_be_bytes(*frame.payload.first_chunk().expect("4 bytes"))
}

fn go_away_payload(last: u32, reason: Reason, debug: &[u8]) -> Vec<u8> {
    let mut payload = last.to_be_bytes().to_vec();
    payload.extend(reason.code().to_be_bytes());
    payload.extend(debug);
    payload
}

#[test]
fn draining_lets_streams_in_until_the_client_knows() {
    let mut raw = Raw::server(Config::default());
    raw.request(1, END_STREAM);
    raw.end.connection.drain();
    raw.end.connection.drain();
    let frames = raw.frames();
    assert_eq!(frames.len(), 2);
    assert_eq!(last_stream(&frames[0]), 0x7fff_ffff);
    assert_eq!(frames[0].reason(), Some(Reason::NO_ERROR));
    assert_eq!(frames[1].kind, kind::PING);
    // This request was in transit.
    raw.request(3, END_STREAM);
    raw.send(kind::PING, flag::ACK, 0, &frames[1].payload)
        .expect("an answer");
    assert!(raw.end.event().is_none());
    let frames = raw.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(last_stream(&frames[0]), 3);
    // This request violates the client's duty, and is ignored.
    raw.headers(5, &request(), 0).expect("ignored");
    raw.data(5, b"data", END_STREAM).expect("ignored");
    raw.window_update(5, 1).expect("ignored");
    assert!(raw.end.event().is_none() && raw.frames().is_empty());
    // Open streams are completed.
    assert!(!raw.end.connection.is_drained());
    for stream in [1, 3] {
        raw.end.connection.send_headers(stream, &response(), true);
    }
    assert!(raw.end.connection.is_drained());
}

#[test]
fn an_idle_connection_is_drained_once_the_client_knows() {
    let mut link = Link::new(Config::default(), Config::default());
    link.server.connection.drain();
    assert!(!link.server.connection.is_drained());
    link.run();
    assert!(link.server.connection.is_drained());
    assert!(link.client.connection.is_drained());
    assert_eq!(
        link.client.connection.open(&request(), true),
        Err(OpenError::GoingAway)
    );
}

#[test]
fn a_drained_client_finishes_what_is_open() {
    let mut link = Link::new(Config::default(), Config::default());
    let stream = link.open(true);
    link.client.connection.drain();
    assert!(!link.client.connection.can_open());
    link.run();
    let server = &mut link.server.connection;
    server.send_headers(stream, &response(), true);
    link.run();
    assert!(matches!(link.client.event(), Some(Event::Response { .. })));
    assert!(link.client.connection.is_drained());
}

#[test]
fn an_abrupt_end_names_the_last_stream() {
    let mut raw = Raw::server(Config::default());
    raw.request(7, 0);
    raw.end
        .connection
        .go_away(Reason::ENHANCE_YOUR_CALM, "calm");
    raw.end.connection.go_away(Reason::NO_ERROR, "again");
    raw.end.connection.drain();
    let frames = raw.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(last_stream(&frames[0]), 7);
    assert_eq!(&frames[0].payload[8..], b"calm");
    assert!(!raw.end.connection.is_drained());
    raw.end.connection.reset(7, Reason::CANCEL);
    assert!(raw.end.connection.is_drained());
}

#[test]
fn streams_above_the_last_were_not_processed() {
    let mut raw = Raw::client(Config::default(), &[]);
    let streams: Vec<u32> = (0..4).map(|_| raw.call(0)).collect();
    let payload = go_away_payload(streams[1], Reason::NO_ERROR, b"bye");
    raw.send(kind::GOAWAY, 0, 0, &payload).expect("GOAWAY");
    for &above in &streams[2..] {
        let Some(Event::Reset { stream, cause, .. }) = raw.end.event() else {
            panic!("no Reset");
        };
        assert_eq!((stream, cause), (above, ResetCause::Unprocessed));
    }
    assert!(matches!(
        raw.end.event(),
        Some(Event::GoAway { last_stream: 3, reason: Reason::NO_ERROR, debug }) if debug == b"bye"[..]
    ));
    assert!(!raw.end.connection.can_open());
    // Nothing is sent on the streams above, and frames that still arrive are ignored.
    raw.end
        .connection
        .send_data(streams[2], b"data"[..].into(), true);
    raw.data(streams[3], b"late", END_STREAM).expect("ignored");
    assert!(raw.frames().is_empty());
    // The other streams are completed.
    for &stream in &streams[..2] {
        raw.end
            .connection
            .send_data(stream, b"data"[..].into(), true);
        raw.headers(stream, &trailers(), END_STREAM)
            .expect("trailers");
        assert!(matches!(raw.end.event(), Some(Event::Trailers { .. })));
    }
    assert!(raw.end.connection.is_drained());
}

#[test]
fn a_second_goaway_may_lower_the_last_stream() {
    let mut raw = Raw::client(Config::default(), &[]);
    let stream = raw.call(0);
    for (last, is_open) in [(0x7fff_ffff, true), (stream, true), (0, false)] {
        let payload = go_away_payload(last, Reason::NO_ERROR, b"");
        raw.send(kind::GOAWAY, 0, 0, &payload).expect("GOAWAY");
        assert_eq!(raw.end.connection.open_streams() == 1, is_open);
    }
    let payload = go_away_payload(9, Reason::NO_ERROR, &[b'x'; 9_000]);
    raw.end.events.clear();
    raw.send(kind::GOAWAY, 0, 0, &payload).expect("GOAWAY");
    assert!(matches!(
        raw.end.event(),
        Some(Event::GoAway { last_stream: 0, debug, .. }) if debug.len() == 1_024
    ));
}

#[test]
fn a_clients_goaway_is_about_pushes() {
    let mut raw = Raw::server(Config::default());
    let payload = go_away_payload(0, Reason::NO_ERROR, b"");
    raw.send(kind::GOAWAY, 0, 0, &payload).expect("GOAWAY");
    assert!(!raw.end.connection.is_drained());
    assert!(matches!(raw.end.event(), Some(Event::GoAway { .. })));
    raw.request(1, END_STREAM);
}

/// Checks that the connection ends by a timeout at its `timeout()`, and not before.
#[track_caller]
fn times_out(raw: &mut Raw, after: Duration, rule: &str, reason: Reason) {
    let due = raw.end.connection.timeout().expect("no timer");
    assert_eq!(due, raw.now + after);
    let early = due - Duration::from_nanos(1);
    assert_eq!(raw.end.connection.handle_timeout(early), Ok(()));
    let result = raw.end.connection.handle_timeout(due);
    let error = result.expect_err("no time-out");
    assert_eq!((error.rule, error.fault), (rule, Fault::Silence));
    raw.assert_failed(result, reason);
    assert_eq!(raw.end.connection.handle_timeout(due), Err(error));
}

#[test]
fn the_handshake_has_to_be_finished_in_time() {
    let config = || Config {
        handshake_timeout: SECOND,
        ..Config::default()
    };
    for bytes in [
        &b""[..],
        &PREFACE[..10],
        PREFACE,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0",
    ] {
        let mut raw = Raw::silent(Role::Server, config());
        raw.bytes(bytes).expect("a part of the preface");
        times_out(
            &mut raw,
            SECOND,
            "handshake_timeout",
            Reason::PROTOCOL_ERROR,
        );
    }
    let mut raw = Raw::silent(Role::Client, config());
    raw.end.take_output(PREFACE.len());
    times_out(
        &mut raw,
        SECOND,
        "handshake_timeout",
        Reason::PROTOCOL_ERROR,
    );
}

#[test]
fn settings_have_to_be_acknowledged_in_time() {
    let mut raw = Raw::silent(Role::Server, Config::default());
    raw.bytes(PREFACE).expect("the preface");
    raw.settings(&[]).expect("SETTINGS");
    times_out(
        &mut raw,
        SECOND * 10,
        "settings_timeout",
        Reason::SETTINGS_TIMEOUT,
    );
}

#[test]
fn a_greeted_connection_has_no_timers() {
    let mut raw = Raw::server(Config::default());
    assert_eq!(raw.end.connection.timeout(), None);
    raw.request(1, 0);
    assert_eq!(raw.end.connection.timeout(), None);
    let now = raw.now + SECOND * 1_000;
    assert_eq!(raw.end.connection.handle_timeout(now), Ok(()));
}

#[test]
fn half_a_header_block_does_not_wait_forever() {
    let mut raw = Raw::server(Config::default());
    let block = raw.encode(&request());
    raw.send(kind::HEADERS, 0, 1, &block[..3]).expect("HEADERS");
    raw.wait(SECOND * 4);
    // Another part of it changes nothing.
    raw.send(kind::CONTINUATION, 0, 1, &block[3..5])
        .expect("CONTINUATION");
    times_out(
        &mut raw,
        SECOND * 6,
        "header_timeout",
        Reason::ENHANCE_YOUR_CALM,
    );

    let mut raw = Raw::server(Config::default());
    let block = raw.encode(&request());
    raw.send(kind::HEADERS, 0, 1, &block[..3]).expect("HEADERS");
    raw.send(kind::CONTINUATION, END_HEADERS, 1, &block[3..])
        .expect("CONTINUATION");
    assert_eq!(raw.end.connection.timeout(), None);
}

#[test]
fn half_a_frame_does_not_wait_forever() {
    for bytes in [&[0][..], &[0, 0, 8, kind::PING, 0, 0, 0, 0, 0, 1, 2, 3]] {
        let mut raw = Raw::server(Config::default());
        raw.bytes(&bytes[..1]).expect("half a frame");
        raw.wait(SECOND);
        raw.bytes(&bytes[1..]).expect("half a frame");
        times_out(
            &mut raw,
            SECOND * 9,
            "header_timeout",
            Reason::ENHANCE_YOUR_CALM,
        );
    }
    // A peer that finishes frames gets the full time for the next one.
    let mut raw = Raw::server(Config::default());
    raw.bytes(&[0, 0, 8, kind::PING]).expect("half a frame");
    raw.wait(SECOND * 4);
    raw.bytes(&[0; 13]).expect("the other half");
    assert_eq!(raw.end.connection.timeout(), None);
    // DATA may take any time.
    raw.request(1, 0);
    raw.bytes(&[0, 1, 0, kind::DATA, 0, 0, 0, 0, 1, 7])
        .expect("the beginning of DATA");
    assert_eq!(raw.end.connection.timeout(), None);
}

#[test]
fn time_may_run_backwards() {
    let mut raw = Raw::server(Config::default());
    raw.wait(SECOND * 100);
    raw.send(kind::PING, 0, 0, &[0; 8]).expect("PING");
    raw.now = start();
    raw.send(kind::PING, 0, 0, &[0; 8]).expect("PING");
    assert_eq!(raw.end.connection.handle_timeout(start()), Ok(()));
}

#[test]
fn stream_ids_run_out() {
    let mut raw = Raw::client(Config::default(), &[]);
    raw.end.connection.skip_to(0x7fff_ffff);
    let stream = raw.end.connection.open(&request(), true);
    assert_eq!(stream, Ok(0x7fff_ffff));
    assert!(!raw.end.connection.can_open());
    assert_eq!(
        raw.end.connection.open(&request(), true),
        Err(OpenError::Exhausted)
    );
    raw.headers(0x7fff_ffff, &response(), END_STREAM)
        .expect("a response");
    assert!(matches!(raw.end.event(), Some(Event::Response { .. })));
}

#[test]
fn nothing_is_sent_after_the_connection_failed() {
    let mut raw = Raw::server(Config::default());
    raw.request(1, 0);
    let result = raw.window_update(0, 0);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
    let engine = &mut raw.end.connection;
    engine.send_headers(1, &response(), false);
    engine.send_data(1, b"data"[..].into(), true);
    engine.reset(1, Reason::CANCEL);
    engine.ping([0; 8]);
    engine.drain();
    engine.go_away(Reason::NO_ERROR, "");
    assert!(engine.is_drained());
    assert!(raw.frames().is_empty());
}
