//! Tests of peers that exceed a limit.

use std::time::Duration;

use super::link::{fields, request, response, trailers};
use super::raw::{END_HEADERS, END_STREAM, Raw};
use crate::http2::error::{ConnectionError, Fault};
use crate::http2::frame::{flag, kind};
use crate::http2::{Config, Event, PingPolicy, Reason, StreamId};

/// Creates a server that accepts any number of pings.
fn server() -> Raw {
    Raw::server(tolerant())
}

fn tolerant() -> Config {
    Config {
        pings: PingPolicy {
            max_strikes: 0,
            ..PingPolicy::default()
        },
        ..Config::default()
    }
}

/// Calls a function, and reads the output, until the connection ends or `most` calls have succeeded. Returns the number of
/// successful calls, and the error.
fn flood(
    raw: &mut Raw,
    most: usize,
    mut each: impl FnMut(&mut Raw, usize) -> Result<(), ConnectionError>,
) -> (usize, Option<ConnectionError>) {
    for i in 0..most {
        if let Err(error) = each(raw, i) {
            let last = raw.frames().pop().expect("no GOAWAY");
            assert_eq!(last.reason(), Some(Reason::ENHANCE_YOUR_CALM));
            assert_eq!(error.fault, Fault::Abuse);
            return (i, Some(error));
        }
        raw.frames();
        raw.end.events.clear();
    }
    (most, None)
}

#[track_caller]
fn ends_with(
    (times, error): (usize, Option<ConnectionError>),
    about: std::ops::Range<usize>,
    rule: &str,
) {
    assert_eq!(error.map(|error| error.rule), Some(rule));
    assert!(about.contains(&times), "{times}");
}

fn id(i: usize) -> StreamId {
    1 + 2 * i as StreamId
}

#[test]
fn rapid_resets() {
    let mut raw = server();
    let end = flood(&mut raw, 10_000, |raw, i| {
        raw.headers(id(i), &request(), END_STREAM)?;
        raw.send(kind::RST_STREAM, 0, id(i), &[0, 0, 0, 8])
    });
    ends_with(end, 290..310, "too_many_resets");
}

#[test]
fn resets_at_an_honest_pace() {
    let mut raw = server();
    let (_, error) = flood(&mut raw, 2_000, |raw, i| {
        raw.wait(Duration::from_millis(20));
        raw.headers(id(i), &request(), END_STREAM)?;
        raw.send(kind::RST_STREAM, 0, id(i), &[0, 0, 0, 8])
    });
    assert_eq!(error, None);
}

#[test]
fn resets_are_paid_for_by_finished_calls() {
    let mut raw = server();
    // This is hedging: one of two streams is cancelled.
    let (_, error) = flood(&mut raw, 2_000, |raw, i| {
        let (one, other) = (id(2 * i), id(2 * i + 1));
        raw.headers(one, &request(), END_STREAM)?;
        raw.headers(other, &request(), END_STREAM)?;
        raw.end.connection.send_headers(one, &response(), true);
        raw.send(kind::RST_STREAM, 0, other, &[0, 0, 0, 8])
    });
    assert_eq!(error, None);
}

#[test]
fn resets_that_we_are_provoked_to() {
    let mut raw = server();
    let end = flood(&mut raw, 10_000, |raw, i| {
        raw.headers(id(i), &request(), 0)?;
        raw.window_update(id(i), 0)
    });
    ends_with(end, 290..310, "too_many_resets");

    let mut raw = server();
    let malformed = fields(&[("no", "pseudo-headers")]);
    let end = flood(&mut raw, 10_000, |raw, i| raw.headers(id(i), &malformed, 0));
    ends_with(end, 290..310, "too_many_resets");

    let mut raw = Raw::server(Config {
        max_concurrent_streams: 0,
        ..Config::default()
    });
    let end = flood(&mut raw, 10_000, |raw, i| {
        raw.headers(id(i), &request(), END_STREAM)
    });
    ends_with(end, 290..310, "too_many_resets");
}

#[test]
fn pings() {
    let mut raw = Raw::server(Config::default());
    let end = flood(&mut raw, 10_000, |raw, _| {
        raw.send(kind::PING, 0, 0, &[0; 8])
    });
    ends_with(end, 2..5, "too_many_pings");

    let mut raw = server();
    let end = flood(&mut raw, 10_000, |raw, _| {
        raw.send(kind::PING, 0, 0, &[0; 8])
    });
    ends_with(end, 990..1_010, "too_many_pings");
    let mut raw = server();
    let (_, error) = flood(&mut raw, 10_000, |raw, _| {
        raw.wait(Duration::from_millis(10));
        raw.send(kind::PING, 0, 0, &[0; 8])
    });
    assert_eq!(error, None);
}

#[test]
fn answers_that_nobody_asked_for() {
    let mut raw = server();
    let end = flood(&mut raw, 10_000, |raw, _| {
        raw.send(kind::PING, flag::ACK, 0, &[0; 8])
    });
    ends_with(end, 990..1_010, "too_many_pings");
}

#[test]
fn settings() {
    let mut raw = server();
    let end = flood(&mut raw, 10_000, |raw, _| raw.settings(&[(0x42, 42)]));
    ends_with(end, 990..1_010, "too_many_settings");
}

#[test]
fn replies_that_nobody_reads() {
    let mut raw = Raw::server(Config {
        control_frames: crate::http2::config::Allowance {
            burst: u32::MAX,
            per_second: 0,
        },
        ..tolerant()
    });
    let mut sent = 0;
    let error = loop {
        match raw.send(kind::PING, 0, 0, &[0; 8]) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.rule, "too_many_unread_replies");
    assert!((1_900..2_000).contains(&sent), "{sent}");
    assert!(raw.end.connection.transmit().len() < 34_000);
}

#[test]
fn answers_that_nobody_reads() {
    let mut raw = Raw::server(Config {
        output_mark: 10_000,
        read_mark: 20_000,
        ..Config::default()
    });
    let mut requests = 0;
    while raw.end.connection.wants_input() {
        let stream = id(requests);
        raw.headers(stream, &request(), END_STREAM)
            .expect("a request");
        raw.end.connection.send_headers(stream, &response(), true);
        requests += 1;
    }
    assert!((500..2_000).contains(&requests), "{requests}");
    raw.end.take_output(1_000);
    assert!(raw.end.connection.wants_input());
}

#[test]
fn empty_and_tiny_data() {
    let mut raw = server();
    raw.request(1, 0);
    let end = flood(&mut raw, 10_000, |raw, _| raw.data(1, b"", 0));
    ends_with(end, 990..1_010, "too_many_empty_frames");

    let mut raw = server();
    raw.request(1, 0);
    let end = flood(&mut raw, 10_000, |raw, _| {
        raw.end.connection.release(1, 1);
        raw.data(1, b"1", 0)
    });
    ends_with(end, 1_990..2_010, "too_many_small_frames");

    // Empty gRPC messages are not a flood.
    let mut raw = server();
    raw.request(1, 0);
    let (_, error) = flood(&mut raw, 10_000, |raw, _| {
        raw.end.connection.release(1, 5);
        raw.data(1, b"\0\0\0\0\0", 0)
    });
    assert_eq!(error, None);
}

#[test]
fn tiny_data_that_our_window_forces() {
    let mut raw = Raw::server(Config {
        stream_window: 1,
        ..Config::default()
    });
    raw.request(1, 0);
    let (_, error) = flood(&mut raw, 10_000, |raw, _| {
        raw.data(1, b"1", 0)?;
        raw.end.connection.release(1, 1);
        Ok(())
    });
    assert_eq!(error, None);
}

#[test]
fn frames_that_say_nothing() {
    for (kind, stream, payload, rule) in [
        (kind::PRIORITY, 1, &[0; 5][..], "too_many_priorities"),
        (0x99, 0, b"", "too_many_unknown_frames"),
        (
            kind::WINDOW_UPDATE,
            1,
            &[0, 0, 0, 1],
            "too_many_window_updates",
        ),
        (kind::RST_STREAM, 1, &[0; 4], "too_many_late_frames"),
        (kind::GOAWAY, 0, &[0; 8], "too_many_goaways"),
    ] {
        let mut raw = server();
        raw.request(1, END_STREAM);
        raw.end.connection.send_headers(1, &response(), true);
        let end = flood(&mut raw, 10_000, |raw, _| {
            raw.send(kind, 0, stream, payload)
        });
        ends_with(end, 990..1_010, rule);
    }
}

#[test]
fn late_frames_of_streams_that_we_reset() {
    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.reset(1, Reason::CANCEL);
    let end = flood(&mut raw, 10_000, |raw, _| raw.data(1, b"", 0));
    ends_with(end, 990..1_010, "too_many_late_frames");
    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.reset(1, Reason::CANCEL);
    let end = flood(&mut raw, 10_000, |raw, _| raw.headers(1, &trailers(), 0));
    ends_with(end, 990..1_010, "too_many_late_frames");
}

/// A peer may be about to respond to all calls that this side cancels at the same time.
#[test]
fn late_frames_of_many_streams_that_we_reset() {
    let mut raw = Raw::client(tolerant(), &[]);
    let streams: Vec<_> = (0..2_000).map(|_| raw.call(END_STREAM)).collect();
    for &stream in &streams {
        raw.end.connection.reset(stream, Reason::CANCEL);
    }
    raw.frames();
    for stream in streams {
        raw.headers(stream, &response(), 0).expect("a late head");
        raw.data(stream, b"late", 0).expect("a late message");
        raw.headers(stream, &trailers(), END_STREAM)
            .expect("late trailers");
    }
}

#[test]
fn useful_frames_pay_for_the_others() {
    let mut raw = server();
    raw.request(1, 0);
    let (_, error) = flood(&mut raw, 10_000, |raw, _| {
        raw.end.connection.release(1, 100);
        raw.send(kind::PING, 0, 0, &[0; 8])?;
        raw.data(1, &[0; 100], 0)
    });
    assert_eq!(error, None);
}

#[test]
fn continuations() {
    let mut raw = server();
    raw.send(kind::HEADERS, 0, 1, &[]).expect("HEADERS");
    let end = flood(&mut raw, 1_000, |raw, _| {
        raw.send(kind::CONTINUATION, 0, 1, &[])
    });
    ends_with(end, 64..65, "too_many_continuations");

    let mut raw = server();
    raw.send(kind::HEADERS, 0, 1, &[0; 10]).expect("HEADERS");
    let end = flood(&mut raw, 1_000, |raw, _| {
        raw.send(kind::CONTINUATION, 0, 1, &[0; 16_384])
    });
    ends_with(end, 3..4, "header_block_too_large");
}

#[test]
fn an_hpack_bomb_is_cut() {
    let mut raw = server();
    // The block has one large field in the table, and then one byte for each repetition.
    let mut block = raw.encode(&request());
    block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend([b'v'; 4_000]);
    block.extend([0x80 | 62; 14]);
    raw.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block)
        .expect("a request");
    let Some(Event::Request { head, .. }) = raw.end.event() else {
        panic!("no request");
    };
    assert!(head.oversized);
    let kept: usize = head.fields.iter().map(|field| field.size()).sum();
    assert!(kept <= 16 << 10);
}

#[test]
fn interim_responses() {
    let mut raw = Raw::client(Config::default(), &[]);
    let stream = raw.end.connection.open(&request(), true).expect("open");
    let head = fields(&[(":status", "103")]);
    let end = flood(&mut raw, 10_000, |raw, _| raw.headers(stream, &head, 0));
    ends_with(end, 990..1_010, "too_many_interim_responses");
}

#[test]
fn a_server_that_resets_every_call_is_no_abuse() {
    let mut raw = Raw::client(Config::default(), &[]);
    let (_, error) = flood(&mut raw, 5_000, |raw, _| {
        let stream = raw.call(0);
        raw.send(kind::RST_STREAM, 0, stream, &[0, 0, 0, 2])
    });
    assert_eq!(error, None);
}
