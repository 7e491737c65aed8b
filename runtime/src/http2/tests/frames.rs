//! Tests of the rules for single frames (RFC 9113, 3 to 6).

use super::link::{request, response};
use super::raw::{END_HEADERS, END_STREAM, Raw};
use crate::http2::frame::{PREFACE, flag, kind};
use crate::http2::{Config, Event, Reason, Role};

fn server() -> Raw {
    Raw::server(Config::default())
}

fn client() -> Raw {
    Raw::client(Config::default(), &[])
}

/// Checks that the frame ends the connection of a server on which stream 1 is open.
#[track_caller]
fn server_fails(kind: u8, flags: u8, stream: u32, payload: &[u8], reason: Reason) {
    let mut raw = server();
    raw.request(1, 0);
    let result = raw.send(kind, flags, stream, payload);
    raw.assert_failed(result, reason);
}

#[test]
fn a_server_starts_with_settings() {
    let mut raw = Raw::silent(Role::Server, Config::default());
    let frames = raw.frames();
    assert_eq!(
        (frames[0].kind, frames[0].flags, frames[0].stream),
        (kind::SETTINGS, 0, 0)
    );
    assert_eq!((frames[1].kind, frames[1].stream), (kind::WINDOW_UPDATE, 0));
    assert_eq!(frames.len(), 2);
}

#[test]
fn a_client_starts_with_the_preface_and_forbids_pushes() {
    let mut raw = Raw::silent(Role::Client, Config::default());
    assert_eq!(raw.end.take_output(24), PREFACE);
    let frames = raw.frames();
    assert_eq!(frames[0].kind, kind::SETTINGS);
    assert_eq!(frames[0].payload[..6], [0, 2, 0, 0, 0, 0]);
}

#[test]
fn a_wrong_preface_is_known_by_its_first_wrong_byte() {
    for text in ["GET / HTTP/1.1\r\n", "PRI * HTTP/1", "\x16\x03\x01"] {
        let mut raw = Raw::silent(Role::Server, Config::default());
        let result = raw.bytes(text.as_bytes());
        raw.assert_failed(result, Reason::PROTOCOL_ERROR);
    }
}

#[test]
fn the_preface_may_come_in_pieces() {
    let mut raw = Raw::silent(Role::Server, Config::default());
    for byte in PREFACE {
        raw.bytes(&[*byte]).expect("a byte of the preface");
    }
    raw.settings(&[]).expect("SETTINGS");
}

#[test]
fn the_first_frame_is_settings() {
    let mut raw = Raw::silent(Role::Server, Config::default());
    raw.bytes(PREFACE).expect("the preface");
    let result = raw.headers(1, &request(), END_STREAM);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);

    let mut raw = Raw::silent(Role::Client, Config::default());
    raw.end.take_output(PREFACE.len());
    let result = raw.send(kind::SETTINGS, flag::ACK, 0, &[]);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);

    let mut raw = Raw::silent(Role::Client, Config::default());
    raw.end.take_output(PREFACE.len());
    let result = raw.bytes(b"HTTP/1.1 400 Bad Request\r\n");
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
}

#[test]
fn settings_are_acknowledged() {
    let mut raw = server();
    raw.settings(&[(3, 10), (0x99, 7)]).expect("SETTINGS");
    let frames = raw.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].kind, frames[0].flags), (kind::SETTINGS, 1));
    assert!(frames[0].payload.is_empty());
}

#[test]
fn wrong_settings() {
    use super::raw::settings;
    let wrong = |entry, reason| server_fails(kind::SETTINGS, 0, 0, &settings(&[entry]), reason);
    wrong((2, 2), Reason::PROTOCOL_ERROR);
    wrong((4, 0x8000_0000), Reason::FLOW_CONTROL_ERROR);
    wrong((5, 16_383), Reason::PROTOCOL_ERROR);
    wrong((5, 0x100_0000), Reason::PROTOCOL_ERROR);
    server_fails(kind::SETTINGS, 0, 1, &[], Reason::PROTOCOL_ERROR);
    server_fails(kind::SETTINGS, 0, 0, &[0; 5], Reason::FRAME_SIZE_ERROR);
    server_fails(kind::SETTINGS, 1, 0, &[0; 6], Reason::FRAME_SIZE_ERROR);
    let mut raw = client();
    let result = raw.settings(&[(2, 1)]);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
    let mut raw = server();
    raw.settings(&[(2, 1), (5, 16_384), (5, 0xff_ffff), (4, 0x7fff_ffff)])
        .expect("right settings");
}

#[test]
fn a_frame_over_the_size_that_we_advertise() {
    // The length in the frame header is enough to detect this.
    let mut raw = server();
    let result = raw.bytes(&[0, 0x40, 1, kind::DATA, 0, 0, 0, 0, 1]);
    raw.assert_failed(result, Reason::FRAME_SIZE_ERROR);
    let mut raw = Raw::server(Config {
        max_frame_size: 20_000,
        ..Config::default()
    });
    raw.request(1, 0);
    raw.data(1, &[0; 20_000], 0).expect("a large frame");
}

#[test]
fn frames_of_a_wrong_length() {
    server_fails(kind::PING, 0, 0, &[0; 7], Reason::FRAME_SIZE_ERROR);
    server_fails(kind::RST_STREAM, 0, 1, &[0; 5], Reason::FRAME_SIZE_ERROR);
    server_fails(kind::WINDOW_UPDATE, 0, 1, &[0; 3], Reason::FRAME_SIZE_ERROR);
    server_fails(kind::GOAWAY, 0, 0, &[0; 7], Reason::FRAME_SIZE_ERROR);
    let priority = END_HEADERS | flag::PRIORITY;
    server_fails(
        kind::HEADERS,
        priority,
        3,
        &[0; 4],
        Reason::FRAME_SIZE_ERROR,
    );
    server_fails(kind::PRIORITY, 0, 3, &[0; 4], Reason::FRAME_SIZE_ERROR);
    let mut raw = server();
    raw.request(1, 0);
    raw.send(kind::PRIORITY, 0, 1, &[0; 6])
        .expect("a stream error");
    raw.assert_reset_told(1, Reason::FRAME_SIZE_ERROR);
}

#[test]
fn frames_on_the_wrong_stream() {
    for (kind, stream, payload) in [
        (kind::PING, 1, &[0; 8][..]),
        (kind::GOAWAY, 1, &[0; 8]),
        (kind::DATA, 0, b"data"),
        (kind::HEADERS, 0, b""),
        (kind::PRIORITY, 0, &[0; 5]),
        (kind::RST_STREAM, 0, &[0; 4]),
    ] {
        server_fails(kind, END_HEADERS, stream, payload, Reason::PROTOCOL_ERROR);
    }
}

#[test]
fn padding_longer_than_the_payload() {
    for kind in [kind::DATA, kind::HEADERS] {
        let flags = flag::PADDED | END_HEADERS;
        let stream = if kind == kind::DATA { 1 } else { 3 };
        server_fails(kind, flags, stream, &[2, 0], Reason::PROTOCOL_ERROR);
        server_fails(kind, flags, stream, &[], Reason::FRAME_SIZE_ERROR);
    }
}

#[test]
fn padding_and_priority_are_taken_off() {
    let mut raw = server();
    let mut payload = vec![3, 0, 0, 0, 9, 200];
    payload.extend(raw.encode(&request()));
    payload.extend([0; 3]);
    let flags = flag::PADDED | flag::PRIORITY | END_HEADERS;
    raw.send(kind::HEADERS, flags, 1, &payload)
        .expect("padded HEADERS");
    assert!(matches!(raw.end.event(), Some(Event::Request { .. })));
    raw.send(kind::DATA, flag::PADDED, 1, b"\x02hello\0\0")
        .expect("padded DATA");
    let Some(Event::Data { data, .. }) = raw.end.event() else {
        panic!("no data");
    };
    assert_eq!(data, &b"hello"[..]);
    // A frame that is all padding causes no event.
    raw.send(kind::DATA, flag::PADDED, 1, b"\x02\0\0")
        .expect("padding");
    assert!(raw.end.event().is_none());
}

#[test]
fn header_blocks_are_not_interrupted() {
    let mut raw = server();
    let block = raw.encode(&request());
    let (first, rest) = block.split_at(5);
    raw.send(kind::HEADERS, 0, 1, first).expect("HEADERS");
    raw.send(kind::CONTINUATION, 0, 1, &rest[..2])
        .expect("CONTINUATION");
    assert!(raw.end.event().is_none());
    raw.send(kind::CONTINUATION, END_HEADERS, 1, &rest[2..])
        .expect("CONTINUATION");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Request { end: false, .. })
    ));

    for (kind, stream) in [
        (kind::CONTINUATION, 5),
        (kind::DATA, 3),
        (kind::PING, 0),
        (0x77, 0),
    ] {
        let mut raw = server();
        raw.send(kind::HEADERS, 0, 3, first).expect("HEADERS");
        let result = raw.send(kind, 0, stream, &[0; 8]);
        raw.assert_failed(result, Reason::PROTOCOL_ERROR);
    }
    server_fails(
        kind::CONTINUATION,
        END_HEADERS,
        1,
        &[],
        Reason::PROTOCOL_ERROR,
    );
}

#[test]
fn unknown_frames_and_flags_are_ignored() {
    let mut raw = server();
    raw.send(0x77, 0xff, 0, b"what").expect("an unknown frame");
    raw.send(0xff, 0, 9, b"").expect("an unknown frame");
    let block = raw.encode(&request());
    raw.send(kind::HEADERS, 0xc0 | END_HEADERS, 1, &block)
        .expect("unknown flags");
    raw.send(kind::PING, 0xfe, 0, &[7; 8]).expect("PING");
    let frames = raw.frames();
    assert_eq!((frames[0].kind, frames[0].flags), (kind::PING, flag::ACK));
    assert_eq!(frames[0].payload, [7; 8]);
}

#[test]
fn the_reserved_bit_of_a_stream_id_is_ignored() {
    let mut raw = server();
    let block = raw.encode(&request());
    raw.send(kind::HEADERS, END_HEADERS, 0x8000_0001, &block)
        .expect("HEADERS");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Request { stream: 1, .. })
    ));
}

#[test]
fn priorities_are_ignored() {
    let mut raw = server();
    raw.request(1, 0);
    for stream in [1, 2, 3, 99] {
        raw.send(kind::PRIORITY, 0, stream, &[0, 0, 0, 1, 5])
            .expect("PRIORITY");
    }
    assert!(raw.frames().is_empty());
}

#[test]
fn pushes_are_refused() {
    let payload = [0, 0, 0, 2, 0x88];
    server_fails(
        kind::PUSH_PROMISE,
        END_HEADERS,
        1,
        &payload,
        Reason::PROTOCOL_ERROR,
    );
    let mut raw = client();
    let stream = raw.call(0);
    let result = raw.send(kind::PUSH_PROMISE, END_HEADERS, stream, &payload);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
    let mut raw = client();
    let result = raw.headers(2, &response(), 0);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
}

#[test]
fn blocks_that_hpack_cannot_decode() {
    server_fails(
        kind::HEADERS,
        END_HEADERS,
        3,
        &[0x80],
        Reason::COMPRESSION_ERROR,
    );
    // This also applies to a closed stream.
    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.reset(1, Reason::CANCEL);
    let result = raw.send(kind::HEADERS, END_HEADERS, 1, &[0x80]);
    raw.frames();
    assert_eq!(
        result.map_err(|error| error.reason),
        Err(Reason::COMPRESSION_ERROR)
    );
}

#[test]
fn pings_of_ours() {
    let mut raw = server();
    raw.end.connection.ping(*b"12345678");
    let frames = raw.frames();
    assert_eq!((frames[0].kind, frames[0].flags), (kind::PING, 0));
    raw.send(kind::PING, flag::ACK, 0, b"12345678")
        .expect("an answer");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Pong { payload }) if payload == *b"12345678"
    ));
    // This response was not requested.
    raw.send(kind::PING, flag::ACK, 0, b"12345678")
        .expect("an answer too many");
    assert!(raw.end.event().is_none());
    assert!(raw.frames().is_empty());
}

#[test]
fn long_header_blocks_are_split() {
    use super::link::fields;
    let value = "v".repeat(40_000);
    let mut raw = server();
    raw.request(1, END_STREAM);
    let head = fields(&[(":status", "200"), ("x", &value)]);
    raw.end.connection.send_headers(1, &head, true);
    let frames = raw.frames();
    let kinds: Vec<u8> = frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(
        kinds,
        [kind::HEADERS, kind::CONTINUATION, kind::CONTINUATION][..kinds.len()]
    );
    assert!(kinds.len() > 1);
    assert!(frames.iter().all(|frame| frame.payload.len() <= 16_384));
    assert_eq!(frames[0].flags, END_STREAM);
    assert_eq!(frames.last().map(|frame| frame.flags), Some(END_HEADERS));
    let block: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(raw.decode(&block), head);
}
