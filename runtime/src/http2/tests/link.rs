//! Two engines and a link between them, with a simulated clock.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::start;
use crate::base::header::Header;
use crate::http2::error::ConnectionError;
use crate::http2::{Config, Connection, Event, Role, StreamId};

/// An engine with its events that have not been taken.
pub(super) struct End {
    pub connection: Connection,
    input: BytesMut,
    /// All events except `Event::Writable`.
    pub events: VecDeque<Event>,
    /// The streams of `Event::Writable`.
    pub writable: Vec<StreamId>,
}

impl End {
    pub(super) fn new(role: Role, config: Config) -> End {
        End {
            connection: Connection::new(role, config, start()),
            input: BytesMut::new(),
            events: VecDeque::new(),
            writable: Vec::new(),
        }
    }

    pub(super) fn gather_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Writable { stream } => self.writable.push(stream),
                event => self.events.push_back(event),
            }
        }
    }

    /// Takes up to `limit` bytes of the output.
    pub(super) fn take_output(&mut self, limit: usize) -> Vec<u8> {
        let output = self.connection.transmit();
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = output.io_slices(&mut slices);
        let bytes: Vec<u8> = slices[..filled]
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .take(limit)
            .collect();
        output.advance(bytes.len());
        self.gather_events();
        bytes
    }

    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) -> Result<(), ConnectionError> {
        self.input.extend_from_slice(bytes);
        let result = self.connection.receive(&mut self.input, now);
        self.gather_events();
        result
    }

    pub(super) fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

/// A client and a server.
pub(super) struct Link {
    pub client: End,
    pub server: End,
    pub now: Instant,
    /// The number of bytes that move at a time.
    pub chunk: usize,
}

impl Link {
    /// Creates two ends that have exchanged their prefaces.
    pub(super) fn new(client: Config, server: Config) -> Link {
        let mut link = Link::silent(client, server);
        link.run();
        link
    }

    /// Creates two ends that have exchanged nothing.
    pub(super) fn silent(client: Config, server: Config) -> Link {
        Link {
            client: End::new(Role::Client, client),
            server: End::new(Role::Server, server),
            now: start(),
            chunk: usize::MAX,
        }
    }

    /// Moves bytes in both directions until there are none.
    pub(super) fn run(&mut self) {
        while self.step() {}
    }

    /// Moves at most one chunk in each direction. Returns `false` if there was nothing to move.
    pub(super) fn step(&mut self) -> bool {
        self.now += Duration::from_micros(10);
        let up = self.client.take_output(self.chunk);
        let down = self.server.take_output(self.chunk);
        self.server
            .receive(&up, self.now)
            .expect("an honest client");
        self.client
            .receive(&down, self.now)
            .expect("an honest server");
        !up.is_empty() || !down.is_empty()
    }

    pub(super) fn open(&mut self, end: bool) -> StreamId {
        self.client
            .connection
            .open(&request(), end)
            .expect("a stream can be opened")
    }
}

pub(super) fn request() -> Vec<Header> {
    fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/package.Service/Method"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}

pub(super) fn response() -> Vec<Header> {
    fields(&[(":status", "200"), ("content-type", "application/grpc")])
}

pub(super) fn trailers() -> Vec<Header> {
    fields(&[("grpc-status", "0")])
}

pub(super) fn fields(fields: &[(&str, &str)]) -> Vec<Header> {
    fields
        .iter()
        .map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()))
        .collect()
}

/// Returns bytes that differ from place to place.
pub(super) fn pattern(length: usize) -> Bytes {
    (0..length).map(|i| (i % 251) as u8).collect()
}
