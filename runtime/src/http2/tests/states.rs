//! Tests of frames that a stream's state forbids (RFC 9113, 5.1).

use super::link::{request, response, trailers};
use super::raw::{END_HEADERS, END_STREAM, Raw};
use crate::http2::error::OpenError;
use crate::http2::frame::kind;
use crate::http2::{Config, Event, Reason, ResetCause};

fn server() -> Raw {
    Raw::server(Config::default())
}

fn client() -> Raw {
    Raw::client(Config::default(), &[])
}

#[test]
fn frames_on_idle_streams() {
    for stream in [2, 7] {
        for (kind, payload) in [
            (kind::DATA, &b"data"[..]),
            (kind::RST_STREAM, &[0; 4]),
            (kind::WINDOW_UPDATE, &[0, 0, 0, 1]),
        ] {
            let mut raw = server();
            raw.request(5, 0);
            let result = raw.send(kind, 0, stream, payload);
            raw.assert_failed(result, Reason::PROTOCOL_ERROR);
            let mut raw = client();
            raw.call(0);
            let result = raw.send(kind, 0, stream, payload);
            raw.assert_failed(result, Reason::PROTOCOL_ERROR);
        }
    }
    let mut raw = client();
    let result = raw.headers(1, &response(), 0);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
}

#[test]
fn clients_open_odd_streams_in_rising_order() {
    let mut raw = server();
    let result = raw.headers(2, &request(), 0);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);

    let mut raw = server();
    raw.request(5, END_STREAM);
    raw.request(7, END_STREAM);
    let result = raw.headers(3, &request(), END_STREAM);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
}

#[test]
fn half_closed_streams_take_no_more() {
    let mut raw = server();
    raw.request(1, END_STREAM);
    raw.data(1, b"late", 0).expect("a stream error");
    raw.assert_reset_told(1, Reason::STREAM_CLOSED);

    raw.request(3, END_STREAM);
    raw.headers(3, &trailers(), END_STREAM)
        .expect("a stream error");
    raw.assert_reset_told(3, Reason::STREAM_CLOSED);

    // Some frames are still allowed.
    raw.request(5, END_STREAM);
    raw.window_update(5, 1).expect("WINDOW_UPDATE");
    raw.send(kind::PRIORITY, 0, 5, &[0; 5]).expect("PRIORITY");
    raw.send(kind::RST_STREAM, 0, 5, &[0, 0, 0, 8])
        .expect("RST_STREAM");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Reset {
            stream: 5,
            reason: Reason::CANCEL,
            cause: ResetCause::Peer
        })
    ));
}

/// Creates a server on which stream 1 has ended in order.
fn finished() -> Raw {
    let mut raw = server();
    raw.request(1, END_STREAM);
    raw.end.connection.send_headers(1, &response(), true);
    raw.frames();
    assert_eq!(raw.end.connection.open_streams(), 0);
    raw
}

#[test]
fn closed_streams() {
    let mut raw = finished();
    raw.data(1, b"late", 0).expect("a stream error");
    raw.assert_reset(1, Reason::STREAM_CLOSED);
    // The stream is reset only once.
    raw.data(1, b"later", 0).expect("ignored");
    assert!(raw.frames().is_empty());

    let mut raw = finished();
    let result = raw.headers(1, &request(), 0);
    raw.assert_failed(result, Reason::STREAM_CLOSED);

    let mut raw = finished();
    raw.window_update(1, 1).expect("ignored");
    raw.window_update(1, 0).expect("ignored");
    raw.send(kind::RST_STREAM, 0, 1, &[0; 4]).expect("ignored");
    raw.send(kind::PRIORITY, 0, 1, &[0; 5]).expect("ignored");
    assert!(raw.frames().is_empty());
    assert!(raw.end.event().is_none());
}

#[test]
fn streams_that_the_peer_reset() {
    let mut raw = server();
    raw.request(1, 0);
    raw.send(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8])
        .expect("RST_STREAM");
    assert!(matches!(raw.end.event(), Some(Event::Reset { .. })));
    // Data that the application still sends on the stream is dropped.
    let engine = &mut raw.end.connection;
    engine.send_headers(1, &response(), false);
    engine.send_data(1, b"data"[..].into(), false);
    engine.send_trailers(1, trailers());
    engine.reset(1, Reason::CANCEL);
    assert!(raw.frames().is_empty());
    raw.data(1, b"late", 0).expect("a stream error");
    raw.assert_reset(1, Reason::STREAM_CLOSED);
}

#[test]
fn late_frames_of_a_stream_that_we_reset_are_ignored() {
    let mut raw = client();
    let stream = raw.call(0);
    raw.end.connection.reset(stream, Reason::CANCEL);
    raw.assert_reset(stream, Reason::CANCEL);
    raw.data(stream, b"late", 0).expect("ignored");
    raw.window_update(stream, 5).expect("ignored");
    raw.headers(stream, &trailers(), END_STREAM)
        .expect("ignored");
    raw.send(kind::RST_STREAM, 0, stream, &[0; 4])
        .expect("ignored");
    assert!(raw.frames().is_empty());
    assert!(raw.end.event().is_none());
    // HPACK has decoded the late trailers.
    raw.call(END_STREAM);
}

#[test]
fn streams_reset_long_ago_are_still_ignored() {
    let mut raw = client();
    for _ in 0..3_000 {
        let stream = raw.call(0);
        raw.end.connection.reset(stream, Reason::CANCEL);
    }
    raw.frames();
    for stream in [1, 999, 2_999, 5_999] {
        raw.data(stream, b"very late", 0).expect("ignored");
    }
    assert!(raw.frames().is_empty());
}

#[test]
fn more_streams_than_advertised_are_refused() {
    let mut raw = Raw::server(Config {
        max_concurrent_streams: 2,
        ..Config::default()
    });
    raw.request(1, 0);
    raw.request(3, END_STREAM);
    raw.headers(5, &request(), 0).expect("a stream error");
    raw.assert_reset(5, Reason::REFUSED_STREAM);
    raw.data(5, b"late", END_STREAM).expect("ignored");
    assert!(raw.end.event().is_none());
    // One slot is free again.
    raw.end.connection.send_headers(3, &response(), true);
    raw.request(7, END_STREAM);
    assert_eq!(raw.end.connection.open_streams(), 2);
}

#[test]
fn clients_keep_to_the_servers_limit() {
    let mut raw = Raw::client(Config::default(), &[(3, 2)]);
    let first = raw.call(0);
    raw.call(0);
    assert!(!raw.end.connection.can_open());
    assert_eq!(
        raw.end.connection.open(&request(), true),
        Err(OpenError::TooManyStreams)
    );
    raw.end.connection.reset(first, Reason::CANCEL);
    raw.end.gather_events();
    assert!(matches!(raw.end.event(), Some(Event::CanOpen)));
    assert!(raw.end.connection.can_open());
    raw.call(0);
    raw.settings(&[(3, 3)]).expect("SETTINGS");
    assert!(matches!(raw.end.event(), Some(Event::CanOpen)));
    raw.settings(&[(3, 0)]).expect("SETTINGS");
    assert!(!raw.end.connection.can_open());
}

#[test]
fn clients_assume_a_limit_until_they_know_it() {
    let mut raw = Raw::silent(crate::http2::Role::Client, Config::default());
    for _ in 0..100 {
        raw.end.connection.open(&request(), true).expect("open");
    }
    assert!(!raw.end.connection.can_open());
    raw.settings(&[]).expect("SETTINGS");
    assert!(matches!(raw.end.event(), Some(Event::CanOpen)));
    raw.end.connection.open(&request(), true).expect("open");
}

#[test]
fn refused_streams_can_be_tried_again() {
    let mut raw = client();
    let stream = raw.end.connection.open(&request(), true).expect("open");
    raw.send(kind::RST_STREAM, 0, stream, &[0, 0, 0, 7])
        .expect("RST_STREAM");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Reset {
            reason: Reason::REFUSED_STREAM,
            cause: ResetCause::Unprocessed,
            ..
        })
    ));
}

#[test]
fn a_head_is_sent_once_and_nothing_after_the_end() {
    let mut raw = server();
    raw.request(1, 0);
    let engine = &mut raw.end.connection;
    engine.send_data(1, b"before the head"[..].into(), false);
    engine.send_trailers(1, trailers());
    engine.send_headers(1, &response(), false);
    engine.send_headers(1, &response(), false);
    engine.send_data(1, b"data"[..].into(), true);
    engine.send_data(1, b"after the end"[..].into(), true);
    engine.send_trailers(1, trailers());
    let kinds: Vec<u8> = raw.frames().iter().map(|frame| frame.kind).collect();
    assert_eq!(kinds, [kind::HEADERS, kind::DATA, kind::RST_STREAM]);
}

#[test]
fn a_server_cannot_open_streams() {
    let mut raw = server();
    assert!(!raw.end.connection.can_open());
    assert!(raw.end.connection.open(&request(), true).is_err());
}

#[test]
fn calls_about_unknown_streams_do_nothing() {
    let mut raw = server();
    let engine = &mut raw.end.connection;
    for stream in [0, 1, 2, u32::MAX] {
        engine.release(stream, 10);
        engine.reset(stream, Reason::CANCEL);
        engine.send_headers(stream, &response(), true);
        engine.send_data(stream, b"x"[..].into(), true);
        engine.send_trailers(stream, trailers());
        assert_eq!(engine.send_capacity(stream), 0);
    }
    assert!(raw.frames().is_empty());
    let result = raw.send(kind::HEADERS, END_HEADERS, 0, &[]);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
}
