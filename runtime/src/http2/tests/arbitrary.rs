//! Tests with arbitrary input: nothing panics, nothing grows without bound, and every stream ends.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::link::{pattern, request, response, trailers};
use super::raw::{Frame, Raw, frame, parse};
use super::steps::{Pick, Step, frame_step, step};
use crate::base::header::Header;
use crate::http2::frame::{PREFACE, kind};
use crate::http2::{Config, Connection, Event, Reason, ResetCause, Role, StreamId};

/// Small limits, so that they are reached.
fn config() -> Config {
    Config {
        stream_window: 300,
        connection_window: 70_000,
        max_concurrent_streams: 5,
        max_header_list_size: 500,
        max_header_block: 1_000,
        send_buffer_per_stream: 100,
        send_buffer_per_connection: 250,
        output_mark: 2_000,
        max_queued_replies: 2_000,
        ..Config::default()
    }
}

/// An engine, and the state that its invariants are checked against.
struct CheckedEngine {
    raw: Raw,
    role: Role,
    /// The streams that any step was about.
    used: Vec<StreamId>,
    /// The streams that the application knows of or has opened.
    known: HashSet<StreamId>,
    /// The known streams whose receiving side has ended.
    ended: HashSet<StreamId>,
    /// The known streams that either side has reset.
    gone: HashSet<StreamId>,
    /// The streams that the written output resets.
    reset: HashSet<StreamId>,
    written: Vec<u8>,
    failed: bool,
}

impl CheckedEngine {
    fn new(role: Role) -> CheckedEngine {
        let raw = match role {
            Role::Server => Raw::server(config()),
            Role::Client => Raw::client(config(), &[]),
        };
        let mut watched = CheckedEngine {
            raw,
            role,
            used: Vec::new(),
            known: HashSet::new(),
            ended: HashSet::new(),
            gone: HashSet::new(),
            reset: HashSet::new(),
            written: Vec::new(),
            failed: false,
        };
        for _ in 0..2 {
            watched.take(match role {
                Role::Server => Step::Head(0, Pick::New, request(), None),
                Role::Client => Step::Open(false),
            });
        }
        watched
    }

    fn engine(&mut self) -> &mut Connection {
        &mut self.raw.end.connection
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Bytes(bytes) => self.receive(&bytes),
            Step::Frame(kind, flags, pick, payload) => {
                let stream = self.resolve(pick);
                self.receive(&frame(kind, flags, stream, &payload));
            }
            Step::Head(flags, pick, head, cut) => {
                let stream = self.resolve(pick);
                let block = self.raw.encode(&head);
                let (first, rest) = block.split_at(cut.unwrap_or(block.len()).min(block.len()));
                let ends = if cut.is_none() { 4 } else { 0 };
                self.receive(&frame(kind::HEADERS, flags | ends, stream, first));
                if cut.is_some() {
                    self.receive(&frame(kind::CONTINUATION, 4, stream, rest));
                }
            }
            Step::Wait(seconds) => {
                self.raw.wait(Duration::from_secs(seconds.into()));
                let now = self.raw.now;
                self.failed |= self.engine().handle_timeout(now).is_err();
            }
            Step::Back(millis) => {
                let back = Duration::from_millis(millis.into());
                self.raw.now = self.raw.now.checked_sub(back).unwrap_or(self.raw.now);
            }
            Step::Write(bytes) => self.write(bytes),
            step => self.act(step),
        }
        self.check();
    }

    /// Performs a step of the application.
    fn act(&mut self, step: Step) {
        match step {
            Step::Open(end) => {
                if let Ok(stream) = self.engine().open(&request(), end) {
                    self.used.push(stream);
                    self.known.insert(stream);
                }
            }
            Step::Respond(pick, end) => {
                let stream = self.resolve(pick);
                self.engine().send_headers(stream, &response(), end);
            }
            Step::Send(pick, length, end) => {
                let stream = self.resolve(pick);
                // This application respects back-pressure.
                if self.engine().send_capacity(stream) > 0 {
                    self.engine().send_data(stream, pattern(length), end);
                }
            }
            Step::Trailers(pick) => {
                let stream = self.resolve(pick);
                self.engine().send_trailers(stream, trailers());
            }
            Step::Reset(pick) => {
                let stream = self.resolve(pick);
                self.engine().reset(stream, Reason::CANCEL);
                if self.known.contains(&stream) {
                    self.gone.insert(stream);
                }
            }
            Step::Release(pick, bytes) => {
                let stream = self.resolve(pick);
                self.engine().release(stream, bytes);
            }
            Step::Drain => self.engine().drain(),
            Step::GoAway => self.engine().go_away(Reason::NO_ERROR, ""),
            Step::Ping => self.engine().ping([1; 8]),
            _ => {}
        }
    }

    /// Chooses a stream. Streams that were used recently are more likely.
    fn resolve(&mut self, pick: Pick) -> StreamId {
        let new = self
            .used
            .iter()
            .max()
            .map_or(1, |last| last.saturating_add(2));
        match pick {
            Pick::Used(index) if !self.used.is_empty() => {
                let among = self.used.len().min(6);
                self.used[self.used.len() - 1 - index % among]
            }
            Pick::Wrong(stream) => stream,
            // Only clients open streams.
            _ if self.role == Role::Client => new - 2 * u32::from(new > 1),
            _ => {
                self.used.push(new);
                new
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.failed |= self.raw.bytes(bytes).is_err();
    }

    fn write(&mut self, limit: usize) {
        let bytes = self.raw.end.take_output(limit);
        self.written.extend(bytes);
    }

    fn check(&mut self) {
        let (counted, queued) = self.engine().queued();
        assert_eq!(counted, queued, "bytes in queues");
        let role = self.role;
        self.raw.end.gather_events();
        while let Some(event) = self.raw.end.event() {
            let (stream, end) = match event {
                Event::Request { stream, end, .. } => {
                    assert_eq!(role, Role::Server);
                    assert!(self.known.insert(stream), "told twice");
                    (stream, end)
                }
                Event::Response { stream, end, .. } => (stream, end),
                Event::Trailers { stream, .. } => (stream, true),
                Event::Data { stream, data, end } => {
                    assert!(end || !data.is_empty());
                    (stream, end)
                }
                Event::Reset { stream, cause, .. } => {
                    assert!(role == Role::Client || cause != ResetCause::Unprocessed);
                    assert!(self.known.contains(&stream), "told of an unknown stream");
                    assert!(self.gone.insert(stream), "told of an end twice");
                    continue;
                }
                _ => continue,
            };
            assert!(self.known.contains(&stream), "told of an unknown stream");
            assert!(
                !self.gone.contains(&stream),
                "told of a stream that is gone"
            );
            assert!(!self.ended.contains(&stream), "told of more after the end");
            if end {
                self.ended.insert(stream);
            }
        }
        let engine = self.engine();
        assert!(engine.open_streams() <= 1_000);
        if role == Role::Server {
            assert!(engine.open_streams() <= 5);
        }
        // The sum of the mark, one frame above it, replies, and data that the application sends unasked.
        assert!(engine.transmit().len() < 200_000);
        if self.failed {
            assert_eq!(self.engine().open_streams(), 0);
        }
    }

    /// Ends the connection, and checks that the output is well-formed.
    fn end(mut self) {
        let now = self.raw.now + Duration::from_secs(60);
        let _ = self.engine().handle_timeout(now);
        let open: Vec<StreamId> = self.known.iter().copied().collect();
        for stream in open {
            self.engine().reset(stream, Reason::CANCEL);
        }
        assert_eq!(self.engine().open_streams(), 0);
        loop {
            let before = self.written.len();
            self.write(usize::MAX);
            if self.written.len() == before {
                break;
            }
        }
        let mut ended = HashSet::new();
        for frame in parse(&self.written) {
            let Frame {
                kind,
                flags,
                stream,
                ..
            } = frame;
            if kind == kind::RST_STREAM {
                assert!(self.reset.insert(stream), "reset twice");
            } else if stream != 0 {
                assert!(!self.reset.contains(&stream), "a frame after RST_STREAM");
            }
            if kind == kind::DATA || kind == kind::HEADERS {
                assert!(!ended.contains(&stream), "a frame after END_STREAM");
                if flags & 1 != 0 {
                    ended.insert(stream);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn nearly_right_frames(is_server in any::<bool>(), steps in vec(step(), 0..120)) {
        let role = if is_server { Role::Server } else { Role::Client };
        let mut watched = CheckedEngine::new(role);
        for step in steps {
            watched.take(step);
        }
        watched.end();
    }

    #[test]
    fn arbitrary_bytes(
        is_server in any::<bool>(),
        has_preface in any::<bool>(),
        pieces in vec((vec(any::<u8>(), 0..300), 0u32..20), 0..20),
    ) {
        let role = if is_server { Role::Server } else { Role::Client };
        let mut raw = Raw::silent(role, config());
        if has_preface && is_server {
            raw.bytes(PREFACE).expect("the preface");
        }
        if has_preface {
            raw.settings(&[]).expect("SETTINGS");
        }
        for (bytes, seconds) in pieces {
            raw.wait(Duration::from_secs(seconds.into()));
            let _ = raw.end.connection.handle_timeout(raw.now);
            let _ = raw.bytes(&bytes);
            raw.end.take_output(1_000);
        }
    }

    /// The events do not depend on how the bytes are split.
    #[test]
    fn chunks_make_no_difference(
        steps in vec(frame_step(), 0..30),
        cuts in vec(1usize..40, 1..10),
    ) {
        let mut bytes = Vec::new();
        for step in steps {
            if let Step::Frame(kind, flags, pick, payload) = step {
                let stream = match pick {
                    Pick::Used(index) => 1 + 2 * (index as StreamId % 2),
                    Pick::New => 5,
                    Pick::Wrong(stream) => stream,
                };
                bytes.extend(frame(kind, flags, stream, &payload));
            }
        }
        let run = |chunks: Vec<&[u8]>| {
            let mut raw = Raw::server(config());
            raw.request(1, 0);
            raw.request(3, 0);
            let result = chunks.into_iter().try_for_each(|chunk| raw.bytes(chunk));
            raw.end.connection.transmit();
            let events: Vec<String> = raw.end.events.iter().map(|event| format!("{event:?}")).collect();
            (result, events, raw.frames())
        };
        let mut rest = &bytes[..];
        let mut chunks = Vec::new();
        for &cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, more) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = more;
        }
        prop_assert_eq!(run(vec![&bytes]), run(chunks));
    }

    /// DATA arrives completely and in order, whatever the windows, chunks and pieces.
    #[test]
    fn data_arrives(
        window in 1u32..2_000,
        chunk in 1usize..3_000,
        mark in 1usize..5_000,
        pieces in vec(0usize..700, 1..20),
    ) {
        use super::link::Link;
        let config = || Config { stream_window: window, output_mark: mark, ..Config::default() };
        let mut link = Link::new(config(), config());
        link.chunk = chunk;
        let streams = [link.open(false), link.open(false)];
        let mut sent = Vec::new();
        for (i, &length) in pieces.iter().enumerate() {
            let piece = Bytes::from(vec![i as u8; length]);
            sent.extend_from_slice(&piece);
            for stream in streams {
                let end = i + 1 == pieces.len();
                link.client.connection.send_data(stream, piece.clone(), end);
            }
        }
        let mut received = [Vec::new(), Vec::new()];
        while link.step() {
            while let Some(event) = link.server.event() {
                if let Event::Data { stream, data, .. } = event {
                    let place = usize::from(stream == streams[1]);
                    received[place].extend_from_slice(&data);
                    link.server.connection.release(stream, data.len());
                }
            }
        }
        prop_assert_eq!(&received[0], &sent);
        prop_assert_eq!(&received[1], &sent);
    }

    /// Repeated requests in any order are decoded to the requests that were sent.
    #[test]
    fn repeated_heads(picks in vec((0usize..8, any::<bool>()), 1..60)) {
        let mut raw = Raw::server(Config::default());
        let mut heads: Vec<Vec<Header>> = Vec::new();
        for i in 0..6u8 {
            let mut head = request();
            head.push(Header::new(b"x-number", &[b'0' + i]));
            heads.push(head);
        }
        // Some requests evict others from HPACK's table.
        for byte in [b'a', b'b'] {
            let mut head = request();
            head.push(Header::new(b"x-long", &[byte; 1_500]));
            heads.push(head);
        }
        for (i, (pick, end)) in picks.into_iter().enumerate() {
            let stream = 1 + 2 * i as StreamId;
            let mut sent = heads[pick].clone();
            if !end {
                sent.push(Header::new(b"x-once", stream.to_string().as_bytes()));
            }
            raw.headers(stream, &sent, 1).expect("a request");
            let Some(Event::Request { head, .. }) = raw.end.event() else {
                panic!("no request");
            };
            prop_assert_eq!(&head.path, &sent[2]);
            prop_assert_eq!(&head.fields, &sent[4..]);
            raw.end.connection.reset(stream, Reason::CANCEL);
        }
    }
}
