//! Tests of requests, responses and trailers (RFC 9113, 8).

use super::link::{fields, request, response, trailers};
use super::raw::{END_HEADERS, END_STREAM, Raw, request_with};
use crate::base::header::Header;
use crate::http2::frame::kind;
use crate::http2::{Config, Event, Reason};

fn server() -> Raw {
    Raw::server(Config::default())
}

fn client() -> Raw {
    Raw::client(Config::default(), &[])
}

#[track_caller]
fn malformed_request(head: &[Header], flags: u8) {
    let mut raw = server();
    raw.headers(1, head, flags).expect("a stream error");
    raw.assert_reset(1, Reason::PROTOCOL_ERROR);
    // The application does not learn of it, and the connection continues.
    assert!(raw.end.event().is_none());
    raw.request(3, END_STREAM);
}

#[track_caller]
fn malformed_response(head: &[Header], flags: u8) {
    let mut raw = client();
    let stream = raw.end.connection.open(&request(), true).expect("open");
    raw.headers(stream, head, flags).expect("a stream error");
    raw.assert_reset_told(stream, Reason::PROTOCOL_ERROR);
    raw.call(0);
}

#[test]
fn pseudo_headers_that_a_request_needs() {
    for name in [":method", ":scheme", ":path"] {
        malformed_request(&request_with(name, None), END_STREAM);
    }
    malformed_request(&request_with(":path", Some("")), END_STREAM);
    let mut raw = server();
    raw.headers(1, &request_with(":authority", None), END_STREAM)
        .expect("an authority is not needed");
    let Some(Event::Request { head, end, .. }) = raw.end.event() else {
        panic!("no request");
    };
    assert!(head.authority.is_none() && end && !head.oversized);
}

#[test]
fn pseudo_headers_that_a_request_may_not_have() {
    malformed_request(&request_with(":status", Some("200")), 0);
    let mut head = request();
    head.insert(0, Header::new(b":protocol", b"websocket"));
    malformed_request(&head, 0);
    for field in &request()[..4] {
        let mut head = request();
        head.insert(0, field.clone());
        malformed_request(&head, 0);
    }
    // The pseudo-header follows another field.
    let mut head = request();
    head.rotate_left(1);
    malformed_request(&head, 0);
}

#[test]
fn malformed_fields() {
    for (name, value) in [
        ("Upper", "case"),
        ("", "no name"),
        ("a b", "blank"),
        ("x", "new\nline"),
        ("x", "nul\0"),
        (":path", " /blank"),
        ("connection", "close"),
        ("keep-alive", "1"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-connection", "x"),
        ("te", "gzip"),
        ("content-length", "x"),
        ("content-length", "-1"),
        ("content-length", "+1"),
        ("content-length", ""),
        ("content-length", "99999999999999999999"),
    ] {
        malformed_request(&request_with(name, Some(value)), 0);
        let mut head = response();
        head.extend(fields(&[(name, value)]));
        malformed_response(&head, 0);
    }
}

/// RFC 9113, 8.2.1 forbids blanks at the ends of a value, but grpcio and grpc-go send them. gRPC requires joined binary values to
/// be split.
#[test]
fn fields_are_taken_as_they_were_meant() {
    let mut head = request();
    let sent = [
        ("x", " a b\t"),
        ("y", " "),
        ("x-bin", "AAE, AgM"),
        ("grpc-message", " kept "),
        ("content-length", " 0 "),
        ("z", "a\u{fc}"),
    ];
    head.extend(fields(&sent));
    let mut raw = server();
    raw.headers(1, &head, END_STREAM).expect("a request");
    let Some(Event::Request { head, .. }) = raw.end.event() else {
        panic!("no request");
    };
    let expected = fields(&[
        ("x", "a b"),
        ("y", ""),
        ("x-bin", "AAE"),
        ("x-bin", "AgM"),
        ("grpc-message", " kept "),
        ("content-length", "0"),
        ("z", "a\u{fc}"),
    ]);
    assert!(head.fields.ends_with(&expected), "{:?}", head.fields);
}

#[test]
fn joined_values_count_as_fields_of_their_own() {
    let mut head = request();
    head.extend(fields(&[("x-bin", &",".repeat(15_000))]));
    let mut raw = server();
    raw.headers(1, &head, END_STREAM).expect("a request");
    let Some(Event::Request { head, .. }) = raw.end.event() else {
        panic!("no request");
    };
    assert!(head.oversized);
    // Each value counts as 32 bytes besides its name (RFC 7541, 4.1).
    assert!(head.fields.len() < 500, "{}", head.fields.len());
}

#[test]
fn a_status_beyond_the_limit_is_kept() {
    let limited = Config {
        max_header_list_size: 100,
        ..Config::default()
    };
    let mut raw = Raw::client(limited, &[]);
    let stream = raw.end.connection.open(&request(), true).expect("open");
    raw.headers(stream, &response(), 0).expect("a response");
    raw.end.event().expect("a response");
    let trailers = [
        ("x", &*"v".repeat(100)),
        ("grpc-status", "5"),
        ("grpc-status", "6"),
        ("y", ""),
    ];
    raw.headers(stream, &fields(&trailers), END_STREAM)
        .expect("trailers");
    let Some(Event::Trailers {
        fields: kept,
        oversized: true,
        ..
    }) = raw.end.event()
    else {
        panic!("no trailers");
    };
    assert_eq!(kept, fields(&[("grpc-status", "5")]));
}

#[test]
fn connect_has_an_authority_alone() {
    let head = fields(&[(":method", "CONNECT"), (":authority", "host:1")]);
    let mut raw = server();
    raw.headers(1, &head, 0).expect("CONNECT");
    let Some(Event::Request { head, .. }) = raw.end.event() else {
        panic!("no request");
    };
    assert_eq!(head.path.value(), b"");
    malformed_request(&request_with(":method", Some("CONNECT")), 0);
}

#[test]
fn responses_need_a_status_and_nothing_else() {
    malformed_response(&fields(&[("content-type", "x")]), 0);
    for status in ["", "20", "2000", "abc", "099", "101", " 200"] {
        malformed_response(&fields(&[(":status", status)]), 0);
    }
    malformed_response(&fields(&[(":status", "200"), (":path", "/")]), 0);
    malformed_response(&fields(&[(":status", "200"), (":status", "200")]), 0);
    malformed_response(&fields(&[(":status", "100")]), END_STREAM);
}

#[test]
fn interim_responses_are_swallowed() {
    let mut raw = client();
    let stream = raw.end.connection.open(&request(), true).expect("open");
    for status in ["100", "103"] {
        raw.headers(stream, &fields(&[(":status", status)]), 0)
            .expect("an interim response");
    }
    assert!(raw.end.event().is_none());
    raw.headers(stream, &response(), END_STREAM)
        .expect("a response");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Response { end: true, .. })
    ));
    assert_eq!(raw.end.connection.open_streams(), 0);
}

#[test]
fn data_before_a_response() {
    let mut raw = client();
    let stream = raw.end.connection.open(&request(), true).expect("open");
    raw.data(stream, b"early", 0).expect("a stream error");
    raw.assert_reset_told(stream, Reason::PROTOCOL_ERROR);
}

#[test]
fn trailers_end_the_stream() {
    let mut raw = client();
    let stream = raw.call(0);
    raw.headers(stream, &trailers(), 0).expect("a stream error");
    raw.assert_reset_told(stream, Reason::PROTOCOL_ERROR);

    let stream = raw.call(0);
    raw.headers(stream, &trailers(), END_STREAM)
        .expect("trailers");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Trailers { oversized: false, fields, .. }) if fields == trailers()
    ));

    let mut raw = server();
    raw.request(1, 0);
    raw.headers(1, &trailers(), END_STREAM).expect("trailers");
    assert!(matches!(raw.end.event(), Some(Event::Trailers { .. })));
}

#[test]
fn trailers_have_no_pseudo_headers() {
    for field in [(":status", "200"), (":path", "/"), (":unknown", "")] {
        let mut raw = client();
        let stream = raw.call(0);
        raw.headers(stream, &fields(&[field]), END_STREAM)
            .expect("a stream error");
        raw.assert_reset_told(stream, Reason::PROTOCOL_ERROR);
    }
}

#[test]
fn content_length_has_to_fit() {
    let head = request_with("content-length", Some("5"));
    malformed_request(&head, END_STREAM);
    for pieces in [&["hello"][..], &["he", "llo"], &["hello", ""]] {
        let mut raw = server();
        raw.headers(1, &head, 0).expect("a request");
        raw.end.event();
        for (i, piece) in pieces.iter().enumerate() {
            let flags = if i + 1 == pieces.len() { END_STREAM } else { 0 };
            raw.data(1, piece.as_bytes(), flags).expect("DATA");
            assert!(matches!(raw.end.event(), Some(Event::Data { .. })));
        }
    }
    for (piece, flags) in [("hello!", 0), ("hell", END_STREAM), ("", END_STREAM)] {
        let mut raw = server();
        raw.headers(1, &head, 0).expect("a request");
        raw.data(1, piece.as_bytes(), flags)
            .expect("a stream error");
        raw.assert_reset_told(1, Reason::PROTOCOL_ERROR);
    }
    let mut raw = server();
    raw.headers(1, &head, 0).expect("a request");
    raw.headers(1, &trailers(), END_STREAM)
        .expect("a stream error");
    raw.assert_reset_told(1, Reason::PROTOCOL_ERROR);
}

#[test]
fn content_length_may_come_twice_if_it_agrees() {
    let mut head = request_with("content-length", Some("0"));
    head.extend(fields(&[("content-length", "0")]));
    let mut raw = server();
    raw.headers(1, &head, END_STREAM).expect("a request");
    assert!(matches!(raw.end.event(), Some(Event::Request { .. })));
    head.extend(fields(&[("content-length", "1")]));
    malformed_request(&head, 0);
}

#[test]
fn a_list_over_the_limit_is_cut_and_hpack_goes_on() {
    let mut raw = Raw::server(Config {
        max_header_list_size: 400,
        ..Config::default()
    });
    let mut head = request();
    head.extend((0..50).map(|i| Header::new(b"x-field", format!("{i:02}").as_bytes())));
    for stream in [1, 3] {
        raw.headers(stream, &head, END_STREAM).expect("a request");
        let Some(Event::Request { head: found, .. }) = raw.end.event() else {
            panic!("no request");
        };
        assert!(found.oversized);
        assert_eq!(found.path.value(), b"/package.Service/Method");
        assert!(found.fields.len() < 10);
    }
    raw.headers(5, &request(), END_STREAM).expect("a request");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Request { head, .. }) if !head.oversized
    ));
}

#[test]
fn oversized_trailers_say_so() {
    let mut raw = Raw::client(
        Config {
            max_header_list_size: 200,
            ..Config::default()
        },
        &[],
    );
    let stream = raw.call(0);
    let mut fields = trailers();
    fields.push(Header::new(b"x", &[b'v'; 200]));
    raw.headers(stream, &fields, END_STREAM).expect("trailers");
    assert!(matches!(
        raw.end.event(),
        Some(Event::Trailers { oversized: true, fields, .. }) if fields == trailers()
    ));
}

#[test]
fn a_stream_that_the_server_finished_first_is_reset_without_error() {
    let mut raw = server();
    raw.request(1, 0);
    let engine = &mut raw.end.connection;
    engine.send_headers(1, &response(), true);
    let frames = raw.frames();
    assert_eq!(frames[0].kind, kind::HEADERS);
    assert_eq!(frames[1].reason(), Some(Reason::NO_ERROR));
    // The rest of the request is ignored.
    raw.data(1, b"late data", END_STREAM).expect("late DATA");
    raw.headers(1, &trailers(), END_STREAM)
        .expect("late trailers");
    assert!(raw.end.event().is_none());
    assert!(raw.frames().is_empty());
}

/// `:method: POST`, `:scheme: http`, then `:path: /a` as a literal without indexing, and the newest entry of the table.
const AGAIN: &[u8] = b"\x83\x86\x04\x02/a\xbe";

/// The same block, but with a literal that adds the entry `x: 1` or `x: 2` to the table.
const ONE: &[u8] = b"\x83\x86\x04\x02/a\x40\x01x\x011";
const TWO: &[u8] = b"\x83\x86\x04\x02/a\x40\x01x\x012";

#[test]
fn a_block_that_comes_again_says_what_the_table_says() {
    let mut raw = server();
    let mut stream = 1;
    let mut said = |block: &[u8]| {
        raw.send(kind::HEADERS, END_HEADERS | END_STREAM, stream, block)
            .expect("a request");
        stream += 2;
        let Some(Event::Request { head, .. }) = raw.end.event() else {
            panic!("no request");
        };
        assert_eq!(head.path.value(), b"/a");
        assert_eq!(head.fields.len(), 1);
        head.fields[0].value().to_vec()
    };
    for (block, value) in [(ONE, b"1"), (TWO, b"2"), (ONE, b"1")] {
        assert_eq!(said(block), value);
        for _ in 0..5 {
            assert_eq!(said(AGAIN), value);
        }
    }
    // Other blocks follow, each often enough to be remembered, and more of them than are remembered.
    for _ in 0..3 {
        for entry in 0x82..0x88 {
            let mut block = b"\x83\x86\x04\x02/a".to_vec();
            block.extend([0x10, 1, b'n', 1, entry]);
            assert_eq!(said(&block), [entry]);
            assert_eq!(said(AGAIN), b"1");
        }
    }
}

#[test]
fn a_block_that_comes_again_fails_when_its_entry_is_gone() {
    let mut raw = server();
    for (stream, block) in [(1, ONE), (3, AGAIN), (5, AGAIN), (7, AGAIN)] {
        raw.send(kind::HEADERS, END_HEADERS | END_STREAM, stream, block)
            .expect("a request");
    }
    // Shrinking the table to zero removes the entry that the block refers to.
    let shut = b"\x20\x83\x86\x04\x02/a";
    raw.send(kind::HEADERS, END_HEADERS | END_STREAM, 9, shut)
        .expect("a request");
    let result = raw.send(kind::HEADERS, END_HEADERS | END_STREAM, 11, AGAIN);
    raw.assert_failed(result, Reason::COMPRESSION_ERROR);
}
