//! Tests of short responses and requests next to long ones.

use std::collections::VecDeque;

use bytes::Bytes;

use super::link::{Link, pattern, request, response, trailers};
use super::raw::{END_STREAM, Frame, Raw};
use crate::http2::frame::{HEADER_LEN, kind};
use crate::http2::{Config, StreamId};

/// The number of streams with long data.
const LONG: u32 = 16;
/// The number of bytes that each stream with long data sends.
const MUCH: usize = 256 * 1024;

const LARGEST: u32 = (1 << 31) - 1;

/// The identifier of the initial window in SETTINGS.
const INITIAL_WINDOW: u16 = 4;

/// Creates a server whose peer accepts everything, with long responses on streams 1, 3, ..., and returns its next stream too.
fn answering() -> (Raw, StreamId) {
    let mut raw = Raw::server(Config::default());
    raw.settings(&[(INITIAL_WINDOW, LARGEST)])
        .expect("SETTINGS");
    raw.window_update(0, LARGEST - 65_535).expect("a window");
    for stream in (0..LONG).map(|index| 1 + 2 * index) {
        raw.request(stream, END_STREAM);
        let connection = &mut raw.end.connection;
        connection.send_headers(stream, &response(), false);
        connection.send_data(stream, pattern(MUCH), false);
        connection.send_trailers(stream, trailers());
        // Fill the output up to its mark.
        connection.transmit();
    }
    (raw, 1 + 2 * LONG)
}

fn answer(raw: &mut Raw, stream: StreamId) {
    raw.request(stream, END_STREAM);
    let connection = &mut raw.end.connection;
    connection.send_headers(stream, &response(), false);
    connection.send_data(stream, Bytes::from_static(b"short"), false);
    connection.send_trailers(stream, trailers());
}

/// Returns the number of bytes that are written before the last frame of a stream.
fn bytes_before_the_end(frames: &[Frame], stream: StreamId) -> usize {
    let end = |frame: &Frame| frame.stream == stream && frame.flags & END_STREAM != 0;
    let end = frames.iter().position(end).expect("an end");
    let size = |frame: &Frame| HEADER_LEN + frame.payload.len();
    frames[..end].iter().map(size).sum()
}

/// Returns the output's mark plus one frame.
fn most() -> usize {
    let config = Config::default();
    config.output_mark + 2 * config.send_frame_size
}

#[test]
fn row_82_a_short_answer_goes_before_what_is_queued_of_long_ones() {
    let (mut raw, stream) = answering();
    answer(&mut raw, stream);
    let before = bytes_before_the_end(&raw.frames(), stream);
    assert!(before <= most(), "{before} bytes");
}

#[test]
fn row_82_a_short_request_goes_before_what_is_queued_of_long_ones() {
    let settings = [(INITIAL_WINDOW, LARGEST)];
    let mut raw = Raw::client(Config::default(), &settings);
    raw.window_update(0, LARGEST - 65_535).expect("a window");
    // Open all streams before there is much to send, because opening a stream takes the engine's output.
    let long: Vec<StreamId> = (0..LONG).map(|_| raw.call(0)).collect();
    let connection = &mut raw.end.connection;
    for stream in long {
        connection.send_data(stream, pattern(MUCH), true);
        // Fill the output up to its mark.
        connection.transmit();
    }
    let stream = connection.open(&request(), false).expect("open");
    connection.send_data(stream, Bytes::from_static(b"short"), true);
    let before = bytes_before_the_end(&raw.frames(), stream);
    assert!(before <= most(), "{before} bytes");
}

#[test]
fn long_answers_go_on_beside_any_number_of_short_ones() {
    let (mut raw, first) = answering();
    for stream in (0..200).map(|index| first + 2 * index) {
        answer(&mut raw, stream);
    }
    let data = raw.frames().into_iter();
    let data = data.filter(|frame| frame.kind == kind::DATA);
    let is_long: VecDeque<bool> = data.map(|frame| frame.stream < first).collect();
    let last_short = is_long.iter().rposition(|is_long| !is_long);
    let beside: Vec<bool> = is_long.into_iter().take(last_short.unwrap_or(0)).collect();
    let most = beside.split(|is_long| *is_long).map(<[bool]>::len).max();
    assert_eq!(most, Some(8), "short ones in a row");
}

/// Data that was sent cannot be overtaken, and the peer may be slow to accept it.
#[test]
fn row_82_no_more_than_a_mebibyte_is_on_its_way_before_a_short_request() {
    let mut link = Link::new(Config::default(), Config::default());
    let uploads: Vec<StreamId> = (0..16).map(|_| link.open(false)).collect();
    for &stream in &uploads {
        let client = &mut link.client.connection;
        client.send_data(stream, pattern(1_000_000), true);
        let bytes = link.client.take_output(usize::MAX);
        link.server
            .receive(&bytes, link.now)
            .expect("an honest client");
    }
    for &stream in &uploads {
        // The reader waits for the rest of the message.
        link.server.connection.want(stream, 900_000, link.now);
    }
    let grants = link.server.take_output(usize::MAX);
    link.client
        .receive(&grants, link.now)
        .expect("an honest server");
    let mut on_its_way = 0;
    loop {
        let bytes = link.client.take_output(usize::MAX);
        if bytes.is_empty() {
            break;
        }
        on_its_way += bytes.len();
    }
    let frames = 65 * HEADER_LEN;
    assert!(on_its_way > 1 << 19, "{on_its_way} bytes");
    assert!(on_its_way <= (1 << 20) + frames, "{on_its_way} bytes");
}
