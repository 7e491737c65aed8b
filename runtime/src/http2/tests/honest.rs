//! Tests of the budgets from both sides: honest behavior costs nothing, and the abuse that resembles it does.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::link::{Link, fields, pattern, request, response, trailers};
use super::raw::{END_HEADERS, END_STREAM, Raw, frame};
use crate::base::header::Header;
use crate::http2::error::ConnectionError;
use crate::http2::frame::kind;
use crate::http2::{Config, Event, Reason, StreamId};

const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn server() -> Raw {
    Raw::server(Config::default())
}

fn id(call: usize) -> StreamId {
    1 + 2 * call as StreamId
}

/// Opens calls in one read. Handlers take them and respond with a message.
fn open_answered(raw: &mut Raw, calls: std::ops::Range<usize>) -> Result<(), ConnectionError> {
    let mut read = BytesMut::new();
    for call in calls.clone() {
        let block = raw.encode(&request());
        read.extend(frame(kind::HEADERS, END_HEADERS, id(call), &block));
        read.extend(frame(kind::DATA, 0, id(call), &[0; 5]));
    }
    raw.bytes(&read)?;
    for call in calls {
        raw.end.connection.take(id(call));
        let connection = &mut raw.end.connection;
        connection.send_headers(id(call), &response(), false);
        connection.send_data(id(call), Bytes::from_static(&[0; 5]), false);
    }
    raw.frames();
    raw.end.events.clear();
    Ok(())
}

/// Cancels calls in one read.
fn cancel(raw: &mut Raw, calls: std::ops::Range<usize>) -> Result<(), ConnectionError> {
    let resets = calls.map(|call| frame(kind::RST_STREAM, 0, id(call), &CANCEL));
    raw.bytes(&resets.flatten().collect::<Vec<u8>>())
}

/// Opens calls, and resets each in the same read. Returns the number of calls that succeeded, and the error.
fn open_and_reset(raw: &mut Raw, first: usize, most: usize) -> (usize, Option<ConnectionError>) {
    for count in 0..most {
        let block = raw.encode(&request());
        let mut read = frame(
            kind::HEADERS,
            END_HEADERS | END_STREAM,
            id(first + count),
            &block,
        );
        read.extend(frame(kind::RST_STREAM, 0, id(first + count), &CANCEL));
        if let Err(error) = raw.bytes(&read) {
            return (count, Some(error));
        }
        raw.end.events.clear();
    }
    (most, None)
}

#[test]
fn row_44_nine_hundred_calls_that_are_answered_are_cancelled_at_once() {
    let mut raw = server();
    for round in 0..10 {
        let calls = round * 900..(round + 1) * 900;
        open_answered(&mut raw, calls.clone()).expect("calls");
        cancel(&mut raw, calls).expect("cancellation is free");
        assert_eq!(raw.end.connection.open_streams(), 0);
    }
}

#[test]
fn row_44_twenty_calls_are_cancelled_ten_times_a_second_for_a_minute() {
    let mut raw = server();
    for round in 0..600 {
        let calls = round * 20..(round + 1) * 20;
        open_answered(&mut raw, calls.clone()).expect("calls");
        raw.wait(Duration::from_millis(100));
        cancel(&mut raw, calls).expect("cancellation is free");
    }
}

#[test]
fn row_44_a_call_that_nobody_has_taken_is_charged() {
    let mut raw = server();
    // Cancelling other calls for free makes no difference.
    open_answered(&mut raw, 0..900).expect("calls");
    cancel(&mut raw, 0..900).expect("cancellation is free");
    let (survived, error) = open_and_reset(&mut raw, 900, 1_000);
    assert_eq!(survived, 300);
    assert_eq!(error.map(|error| error.rule), Some("too_many_resets"));
}

/// A client breaks a rule to make the server reset open calls (CVE-2025-8671).
#[test]
fn row_44_resets_that_we_are_provoked_to_are_charged_though_the_calls_were_taken() {
    let mut raw = server();
    open_answered(&mut raw, 0..900).expect("calls");
    let refused = (0..900).find_map(|call| {
        let provoked = raw.window_update(id(call), 0);
        provoked.err().map(|error| (call, error.rule))
    });
    assert_eq!(refused, Some((300, "too_many_resets")));
}

/// One read contains five attempts and the cancellation of four of them, because another server has responded.
#[test]
fn row_44_one_call_that_ends_in_order_pays_for_the_other_attempts_of_hedging() {
    let mut raw = server();
    for round in 0..2_000 {
        let first = round * 5;
        raw.headers(id(first), &request(), END_STREAM).expect("one");
        let (survived, _) = open_and_reset(&mut raw, first + 1, 4);
        assert_eq!(survived, 4, "in round {round}");
        raw.end.connection.take(id(first + 4));
        raw.end
            .connection
            .send_headers(id(first), &response(), true);
        raw.frames();
    }
}

/// A server that was busy for seconds finds calls that have begun and ended meanwhile.
#[test]
fn row_44_a_server_that_was_late_does_not_charge_for_calls_that_ran_out_of_time() {
    let mut raw = server();
    let mut first = 0;
    for _ in 0..10 {
        raw.wait(Duration::from_secs(2));
        raw.end.connection.excuse(Duration::from_secs(1));
        let (survived, error) = open_and_reset(&mut raw, first, 5_000);
        assert_eq!((survived, error), (5_000, None));
        first += 5_000;
    }
    // The server is not late any more.
    raw.wait(Duration::from_secs(2));
    raw.end.connection.excuse(Duration::from_millis(10));
    let (survived, error) = open_and_reset(&mut raw, first, 10_000);
    assert!(survived < 6_000, "{survived}");
    assert_eq!(error.map(|error| error.rule), Some("too_many_resets"));
}

/// Returns a large header list in a few bytes: a head, one long field for HPACK's table, and references to it.
fn references(raw: &mut Raw, head: &[Header], count: usize) -> Vec<u8> {
    let mut block = raw.encode(head);
    block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend([b'v'; 4_000]);
    block.extend(vec![0x80 | 62; count]);
    block
}

#[test]
fn row_53_a_list_of_headers_far_over_the_limit_ends_the_connection() {
    let mut raw = server();
    let block = references(&mut raw, &request(), 12_000);
    let error = raw
        .send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block)
        .expect_err("48 MB");
    assert_eq!(error.rule, "header_list_too_large");
    assert_eq!(error.reason, Reason::ENHANCE_YOUR_CALM);

    // The block contains as many small references as it has room for.
    let mut raw = server();
    let mut block = raw.encode(&request());
    block.extend([0x82; 16_000]);
    let error = raw
        .send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block)
        .expect_err("672 KB");
    assert_eq!(error.rule, "header_list_too_large");
}

/// This applies to the head of a response and to its trailers.
#[test]
fn row_53_a_list_of_headers_far_over_the_limit_ends_the_connection_to_a_server() {
    for has_head in [false, true] {
        let mut raw = Raw::client(Config::default(), &[]);
        let stream = raw.end.connection.open(&request(), true).expect("open");
        if has_head {
            raw.headers(stream, &response(), 0).expect("an answer");
        }
        let head = if has_head { trailers() } else { response() };
        let block = references(&mut raw, &head, 12_000);
        let error = raw
            .send(kind::HEADERS, END_HEADERS | END_STREAM, stream, &block)
            .expect_err("48 MB");
        assert_eq!(error.rule, "header_list_too_large");
        assert_eq!(error.reason, Reason::ENHANCE_YOUR_CALM);
    }
}

#[test]
fn row_53_a_list_of_headers_a_little_over_the_limit_ends_its_call_alone() {
    let mut raw = server();
    for call in 0..2_000 {
        let long = fields(&[("k", &"v".repeat(10_000)), ("l", &"v".repeat(10_000))]);
        let head = [request(), long].concat();
        let block = raw.encode(&head);
        let (first, rest) = block.split_at(16_384.min(block.len()));
        let flags = if rest.is_empty() { END_HEADERS } else { 0 };
        raw.send(kind::HEADERS, flags | END_STREAM, id(call), first)
            .expect("a request");
        if !rest.is_empty() {
            raw.send(kind::CONTINUATION, END_HEADERS, id(call), rest)
                .expect("the rest of it");
        }
        let Some(Event::Request { head, .. }) = raw.end.event() else {
            panic!("no request");
        };
        assert!(head.oversized);
        raw.end.connection.send_headers(id(call), &response(), true);
        raw.frames();
    }
}

/// Repeats a step until the connection ends. Returns the number of repetitions, and the violated rule.
fn endless(
    raw: &mut Raw,
    mut each: impl FnMut(&mut Raw) -> Result<(), ConnectionError>,
) -> (usize, &'static str) {
    for times in 0..1_000_000 {
        if let Err(error) = each(raw) {
            assert_eq!(error.reason, Reason::ENHANCE_YOUR_CALM);
            return (times, error.rule);
        }
        raw.frames();
        raw.end.events.clear();
    }
    panic!("for ever");
}

#[test]
fn row_66_window_updates_without_end() {
    for stream in [0, 1, 3] {
        let mut raw = server();
        raw.request(1, 0);
        // The third stream has ended.
        raw.request(3, END_STREAM);
        raw.end.connection.send_headers(3, &response(), true);
        raw.frames();
        let (times, rule) = endless(&mut raw, |raw| raw.window_update(stream, 1));
        assert_eq!(rule, "too_many_window_updates");
        assert!((990..1_010).contains(&times), "{times} on stream {stream}");
    }
}

#[test]
fn row_66_data_of_streams_that_were_reset_without_end() {
    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.reset(1, Reason::CANCEL);
    let (times, rule) = endless(&mut raw, |raw| raw.data(1, &[0; 1_000], 0));
    assert_eq!(rule, "too_many_late_frames");
    // The stream's window allows this many, and the budget the rest.
    assert!((1_055..1_075).contains(&times), "{times}");
}

#[test]
fn row_66_streams_beyond_the_last_one_without_end() {
    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.go_away(Reason::NO_ERROR, "");
    let mut next = 1;
    let (times, rule) = endless(&mut raw, |raw| {
        next += 2;
        raw.headers(next, &request(), END_STREAM)
    });
    assert_eq!(rule, "too_many_late_frames");
    // Four frames for each of a thousand calls may have been in transit, and the budget allows the rest.
    assert!((4_990..5_010).contains(&times), "{times}");

    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.go_away(Reason::NO_ERROR, "");
    let (times, rule) = endless(&mut raw, |raw| raw.data(3, &[0; 16_000], 0));
    assert_eq!(rule, "too_many_late_frames");
    // The connection's window limits it first, and then the budget.
    assert!((1_055..1_075).contains(&times), "{times}");
}

/// Servers are charged for the same frames as clients.
#[test]
fn row_66_a_server_that_goes_on_without_end() {
    for update_of in [Some(0), Some(1), None] {
        let mut raw = Raw::client(Config::default(), &[]);
        let (open, over) = (raw.call(0), raw.call(0));
        assert_eq!(open, 1);
        raw.end.connection.reset(over, Reason::CANCEL);
        raw.frames();
        let (times, rule) = endless(&mut raw, |raw| match update_of {
            Some(stream) => raw.window_update(stream, 1),
            None => raw.data(over, &[0; 1_000], 0),
        });
        if update_of.is_some() {
            assert_eq!(rule, "too_many_window_updates");
            assert!((990..1_010).contains(&times), "{times}");
        } else {
            assert_eq!(rule, "too_many_late_frames");
            assert!((1_055..1_075).contains(&times), "{times}");
        }
    }
}

/// The client streams small messages, and receives a reset while a whole window of them is in transit.
#[test]
fn late_data_within_the_window_is_no_abuse() {
    let mut raw = server();
    raw.request(1, 0);
    raw.end.connection.reset(1, Reason::CANCEL);
    for _ in 0..65_535 / 10 {
        raw.data(1, &[0; 10], 0).expect("a late message");
    }
    raw.data(1, b"", END_STREAM)
        .expect("the end of the request");
}

/// A server sends some megabytes of responses. The client consumes them in pieces, and returns each to both windows.
fn takes_in_pieces(total: usize, message: usize, piece: usize) {
    let mut raw = server();
    raw.settings(&[(4, 0x7fff_ffff)]).expect("SETTINGS");
    raw.window_update(0, 0x7fff_0000).expect("a large window");
    raw.request(1, END_STREAM);
    raw.end.connection.take(1);
    raw.end.connection.send_headers(1, &response(), false);
    let mut behind = 0;
    for _ in 0..total / message {
        raw.end.connection.send_data(1, pattern(message), false);
        let sent = raw.frames_of(kind::DATA);
        behind += sent.iter().map(|data| data.payload.len()).sum::<usize>();
        // The client is behind by half of it.
        while behind > total / 2 {
            raw.window_update(1, piece as u32)
                .expect("an honest client");
            raw.window_update(0, piece as u32)
                .expect("an honest client");
            behind -= piece;
        }
    }
    while behind > piece {
        raw.window_update(1, piece as u32)
            .expect("an honest client");
        raw.window_update(0, piece as u32)
            .expect("an honest client");
        behind -= piece;
    }
}

#[test]
fn row_66_a_client_that_tells_of_each_piece_that_it_takes_is_served() {
    takes_in_pieces(8 << 20, 16 << 10, 1 << 10);
    takes_in_pieces(16 << 20, 1 << 20, 4 << 10);
    takes_in_pieces(1 << 20, 100, 100);
}

/// Calls end before their requests have. The rest of each request, its end and a reset are in transit.
#[test]
fn requests_that_are_answered_before_their_end_cost_nothing() {
    let mut raw = server();
    for call in 0..10_000 {
        raw.request(id(call), 0);
        raw.end.connection.take(id(call));
        raw.end.connection.send_headers(id(call), &response(), true);
        raw.frames();
        raw.data(id(call), &[0; 5], 0).expect("a message");
        raw.data(id(call), b"", END_STREAM).expect("the end");
        raw.send(kind::RST_STREAM, 0, id(call), &CANCEL)
            .expect("a reset");
    }
}

/// Calls are cancelled while their ends are in transit.
#[test]
fn resets_that_come_after_the_end_cost_nothing() {
    let mut raw = server();
    for call in 0..10_000 {
        raw.request(id(call), 0);
        raw.data(id(call), &[0; 5], END_STREAM).expect("a message");
        raw.end.connection.take(id(call));
        raw.end
            .connection
            .send_headers(id(call), &response(), false);
        raw.end.connection.send_trailers(id(call), trailers());
        raw.frames();
        raw.end.events.clear();
        raw.send(kind::RST_STREAM, 0, id(call), &CANCEL)
            .expect("a late reset");
    }
}

/// A server ends calls before it has read their requests, and sends RST_STREAM (RFC 9113, 8.1).
#[test]
fn a_server_that_answers_before_the_end_of_requests_loses_nothing() {
    let mut raw = Raw::client(Config::default(), &[]);
    for _ in 0..10_000 {
        let stream = raw.end.connection.open(&request(), false).expect("open");
        raw.end
            .connection
            .send_data(stream, Bytes::from_static(&[0; 5]), true);
        raw.frames();
        raw.headers(stream, &response(), END_STREAM)
            .expect("an answer");
        raw.send(kind::RST_STREAM, 0, stream, &[0; 4])
            .expect("a reset");
    }
}

/// Both ends are engines of this crate, so each only sends frames that the other expects.
#[test]
fn our_own_window_updates_are_welcome() {
    for window in [1, 100, 64 << 10] {
        let config = Config {
            stream_window: window,
            max_stream_window: window,
            ..Config::default()
        };
        let mut link = Link::new(config.clone(), config);
        let stream = link.open(false);
        let size = (window as usize * 3_000).min(4_000_000);
        let connection = &mut link.client.connection;
        connection.send_data(stream, pattern(size), true);
        let mut left = size;
        while left > 0 {
            link.step();
            while let Some(event) = link.server.event() {
                if let Event::Data { data, .. } = event {
                    left -= data.len();
                    link.server.connection.release(stream, data.len());
                }
            }
        }
    }
}
