//! Tests of receive windows that grow with the bytes that a peer has in transit.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::link::{End, Link, pattern};
use super::raw::{Frame, Raw};
use crate::http2::frame::{PREFACE, flag, kind};
use crate::http2::{Config, Event, Role, StreamId};

const ROUND_TRIP: Duration = Duration::from_millis(50);
const FRAME: usize = 16 * 1024;

/// Returns the number of bytes that were announced for a stream, or for the connection.
fn announced(frames: &[Frame], stream: StreamId) -> u32 {
    frames
        .iter()
        .filter(|frame| frame.kind == kind::WINDOW_UPDATE && frame.stream == stream)
        .map(|frame| {
            u32::from_be_bytes([
                frame.payload[0],
                frame.payload[1],
                frame.payload[2],
                frame.payload[3],
            ])
        })
        .sum()
}

/// Fills the window of stream 1 in one round trip, and consumes it. Returns the bytes that were announced for the stream and for
/// the connection.
fn fill(raw: &mut Raw, window: usize) -> (usize, usize) {
    let mut left = window;
    let mut frames = Vec::new();
    while left > 0 {
        let part = left.min(FRAME);
        raw.data(1, &vec![0; part], 0)
            .expect("DATA within the window");
        left -= part;
        frames.extend(raw.frames());
    }
    raw.wait(ROUND_TRIP);
    for probe in frames.iter().filter(|frame| frame.kind == kind::PING) {
        raw.send(kind::PING, flag::ACK, 0, &probe.payload)
            .expect("an answer");
    }
    raw.end.connection.release(1, window);
    frames.extend(raw.frames());
    (
        announced(&frames, 1) as usize,
        announced(&frames, 0) as usize,
    )
}

#[test]
fn a_window_grows_to_its_limit_while_it_is_filled() {
    let config = Config::default();
    let limit = config.max_stream_window as usize;
    let mut window = config.stream_window as usize;
    let (mut connection, most) = (
        config.connection_window as usize,
        config.max_connection_window as usize,
    );
    let mut raw = Raw::server(config);
    raw.request(1, 0);
    for _ in 0..10 {
        let (next, announced) = fill(&mut raw, window);
        assert!(next >= window && next <= limit, "{window} -> {next}");
        connection = (connection + announced).saturating_sub(window);
        window = next;
    }
    assert_eq!(window, limit);
    // The connection's window has kept ahead, except for bytes that have not been announced.
    assert!(connection > most / 2 && connection <= most, "{connection}");
}

#[test]
fn small_calls_are_not_measured() {
    let mut raw = Raw::server(Config::default());
    for call in 0..100 {
        let stream = 1 + 2 * call;
        raw.request(stream, 0);
        raw.data(stream, &[0; 1000], super::raw::END_STREAM)
            .expect("DATA");
        raw.end.events.clear();
        assert!(raw.frames_of(kind::PING).is_empty());
    }
}

#[test]
fn a_window_without_leave_to_grow_stays() {
    let window = 64 << 10;
    let mut raw = Raw::server(Config {
        stream_window: window,
        max_stream_window: window,
        ..Config::default()
    });
    raw.request(1, 0);
    for _ in 0..5 {
        let (announced, _) = fill(&mut raw, window as usize);
        assert_eq!(announced, window as usize);
    }
}

/// SETTINGS widen open streams once the peer applies them. Until then nothing else may widen them.
#[test]
fn a_window_does_not_grow_before_settings_are_acknowledged() {
    let config = Config::default();
    let widened = config.stream_window - 65_535;
    let mut raw = Raw::silent(Role::Server, config);
    raw.bytes(PREFACE).expect("the preface");
    raw.settings(&[]).expect("SETTINGS");
    raw.request(1, 0);
    raw.data(1, &[0; FRAME], 0).expect("DATA");
    raw.data(1, &[0; FRAME], 0).expect("DATA");
    raw.end.connection.release(1, 2 * FRAME);
    assert_eq!(announced(&raw.frames(), 1) as usize, 2 * FRAME);
    raw.send(kind::SETTINGS, flag::ACK, 0, &[])
        .expect("an acknowledgement");
    // The peer now has the initial window, and the increase by SETTINGS.
    fill(&mut raw, 65_535 + widened as usize);
    let beyond = raw.frames_of(kind::RST_STREAM);
    assert!(beyond.is_empty());
}

const LONG: Duration = Duration::from_millis(100);

/// A client and a server, and the bytes in transit between them, which take half of `LONG`.
struct LongLink {
    link: Link,
    up: Wire,
    down: Wire,
}

/// The bytes in transit, with the times of their arrival.
#[derive(Default)]
struct Wire(VecDeque<(Instant, Vec<u8>)>);

impl Wire {
    fn arrive(&mut self, end: &mut End, now: Instant) {
        while self.0.front().is_some_and(|&(due, _)| due <= now) {
            let arrived = self.0.pop_front();
            let (_, bytes) = arrived.expect("the front");
            end.receive(&bytes, now).expect("an honest peer");
        }
    }

    fn depart(&mut self, end: &mut End, now: Instant) {
        loop {
            let bytes = end.take_output(usize::MAX);
            if bytes.is_empty() {
                break;
            }
            self.0.push_back((now + LONG / 2, bytes));
        }
    }
}

impl LongLink {
    fn new() -> LongLink {
        LongLink {
            link: Link::new(Config::default(), Config::default()),
            up: Wire::default(),
            down: Wire::default(),
        }
    }

    /// Lets a millisecond pass.
    fn step(&mut self) {
        self.link.now += Duration::from_millis(1);
        let now = self.link.now;
        self.up.arrive(&mut self.link.server, now);
        self.down.arrive(&mut self.link.client, now);
        self.up.depart(&mut self.link.client, now);
        self.down.depart(&mut self.link.server, now);
    }
}

/// A stream's window is measured by the DATA of that stream, not of all streams together.
#[test]
fn row_49_a_window_grows_beside_streams_that_nobody_reads() {
    let mut long = LongLink::new();
    let began = long.link.now;
    for _ in 0..300 {
        let stream = long.link.open(false);
        let client = &mut long.link.client.connection;
        client.send_data(stream, pattern(65_535), false);
    }
    while long.link.now < began + 25 * LONG {
        long.step();
    }
    long.link.server.events.clear();
    let read = long.link.open(false);
    let all = 24 << 20;
    let client = &mut long.link.client.connection;
    client.send_data(read, pattern(all), false);
    let began = long.link.now;
    let mut come = 0;
    while come < all {
        long.step();
        while let Some(event) = long.link.server.event() {
            if let Event::Data { stream, data, .. } = event {
                assert_eq!(stream, read, "nothing more comes of the others");
                come += data.len();
                long.link.server.connection.release(stream, data.len());
            }
        }
        let took = long.link.now - began;
        assert!(took <= 24 * LONG, "{come} bytes after {took:?}");
    }
}
