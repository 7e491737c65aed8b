//! The connection: the state that its parts share, and the end of streams and of the whole connection.

mod control;
mod credit;
mod data;
mod going_away;
mod head;
mod headers;
mod receive;
mod repeats;
mod send;
mod timeout;
mod timers;
mod transmit;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BufMut;

use self::going_away::GoingAway;
use self::headers::OpenBlock;
use self::repeats::Repeats;
use self::timers::Timers;
use super::backlog::Backlog;
use super::bdp::Estimator;
use super::config::Config;
use super::error::{ConnectionError, Reason};
use super::event::{Event, ResetCause};
use super::flow::{DEFAULT_WINDOW, ReceiveWindow, SendWindow};
use super::frame::{self, PREFACE};
use super::history::History;
use super::holdings::Holdings;
use super::hpack::{Decoder, Encoder};
use super::initial_window::InitialWindow;
use super::ledger::Ledger;
use super::output::Output;
use super::ping_strikes::PingStrikes;
use super::schedule::Schedule;
use super::settings::{self, PeerSettings, TABLE_SIZE};
use super::stream::Stream;
use super::streams::Streams;
use super::{Role, StreamId};

/// The number of events that an idle connection keeps room for.
const IDLE_EVENTS: usize = 16;
/// The number of streams that an idle connection keeps room for.
const IDLE_STREAMS: usize = 16;

/// One HTTP/2 connection of a client or a server, without I/O.
///
/// A stream exists from `open` or its `Request` event until both directions have ended or either side has reset it. Methods do
/// nothing for streams that do not exist (any more), so that the application need not race with the peer.
pub(crate) struct Connection {
    role: Role,
    config: Config,
    peer: PeerSettings,
    streams: Streams,
    history: History,
    /// Client: the id of the next stream. Above 2^31-1 there are none left.
    next_id: StreamId,
    /// Server: the highest id that the client has opened.
    last_id: StreamId,
    /// Server: the highest id of a stream whose call a handler has.
    taken: StreamId,
    decoder: Decoder,
    repeats: Repeats,
    encoder: Encoder,
    /// A header block that has not ended.
    block: Option<OpenBlock>,
    greeting: Greeting,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// The initial receive window of streams.
    initial: InitialWindow,
    /// The size of `receive_window` when none of it is used.
    connection_window: u32,
    estimator: Estimator,
    holdings: Holdings,
    schedule: Schedule,
    /// The number of bytes in the queues of all streams.
    queued: usize,
    output: Output,
    events: VecDeque<Event>,
    ledger: Ledger,
    ping_strikes: PingStrikes,
    backlog: Backlog,
    going_away: GoingAway,
    /// The number of this side's pings without a response.
    pings: u32,
    timers: Timers,
    failed: Option<ConnectionError>,
}

/// The progress of the peer's connection preface (RFC 9113, 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Greeting {
    /// The client's 24 bytes are expected.
    Preface,
    /// The first SETTINGS are expected.
    Settings,
    Done,
}

impl Connection {
    /// Creates a connection. Its output already contains SETTINGS, after the preface if `role` is [`Role::Client`].
    pub(crate) fn new(role: Role, config: Config, now: Instant) -> Connection {
        let config = config.allowed();
        // A server receives a client's SETTINGS before the client's first stream.
        let first_known = match role {
            Role::Client => 0,
            Role::Server => StreamId::MAX,
        };
        let mut connection = Connection {
            role,
            peer: PeerSettings::assumed(&config),
            streams: Streams::default(),
            history: History::default(),
            next_id: 1,
            last_id: 0,
            taken: 0,
            decoder: Decoder::new(TABLE_SIZE),
            repeats: Repeats::default(),
            encoder: Encoder::new(),
            block: None,
            greeting: match role {
                Role::Client => Greeting::Settings,
                Role::Server => Greeting::Preface,
            },
            send_window: SendWindow::new(DEFAULT_WINDOW),
            receive_window: ReceiveWindow::new(DEFAULT_WINDOW),
            initial: InitialWindow::new(config.stream_window, first_known),
            connection_window: config.connection_window,
            estimator: Estimator::new(config.stream_window, config.max_stream_window),
            holdings: Holdings::default(),
            schedule: Schedule::default(),
            queued: 0,
            output: Output::default(),
            events: VecDeque::new(),
            ledger: Ledger::new(&config, now),
            ping_strikes: PingStrikes::default(),
            backlog: Backlog::default(),
            going_away: GoingAway::default(),
            pings: 0,
            timers: Timers::new(&config, now),
            failed: None,
            config,
        };
        let out = connection.output.tail();
        if role == Role::Client {
            out.put_slice(PREFACE);
        }
        settings::write(role, &connection.config, out);
        // The connection's window is not a setting. It starts with the default.
        let window = connection.config.connection_window;
        if let Some(increment) = connection.receive_window.resize(DEFAULT_WINDOW, window) {
            frame::write_window_update(0, increment, out);
        }
        connection
    }

    /// Returns the next event. Call this until it returns `None`, after `receive`, `transmit`, `handle_timeout` and `reset`.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_none() && self.events.capacity() > IDLE_EVENTS {
            self.events.shrink_to(IDLE_EVENTS / 2);
        }
        event
    }

    /// Server: notes that handlers have the calls of this stream and all earlier ones. Streams without a handler cost the client
    /// more to reset.
    pub(crate) fn take(&mut self, stream: StreamId) {
        self.taken = self.taken.max(stream);
    }

    /// Notes that the next input could have been received `late` earlier.
    pub(crate) fn excuse(&mut self, late: Duration) {
        self.ledger.excuse(late);
    }

    /// Returns the number of streams that at least one side has not ended.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Returns the number of bytes that the application has not released, and the maximum to which the peer may raise it.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held(&self) -> (usize, usize) {
        let streams = || self.streams.values();
        let held: u32 = streams().map(|stream| stream.unreleased).sum();
        let promised = streams().map(Stream::most).sum();
        assert_eq!(self.holdings.held, held as usize);
        assert_eq!(self.holdings.promised, promised);
        (self.holdings.held, promised)
    }

    /// Returns the number of bytes that streams have queued, twice: as counted incrementally, and as summed up now.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn queued(&self) -> (usize, usize) {
        let queues = self.streams.values().map(|stream| stream.queue.bytes());
        (self.queued, queues.sum())
    }

    /// Returns the size of a stream's receive window, or of the connection's for 0, and how much of it has not been announced to
    /// the peer.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn receive_window(&self, stream: StreamId) -> Option<(i64, i64)> {
        if stream == 0 {
            let size = self.connection_window;
            return Some((size.into(), self.receive_window.credit()));
        }
        let stream = self.streams.get(&stream)?;
        Some((stream.window.into(), stream.receive_window.credit()))
    }

    /// Grows the connection's window ahead of the streams' windows, so that two streams at full speed can share it.
    fn grow_connection_window(&mut self) {
        let most = self
            .config
            .max_connection_window
            .max(self.connection_window);
        let wanted = self.estimator.window().saturating_mul(2).min(most);
        let more = wanted.saturating_sub(self.connection_window);
        if more > 0 {
            self.connection_window = wanted;
            self.receive_window.grow(more);
            frame::write_window_update(0, more, self.output.tail());
        }
    }

    /// Removes a stream, whether it ended in order or not.
    fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let was_full = !self.has_room();
        let mut stream = self.streams.remove(&id)?;
        self.holdings.held -= stream.unreleased as usize;
        self.holdings.change(stream.most(), 0);
        self.holdings.end_grant(stream.grant.take());
        self.queued -= stream.queue.bytes();
        if stream.queue.scheduled {
            self.schedule.remove(id);
        }
        if self.streams.is_empty() && self.streams.capacity() > IDLE_STREAMS * 8 {
            self.streams.shrink_to(IDLE_STREAMS);
        }
        if was_full && self.can_open() {
            self.events.push_back(Event::CanOpen);
        }
        self.serve_waiting();
        Some(stream)
    }

    /// Writes RST_STREAM for a stream that is not in the table (any more). The peer may send `window` bytes more until it
    /// receives it.
    fn write_reset(&mut self, id: StreamId, reason: Reason, window: u64) {
        frame::write_reset(id, reason, self.output.tail());
        self.history.record_reset(id);
        self.ledger.expect_late(1, window);
    }

    /// Ends a stream because the peer violated `rule` on it (RFC 9113, 5.4.2).
    fn stream_error(
        &mut self,
        id: StreamId,
        reason: Reason,
        rule: &'static str,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let mut window = u64::from(self.config.stream_window);
        if let Some(stream) = self.remove(id) {
            window = stream.window_left();
            self.events.push_back(Event::Reset {
                stream: id,
                reason,
                cause: ResetCause::Local(rule),
            });
        }
        self.reply(|connection| connection.write_reset(id, reason, window))?;
        self.charge_reset(now)
    }

    /// Charges the client for a stream that ended without use: it was reset before a handler had its call, or the client broke a
    /// rule. A server's streams cost nothing, because it can only reset streams that this side opened.
    fn charge_reset(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.role {
            Role::Client => Ok(()),
            Role::Server => self.ledger.charge_reset(now),
        }
    }

    /// Writes a reply to the peer. The number of bytes of replies that wait to be written is limited.
    fn reply(&mut self, write: impl FnOnce(&mut Connection)) -> Result<(), ConnectionError> {
        let before = self.output.len();
        write(self);
        let bytes = self.output.len() - before;
        let written = self.output.written();
        let waiting = self.backlog.add(bytes, self.output.end(), written);
        if waiting > self.config.max_queued_replies {
            return Err(ConnectionError::abuse("too_many_unread_replies"));
        }
        Ok(())
    }

    /// Ends the connection: GOAWAY becomes the last frame of the output, and all streams are removed.
    fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        let last = self.last_id;
        frame::write_go_away(last, error.reason, error.rule, self.output.tail());
        self.failed = Some(error);
        self.block = None;
        self.streams.clear();
        self.holdings = Holdings::default();
        self.queued = 0;
        self.schedule.clear();
        self.timers.stop();
        error
    }
}
