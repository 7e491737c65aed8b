//! Tests of one connection with calls that are read and calls that are not. They must not block each other.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::link::{Link, pattern, response, trailers};
use crate::http2::{Config, Connection, Event, StreamId};

/// The largest message here, which is more than a quarter of what may be held.
const LARGEST: usize = 300_000;

/// Limits that are small, so that the calls below count as large.
fn config() -> Config {
    Config {
        stream_window: 16 << 10,
        reduced_stream_window: 4 << 10,
        max_stream_window: 256 << 10,
        receive_mark: 128 << 10,
        receive_buffer_per_connection: 1 << 20,
        ..Config::default()
    }
}

/// The messages that one end reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    All,
    Nothing,
    /// It reads the beginning of a message, and then stops.
    Beginning,
}

#[derive(Clone, Debug)]
struct Call {
    /// The messages in both directions.
    up: Vec<usize>,
    down: Vec<usize>,
    server_reads: Reads,
    client_reads: Reads,
}

fn any_call() -> impl Strategy<Value = Call> {
    // The prefix of a message is 5 bytes.
    let size = || prop_oneof![4 => 5..2_000_usize, 2 => 2_000..70_000_usize, 1 => 70_000..=LARGEST];
    let reads = || {
        prop_oneof![
            3 => Just(Reads::All),
            2 => Just(Reads::Nothing),
            1 => Just(Reads::Beginning),
        ]
    };
    (vec(size(), 0..4), vec(size(), 0..4), reads(), reads()).prop_map(
        |(up, down, server_reads, client_reads)| Call {
            up,
            down,
            server_reads,
            client_reads,
        },
    )
}

/// A reader of one end of a stream, whose messages have known lengths.
#[derive(Debug)]
struct Reader {
    how: Reads,
    /// The lengths of the messages that have not arrived.
    expected: Vec<usize>,
    /// The bytes of an incomplete message.
    kept: usize,
    asked: bool,
    ended: bool,
}

impl Reader {
    fn new(how: Reads, expected: &[usize]) -> Reader {
        Reader {
            how,
            expected: expected.iter().rev().copied().collect(),
            kept: 0,
            asked: false,
            ended: false,
        }
    }

    /// Takes the bytes that have arrived, like a reader that waits for whole messages.
    fn take(&mut self, engine: &mut Connection, stream: StreamId, now: std::time::Instant) {
        if self.how == Reads::Nothing {
            return;
        }
        while let Some(&length) = self.expected.last() {
            if self.kept < length {
                if self.kept > 0 && !self.asked {
                    self.asked = true;
                    engine.want(stream, length - self.kept, now);
                    if self.how == Reads::Beginning {
                        self.how = Reads::Nothing;
                    }
                }
                return;
            }
            self.kept -= length;
            self.expected.pop();
            self.asked = false;
            engine.release(stream, length);
        }
    }

    fn is_done(&self) -> bool {
        self.how != Reads::All || (self.expected.is_empty() && self.ended)
    }
}

/// Two ends with their applications.
struct Two {
    link: Link,
    calls: BTreeMap<StreamId, Call>,
    at_server: BTreeMap<StreamId, Reader>,
    at_client: BTreeMap<StreamId, Reader>,
    /// The streams that were ended because others waited.
    reset: Vec<StreamId>,
}

impl Two {
    fn new() -> Two {
        Two {
            link: Link::new(config(), config()),
            calls: BTreeMap::new(),
            at_server: BTreeMap::new(),
            at_client: BTreeMap::new(),
            reset: Vec::new(),
        }
    }

    fn start(&mut self, call: &Call) -> StreamId {
        let stream = self.link.open(false);
        for &length in &call.up {
            let client = &mut self.link.client.connection;
            client.send_data(stream, pattern(length), false);
        }
        self.link
            .client
            .connection
            .send_data(stream, Bytes::new(), true);
        self.calls.insert(stream, call.clone());
        let reader = Reader::new(call.server_reads, &call.up);
        self.at_server.insert(stream, reader);
        let reader = Reader::new(call.client_reads, &call.down);
        self.at_client.insert(stream, reader);
        stream
    }

    /// Moves bytes in both directions, and lets the applications read. Returns `false` if nothing has happened.
    fn step(&mut self) -> bool {
        let moved = self.link.step();
        let now = self.link.now;
        while let Some(event) = self.link.server.event() {
            let server = &mut self.link.server.connection;
            match event {
                Event::Request { stream, .. } => server.send_headers(stream, &response(), false),
                Event::Data { stream, data, end } => {
                    let reader = self.at_server.get_mut(&stream).expect("a call");
                    reader.kept += data.len();
                    reader.ended |= end;
                    reader.take(server, stream, now);
                }
                Event::Reset { stream, .. } => self.reset.push(stream),
                _ => {}
            }
        }
        // A response does not wait for messages that the server does not read.
        for (&stream, call) in &mut self.calls {
            let reader = &self.at_server[&stream];
            if reader.how != Reads::All || reader.is_done() {
                let server = &mut self.link.server.connection;
                for length in std::mem::take(&mut call.down) {
                    server.send_data(stream, pattern(length), false);
                }
                if reader.is_done() && reader.how == Reads::All {
                    server.send_trailers(stream, trailers());
                }
            }
        }
        while let Some(event) = self.link.client.event() {
            let client = &mut self.link.client.connection;
            match event {
                Event::Data { stream, data, .. } => {
                    let reader = self.at_client.get_mut(&stream).expect("a call");
                    reader.kept += data.len();
                    reader.take(client, stream, now);
                }
                Event::Trailers { stream, .. } => {
                    self.at_client.get_mut(&stream).expect("a call").ended = true;
                }
                Event::Reset { stream, .. } => self.reset.push(stream),
                _ => {}
            }
        }
        self.check();
        moved
    }

    /// Checks that the held bytes are within the limits, whatever is read.
    fn check(&self) {
        let most = config().receive_buffer_per_connection;
        let beyond = LARGEST - most / 4;
        for end in [&self.link.client, &self.link.server] {
            let (held, promised) = end.connection.held();
            assert!(held <= promised && promised <= most + beyond, "{promised}");
        }
    }

    /// Lets enough time pass for streams to lose unused grants.
    fn wait(&mut self) {
        self.link.now += config().message_timeout;
        let now = self.link.now;
        for end in [&mut self.link.client, &mut self.link.server] {
            end.connection
                .handle_timeout(now)
                .expect("the connection lives");
            end.gather_events();
        }
    }

    /// Returns whether everything that is read has arrived.
    fn is_quiet(&self) -> bool {
        let streams = self
            .calls
            .keys()
            .filter(|stream| !self.reset.contains(stream));
        let mut unfinished = streams.filter(|stream| {
            let waits_for_server = self.at_server[stream].how != Reads::All;
            !self.at_server[stream].is_done()
                || (!waits_for_server && !self.at_client[stream].is_done())
        });
        unfinished.next().is_none()
    }

    /// Makes a small call. Returns the number of steps that it took.
    fn small_call(&mut self) -> usize {
        let call = Call {
            up: vec![500],
            down: vec![500],
            server_reads: Reads::All,
            client_reads: Reads::All,
        };
        let stream = self.start(&call);
        for steps in 1..100 {
            self.step();
            if self.at_client[&stream].is_done() {
                return steps;
            }
        }
        panic!("it does not end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn row_49_calls_do_not_keep_each_other(
        calls in vec(any_call(), 0..12),
        steps in 0..60_usize,
    ) {
        let mut two = Two::new();
        let streams: Vec<StreamId> = calls.iter().map(|call| two.start(call)).collect();
        for _ in 0..steps {
            two.step();
        }
        // The round trip takes two steps. The rest is the time until its turn among the others.
        let took = two.small_call();
        prop_assert!(took <= 12, "{took} steps");
        // Messages that are read arrive completely, even if others are not read and keep their grants.
        let mut periods = 0;
        loop {
            while two.step() {}
            if two.is_quiet() {
                break;
            }
            periods += 1;
            prop_assert!(periods < 60, "calls wait");
            two.wait();
        }
        let took = two.small_call();
        prop_assert!(took <= 4, "{took} steps");
        for (stream, call) in streams.iter().zip(&calls) {
            let done = two.at_server[stream].is_done();
            prop_assert!(done, "{call:?} at the server: {:?}", two.at_server[stream]);
            if call.server_reads == Reads::All && call.client_reads == Reads::All {
                prop_assert!(!two.reset.contains(stream), "{call:?}");
                prop_assert!(two.at_client[stream].is_done(), "{call:?} at the client");
            }
        }
    }
}
