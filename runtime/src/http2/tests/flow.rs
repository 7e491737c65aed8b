//! Tests of flow control in both directions (RFC 9113, 5.2 and 6.9), and of turns among streams.

use bytes::Bytes;

use super::link::{End, Link, pattern, request, response, trailers};
use super::raw::{END_STREAM, Frame, Raw};
use crate::http2::frame::kind;
use crate::http2::{Config, Event, Reason};

const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

/// Creates a server that responds to one request with this much DATA and trailers.
fn answering(initial_window: u32, length: usize) -> Raw {
    let mut raw = Raw::server(Config::default());
    raw.settings(&[(INITIAL_WINDOW_SIZE, initial_window)])
        .expect("SETTINGS");
    answer(&mut raw, 1, length);
    raw
}

fn answer(raw: &mut Raw, stream: u32, length: usize) {
    raw.request(stream, END_STREAM);
    let engine = &mut raw.end.connection;
    engine.send_headers(stream, &response(), false);
    engine.send_data(stream, pattern(length), false);
    engine.send_trailers(stream, trailers());
}

/// Returns the lengths of the DATA frames.
fn lengths(frames: &[Frame]) -> Vec<usize> {
    frames
        .iter()
        .filter(|frame| frame.kind == kind::DATA)
        .map(|frame| frame.payload.len())
        .collect()
}

fn has_trailers(frames: &[Frame]) -> bool {
    frames
        .last()
        .is_some_and(|frame| frame.kind == kind::HEADERS && frame.flags & END_STREAM != 0)
}

#[test]
fn data_waits_for_the_streams_window() {
    let mut raw = answering(10, 25);
    assert_eq!(lengths(&raw.frames()), [10]);
    raw.window_update(1, 5).expect("WINDOW_UPDATE");
    assert_eq!(lengths(&raw.frames()), [5]);
    assert!(raw.frames().is_empty());
    raw.window_update(1, 100).expect("WINDOW_UPDATE");
    let frames = raw.frames();
    assert_eq!(lengths(&frames), [10]);
    assert!(has_trailers(&frames));
}

#[test]
fn trailers_and_empty_data_need_no_window() {
    let mut raw = answering(0, 0);
    assert!(has_trailers(&raw.frames()));
    raw.request(3, END_STREAM);
    raw.end.connection.send_headers(3, &response(), false);
    raw.end.connection.send_data(3, Bytes::new(), true);
    assert_eq!(lengths(&raw.frames()), [0]);
}

#[test]
fn data_waits_for_the_connections_window() {
    let mut raw = answering(100_000, 70_000);
    answer(&mut raw, 3, 10);
    let frames = raw.frames();
    // The short one precedes the others.
    assert_eq!(lengths(&frames), [10, 16_384, 16_384, 16_384, 16_373]);
    assert!(!has_trailers(&frames));
    // A stream without DATA is not held up.
    answer(&mut raw, 5, 0);
    assert!(has_trailers(&raw.frames()));
    raw.window_update(0, 1).expect("WINDOW_UPDATE");
    assert_eq!(lengths(&raw.frames()), [1]);
    raw.window_update(0, 10_000).expect("WINDOW_UPDATE");
    let frames = raw.frames();
    assert_eq!(lengths(&frames), [70_000 - 65_526]);
    assert!(has_trailers(&frames));
    assert_eq!(raw.end.connection.open_streams(), 0);
}

#[test]
fn many_streams_wait_for_the_connections_window_in_turn() {
    let mut raw = answering(100_000, 65_535);
    raw.frames();
    for stream in [3, 5, 7] {
        answer(&mut raw, stream, 3);
    }
    assert!(lengths(&raw.frames()).is_empty());
    let mut order = Vec::new();
    for _ in 0..9 {
        raw.window_update(0, 1).expect("WINDOW_UPDATE");
        let frames = raw.frames_of(kind::DATA);
        assert_eq!(lengths(&frames), [1]);
        order.extend(frames.iter().map(|frame| frame.stream));
    }
    assert_eq!(order, [3, 5, 7, 3, 5, 7, 3, 5, 7]);
}

#[test]
fn a_smaller_initial_window_may_leave_less_than_nothing() {
    let mut raw = answering(100, 300);
    assert_eq!(lengths(&raw.frames()), [100]);
    raw.settings(&[(INITIAL_WINDOW_SIZE, 40)])
        .expect("SETTINGS");
    raw.window_update(1, 60).expect("WINDOW_UPDATE");
    assert!(lengths(&raw.frames()).is_empty());
    raw.window_update(1, 1).expect("WINDOW_UPDATE");
    assert_eq!(lengths(&raw.frames()), [1]);
    raw.settings(&[(INITIAL_WINDOW_SIZE, 50)])
        .expect("SETTINGS");
    assert_eq!(lengths(&raw.frames()), [10]);
    raw.settings(&[(INITIAL_WINDOW_SIZE, 1_000)])
        .expect("SETTINGS");
    assert_eq!(lengths(&raw.frames()), [189]);
}

#[test]
fn windows_over_the_maximum() {
    let mut raw = Raw::server(Config::default());
    let result = raw.window_update(0, 0x7fff_ffff);
    raw.assert_failed(result, Reason::FLOW_CONTROL_ERROR);

    let mut raw = Raw::server(Config::default());
    raw.request(1, 0);
    raw.window_update(1, 0x7fff_ffff).expect("a stream error");
    raw.assert_reset_told(1, Reason::FLOW_CONTROL_ERROR);

    raw.request(3, 0);
    raw.window_update(3, 0x7fff_0000).expect("WINDOW_UPDATE");
    let result = raw.settings(&[(INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
    raw.assert_failed(result, Reason::FLOW_CONTROL_ERROR);
}

#[test]
fn window_updates_of_nothing() {
    let mut raw = Raw::server(Config::default());
    raw.request(1, 0);
    raw.window_update(1, 0).expect("a stream error");
    raw.assert_reset_told(1, Reason::PROTOCOL_ERROR);
    let result = raw.window_update(0, 0);
    raw.assert_failed(result, Reason::PROTOCOL_ERROR);
}

#[test]
fn frames_are_as_large_as_the_peer_allows() {
    let config = Config {
        send_frame_size: 1 << 20,
        ..Config::default()
    };
    let mut raw = Raw::server(config);
    answer(&mut raw, 1, 40_000);
    assert_eq!(lengths(&raw.frames()), [16_384, 16_384, 7_232]);
    raw.settings(&[(MAX_FRAME_SIZE, 20_000)]).expect("SETTINGS");
    answer(&mut raw, 3, 20_000);
    assert_eq!(lengths(&raw.frames()), [20_000]);
}

#[test]
fn small_pieces_that_waited_share_a_frame() {
    let mut raw = answering(0, 3);
    raw.request(3, END_STREAM);
    raw.end.connection.send_headers(3, &response(), false);
    for _ in 0..10 {
        raw.end.connection.send_data(3, pattern(5), false);
    }
    raw.end.connection.send_data(3, pattern(5), true);
    raw.frames();
    raw.window_update(3, 1_000).expect("WINDOW_UPDATE");
    let frames = raw.frames();
    assert_eq!(lengths(&frames), [55]);
    assert_eq!(frames[0].payload, pattern(5).repeat(11));
    assert_eq!(frames[0].flags, END_STREAM);
}

#[test]
fn streams_take_turns() {
    let mut raw = Raw::server(Config::default());
    raw.settings(&[(INITIAL_WINDOW_SIZE, 1 << 20)])
        .expect("SETTINGS");
    raw.window_update(0, 1 << 20).expect("WINDOW_UPDATE");
    for stream in [1, 3, 5] {
        answer(&mut raw, stream, 50_000);
    }
    // A later, short stream does not wait for the others.
    answer(&mut raw, 7, 100);
    let frames = raw.frames_of(kind::DATA);
    let order: Vec<u32> = frames.iter().map(|frame| frame.stream).collect();
    assert_eq!(order, [7, 1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5]);
}

#[test]
fn the_output_takes_no_more_than_its_mark() {
    let config = Config {
        output_mark: 50_000,
        ..Config::default()
    };
    let mut raw = Raw::server(config);
    raw.settings(&[(INITIAL_WINDOW_SIZE, 1 << 30)])
        .expect("SETTINGS");
    raw.window_update(0, 1 << 30).expect("WINDOW_UPDATE");
    for stream in [1, 3] {
        answer(&mut raw, stream, 1 << 20);
    }
    let waiting = raw.end.connection.transmit().len();
    assert!((50_000..70_000).contains(&waiting), "{waiting}");
    assert_eq!(raw.end.connection.transmit().len(), waiting);
    assert_eq!(lengths(&raw.frames()).iter().sum::<usize>(), 2 << 20);
}

#[test]
fn a_full_queue_says_when_there_is_room_again() {
    let mut raw = answering(0, 0);
    raw.request(3, END_STREAM);
    raw.end.connection.send_headers(3, &response(), false);
    assert_eq!(raw.end.connection.send_capacity(3), 64 << 10);
    raw.end.connection.send_data(3, pattern(60_000), false);
    assert_eq!(raw.end.connection.send_capacity(3), 5_536);
    raw.end.connection.send_data(3, pattern(10_000), false);
    assert_eq!(raw.end.connection.send_capacity(3), 0);
    raw.window_update(3, 20_000).expect("WINDOW_UPDATE");
    raw.frames();
    assert!(raw.end.writable.is_empty());
    raw.window_update(3, 20_000).expect("WINDOW_UPDATE");
    raw.frames();
    assert_eq!(raw.end.writable, [3]);
    raw.window_update(3, 20_000).expect("WINDOW_UPDATE");
    raw.frames();
    assert_eq!(raw.end.writable, [3]);
}

/// A peer may measure the round trip with each piece that it receives.
#[test]
fn pings_of_a_peer_that_takes_data_are_no_flood() {
    let mut raw = Raw::server(Config::default());
    raw.settings(&[(INITIAL_WINDOW_SIZE, 1 << 20)])
        .expect("SETTINGS");
    raw.request(1, END_STREAM);
    raw.end.connection.send_headers(1, &response(), false);
    for _ in 0..5_000 {
        raw.end.connection.send_data(1, pattern(10), false);
        raw.send(kind::PING, 0, 0, &[7; 8]).expect("no flood");
        raw.frames();
    }
}

/// Creates an engine that sends responses of 100,000 bytes in total on streams 1, 3 and 5, to a peer with closed windows.
fn crowd() -> Raw {
    let mut raw = Raw::server(Config {
        send_buffer_per_connection: 100_000,
        ..Config::default()
    });
    raw.settings(&[(4, 0)]).expect("SETTINGS");
    for stream in [1, 3, 5] {
        raw.request(stream, END_STREAM);
        let connection = &mut raw.end.connection;
        connection.send_headers(stream, &response(), false);
    }
    raw
}

#[test]
fn in_a_crowd_each_stream_queues_a_frame() {
    let mut raw = crowd();
    let connection = &mut raw.end.connection;
    for stream in [1, 3] {
        assert_eq!(connection.send_capacity(stream), 64 << 10);
        assert!(!connection.is_crowded());
        connection.send_data(stream, pattern(60_000), false);
    }
    assert!(connection.is_crowded());
    assert_eq!(connection.send_capacity(3), 0);
    assert_eq!(connection.send_capacity(5), 16 << 10);
    connection.send_data(5, pattern(16 << 10), false);
    assert_eq!(connection.send_capacity(5), 0);
    // The queued data of a stream makes room when the stream ends.
    connection.reset(1, Reason::CANCEL);
    assert!(!connection.is_crowded());
    assert_eq!(connection.send_capacity(5), 48 << 10);
}

#[test]
fn a_stream_that_the_crowd_has_stopped_goes_on() {
    let mut raw = crowd();
    let connection = &mut raw.end.connection;
    connection.send_data(1, pattern(20_000), false);
    assert!(connection.send_capacity(1) > 0);
    connection.send_data(3, pattern(100_000), false);
    assert_eq!(connection.send_capacity(1), 0);
    raw.window_update(1, 10_000).expect("WINDOW_UPDATE");
    raw.frames();
    assert!(raw.end.writable.is_empty());
    raw.window_update(1, 10_000).expect("WINDOW_UPDATE");
    raw.frames();
    assert_eq!(raw.end.writable, [1]);
    assert_eq!(raw.end.connection.send_capacity(1), 16 << 10);
}

/// Makes a call with this much data in each direction, through stream windows of `window` bytes.
fn through_windows(window: u32, length: usize, chunk: usize) {
    let config = || Config {
        stream_window: window,
        // The window makes the frames small, so they must not count as a flood.
        ..Config::default()
    };
    let mut link = Link::new(config(), config());
    link.chunk = chunk;
    let body = pattern(length);
    let stream = link.open(false);
    link.client.connection.send_data(stream, body.clone(), true);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let mut answered = false;
    while link.step() {
        drain(&mut link.server, &mut up);
        drain(&mut link.client, &mut down);
        if up.len() == length && !answered {
            answered = true;
            let server = &mut link.server.connection;
            server.send_headers(stream, &response(), false);
            server.send_data(stream, body.clone(), false);
            server.send_trailers(stream, trailers());
        }
    }
    assert_eq!(up, body);
    assert_eq!(down, body);
    assert_eq!(link.client.connection.open_streams(), 0);
    assert_eq!(link.server.connection.open_streams(), 0);
}

fn drain(end: &mut End, into: &mut Vec<u8>) {
    while let Some(event) = end.event() {
        if let Event::Data { stream, data, .. } = event {
            into.extend_from_slice(&data);
            end.connection.release(stream, data.len());
        }
    }
}

#[test]
fn a_window_of_one_byte() {
    through_windows(1, 3_000, usize::MAX);
}

#[test]
fn odd_windows_and_chunks() {
    through_windows(7, 2_000, 3);
    through_windows(1_000, 100_000, 777);
    through_windows(16 << 20, 8 << 20, usize::MAX);
}

#[test]
fn a_reset_gives_up_what_was_queued() {
    let mut raw = answering(10, 1_000);
    raw.frames();
    raw.end.connection.reset(1, Reason::CANCEL);
    raw.assert_reset(1, Reason::CANCEL);
    raw.window_update(1, 1_000).expect("ignored");
    assert!(raw.frames().is_empty());
    // This also applies to a stream that waits for its turn.
    let mut raw = answering(100_000, 65_535);
    raw.frames();
    answer(&mut raw, 3, 10);
    answer(&mut raw, 5, 10);
    raw.frames();
    raw.end.connection.reset(3, Reason::CANCEL);
    raw.window_update(0, 100).expect("WINDOW_UPDATE");
    let streams: Vec<u32> = raw.frames().iter().map(|frame| frame.stream).collect();
    assert_eq!(streams, [3, 5, 5]);
}

#[test]
fn clients_send_a_call_in_one_piece() {
    let mut raw = Raw::client(Config::default(), &[]);
    let engine = &mut raw.end.connection;
    let stream = engine.open(&request(), false).expect("open");
    engine.send_data(stream, pattern(41), true);
    let frames = raw.frames();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].flags, END_STREAM);
    assert_eq!(lengths(&frames), [41]);
}

#[test]
fn a_queue_ends_a_stream_once() {
    let mut raw = Raw::client(Config::default(), &[(INITIAL_WINDOW_SIZE, 10)]);
    let stream = raw.call(0);
    raw.end.connection.send_data(stream, pattern(25), true);
    raw.window_update(stream, 100).expect("WINDOW_UPDATE");
    let frames = raw.frames();
    assert_eq!(lengths(&frames), [25]);
    assert_eq!(frames[0].flags, END_STREAM);
    assert!(!raw.end.connection.is_sending(stream));
    // The stream is still open in the other direction.
    raw.window_update(stream, 100).expect("WINDOW_UPDATE");
    raw.settings(&[(INITIAL_WINDOW_SIZE, 1_000)])
        .expect("SETTINGS");
    assert!(lengths(&raw.frames()).is_empty());
}
