//! An engine with the application above it, and the invariants of both, whatever the peer sends.

mod events;
mod finish;

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::peer::{DEFAULT_WINDOW, PeerState};
use super::written::Written;
use crate::base::header::Header;
use crate::http2::{Config, Connection, Event, Reason, Role, StreamId};

/// More bytes than any of our frames except DATA, together with its reply.
const SLACK: usize = 300;

/// An engine, and what is known about it from outside.
pub(super) struct CheckedEngine {
    pub(super) role: Role,
    pub(super) engine: Connection,
    config: Config,
    pub(super) now: Instant,
    input: BytesMut,
    peer: PeerState,
    written: Written,
    /// Streams that the application has received or opened.
    calls: BTreeMap<StreamId, Call>,
    /// Field lists that the application has sent.
    heads: Vec<Vec<Header>>,
    /// The last stream that the peer accepts.
    last_stream: StreamId,
    /// True if the engine has ended the connection.
    pub(super) failed: bool,
    /// Bytes that were written and not yet passed to the other end, if there is one.
    sent: Option<Vec<u8>>,
    /// Size of all trailers. They are sent with the DATA before them, even above the output's high-water mark.
    trailers: usize,
    /// Size of the unwritten output at the last check, to limit its growth.
    waiting: usize,
}

/// The application's knowledge of a stream.
#[derive(Default)]
struct Call {
    /// True if the peer has ended its side.
    peer_ended: bool,
    /// True if the stream was reset, by the peer or by the application.
    reset: bool,
    unreleased: usize,
    received: u64,
    /// The `content-length`.
    expected: Option<u64>,
    has_head: bool,
}

/// Returns limits that are small, so that they are reached.
pub(super) fn small_limits() -> Config {
    let mut pings = Config::default().pings;
    // The client may send any number of PINGs, so that all are answered.
    pings.max_strikes = 0;
    Config {
        stream_window: 300,
        connection_window: 70_000,
        max_stream_window: 300,
        max_connection_window: 70_000,
        max_concurrent_streams: 5,
        max_header_list_size: 500,
        max_header_block: 1_000,
        max_continuations: 5,
        send_buffer_per_stream: 100,
        send_buffer_per_connection: 250,
        output_mark: 2_000,
        read_mark: 4_000,
        send_frame_size: 700,
        max_queued_replies: 2_000,
        pings,
        ..Config::default()
    }
}

/// Returns windows that large DATA fills and that may grow.
pub(super) fn growing_windows() -> Config {
    Config {
        stream_window: 20_000,
        max_stream_window: 80_000,
        connection_window: 66_000,
        max_connection_window: 150_000,
        ..small_limits()
    }
}

impl CheckedEngine {
    pub(super) fn new(role: Role, config: Config) -> CheckedEngine {
        // The current time is the only `Instant` that can be made. No decision depends on it.
        let now = Instant::now() + Duration::from_secs(100_000);
        CheckedEngine {
            role,
            engine: Connection::new(role, config.clone(), now),
            config,
            now,
            input: BytesMut::new(),
            peer: PeerState::new(role),
            written: Written::new(role),
            calls: BTreeMap::new(),
            heads: Vec::new(),
            last_stream: StreamId::MAX,
            failed: false,
            sent: None,
            trailers: 0,
            waiting: 0,
        }
    }

    /// Creates an end whose peer is another end.
    pub(super) fn honest(role: Role, config: Config) -> CheckedEngine {
        let mut checked = CheckedEngine::new(role, config);
        checked.sent = Some(Vec::new());
        checked
    }

    pub(super) fn take_sent(&mut self) -> Vec<u8> {
        self.sent.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns one of the eight newest streams, selected by `pick`, or 1 if there are none.
    pub(super) fn recent(&self, pick: u8) -> StreamId {
        let mut recent = self.calls.keys().rev();
        let count = self.calls.len().clamp(1, 8);
        recent.nth(usize::from(pick) % count).copied().unwrap_or(1)
    }

    /// Returns the next stream that a client would open.
    pub(super) fn next(&self) -> StreamId {
        match self.peer.last_stream {
            0 => 1,
            last => (last | 1).saturating_add(2) & 0x7fff_ffff,
        }
    }

    /// Passes bytes of the peer to the engine. As a driver does, it writes first if the engine wants no input.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        if !self.engine.wants_input() {
            self.write(usize::MAX);
        }
        self.check();
        if !self.failed {
            self.peer.receive(bytes);
        }
        let waiting = self.waiting;
        let takes_no_streams = self.engine.takes_no_streams();
        self.input.extend_from_slice(bytes);
        let before = self.input.len();
        let result = self.engine.receive(&mut self.input, self.now);
        assert!(
            !self.failed || result.is_err(),
            "the connection lives again after its end"
        );
        self.failed |= result.is_err();
        if self.failed {
            self.input.clear();
        }
        let consumed = before - self.input.len();
        assert!(
            self.failed || self.input.len() < 9 + self.config.max_frame_size as usize,
            "a complete frame was not read"
        );
        let events = self.take_events(takes_no_streams);
        // Streams that one GOAWAY resets, and streams that become writable.
        assert!(
            events <= consumed / 9 + 2 * self.calls.len() + 1,
            "{events} events"
        );
        self.check();
        let most = waiting.max(self.config.output_mark + self.config.send_frame_size + 9);
        assert!(
            self.waiting <= most + self.trailers + 2 * consumed + SLACK,
            "{} bytes of output after {consumed} of input",
            self.waiting
        );
    }

    /// Advances the clock and handles timeouts.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.failed |= self.engine.handle_timeout(self.now).is_err();
        self.check();
    }

    /// Moves the clock back, which the real clock never does.
    pub(super) fn wait_back(&mut self, time: Duration) {
        self.now = self.now.checked_sub(time).unwrap_or(self.now);
    }

    /// Writes up to `limit` bytes of the output.
    pub(super) fn write(&mut self, limit: usize) {
        let mut left = limit;
        loop {
            let output = self.engine.transmit();
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = output.io_slices(&mut slices);
            let mut taken = 0;
            for slice in &slices[..filled] {
                let part = &slice[..left.min(slice.len())];
                self.written.take(part, &self.peer, &self.heads);
                if let Some(sent) = &mut self.sent {
                    sent.extend_from_slice(part);
                }
                taken += part.len();
                left -= part.len();
            }
            output.advance(taken);
            if taken == 0 {
                break;
            }
        }
        self.take_events(true);
        self.check();
    }

    pub(super) fn open(&mut self, head: Vec<Header>, end: bool) {
        if let Ok(stream) = self.engine.open(&head, end) {
            let before = self.calls.insert(stream, Call::default());
            assert!(before.is_none(), "a stream is opened twice");
            assert_eq!(self.role, Role::Client);
        }
        self.heads.push(head);
    }

    pub(super) fn send_headers(&mut self, stream: StreamId, head: Vec<Header>, end: bool) {
        if self.role == Role::Server {
            self.engine.send_headers(stream, &head, end);
            self.heads.push(head);
        }
    }

    /// Sends DATA if the engine has capacity for it.
    pub(super) fn send_data(&mut self, stream: StreamId, length: usize, end: bool) {
        static PATTERN: [u8; 1 << 16] = [b'd'; 1 << 16];
        if self.engine.send_capacity(stream) > 0 {
            let data = Bytes::from_static(&PATTERN).slice(..length.min(PATTERN.len()));
            self.engine.send_data(stream, data, end);
        }
    }

    pub(super) fn send_trailers(&mut self, stream: StreamId, trailers: Vec<Header>) {
        self.trailers += trailers.iter().map(Header::size).sum::<usize>();
        self.heads.push(trailers.clone());
        self.engine.send_trailers(stream, trailers);
    }

    pub(super) fn reset(&mut self, stream: StreamId) {
        self.engine.reset(stream, Reason::CANCEL);
        if let Some(call) = self.calls.get_mut(&stream) {
            call.reset = true;
            call.unreleased = 0;
        }
    }

    pub(super) fn release(&mut self, stream: StreamId, most: usize) {
        if let Some(call) = self.calls.get_mut(&stream) {
            let bytes = most.min(call.unreleased);
            call.unreleased -= bytes;
            self.engine.release(stream, bytes);
        }
    }

    pub(super) fn release_all(&mut self) {
        let streams: Vec<StreamId> = self.calls.keys().copied().collect();
        for stream in streams {
            self.release(stream, usize::MAX);
        }
    }

    pub(super) fn ping(&mut self) {
        self.engine.ping([7; 8]);
    }

    /// Checks what must hold at any time.
    fn check(&mut self) {
        self.waiting = self.engine.transmit().len();
        // Events of streams that `transmit` makes writable.
        while let Some(event) = self.engine.poll_event() {
            assert!(matches!(event, Event::Writable { .. } | Event::CanOpen));
        }
        let (counted, queued) = self.engine.queued();
        assert_eq!(counted, queued, "wrong count of queued bytes");
        let open = self.engine.open_streams();
        match self.role {
            Role::Server => assert!(open <= self.config.max_concurrent_streams as usize),
            Role::Client => assert!(open <= self.calls.len()),
        }
        if self.failed {
            assert_eq!((open, self.engine.timeout()), (0, None));
        }
        let window = i64::from(self.config.max_connection_window).max(DEFAULT_WINDOW);
        let left = DEFAULT_WINDOW + self.written.window_updates - self.peer.data;
        assert!(left <= window, "the peer was given more than the window");
    }

    /// Returns whether anything waits to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        let mut streams = self.calls.keys();
        streams.any(|&stream| self.engine.is_sending(stream))
    }

    /// Checks that the application has received what the other end has written.
    ///
    /// A stream that was reset is an exception, and so is the rest of a request whose response is complete.
    pub(super) fn agrees_with(&self, other: &CheckedEngine) {
        for (&stream, call) in &self.calls {
            let written = other.written.of(stream);
            let is_answered = self.role == Role::Server && self.written.of(stream).ended;
            if !call.reset && !is_answered {
                assert_eq!(call.received as i64, written.data);
                assert_eq!(call.peer_ended, written.ended);
            }
        }
    }
}

impl Call {
    fn end_peer(&mut self) {
        let expected = self.expected.unwrap_or(self.received);
        assert_eq!(
            self.received, expected,
            "the body differs from the content-length"
        );
        self.peer_ended = true;
    }
}
