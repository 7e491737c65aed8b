//! A connection: what its parts share, and what ends a stream or all of it.

mod control;
mod credit;
mod data;
mod going_away;
mod head;
mod headers;
mod receive;
mod repeats;
mod send;
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
use super::schedule::Schedule;
use super::settings::{self, PeerSettings, TABLE_SIZE};
use super::stream::Stream;
use super::streams::Streams;
use super::strikes::Strikes;
use super::{Role, StreamId};

/// How many events an idle connection keeps room for.
const IDLE_EVENTS: usize = 16;
/// How many streams an idle connection keeps room for.
const IDLE_STREAMS: usize = 16;

/// One HTTP/2 connection, client or server, as a value.
///
/// A stream is known from `open` or its `Request` event until both directions have ended or either side has reset it. Calls about
/// streams that are not known (any more) do nothing: the application need not race with the peer.
pub(crate) struct Connection {
    role: Role,
    config: Config,
    peer: PeerSettings,
    streams: Streams,
    history: History,
    /// Client: the id of the next stream; above 2^31-1 there are none left.
    next_id: StreamId,
    /// Server: the highest id that the client has opened.
    last_id: StreamId,
    /// Server: the highest id of a stream whose call has been taken.
    taken: StreamId,
    decoder: Decoder,
    repeats: Repeats,
    encoder: Encoder,
    /// A header block whose CONTINUATION frames are still to come.
    block: Option<OpenBlock>,
    greeting: Greeting,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// The window of the peer's side of streams, at their start.
    initial: InitialWindow,
    /// The size of `receive_window` when nothing of it is used.
    connection_window: u32,
    estimator: Estimator,
    holdings: Holdings,
    schedule: Schedule,
    /// The bytes in the queues of all streams.
    queued: usize,
    output: Output,
    events: VecDeque<Event>,
    ledger: Ledger,
    strikes: Strikes,
    backlog: Backlog,
    going_away: GoingAway,
    /// Pings of ours that are not answered.
    pings: u32,
    timers: Timers,
    failed: Option<ConnectionError>,
}

/// How far the peer's side of the connection preface is (RFC 9113, 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Greeting {
    /// The client's 24 bytes.
    Preface,
    /// The first SETTINGS.
    Settings,
    Done,
}

impl Connection {
    /// A connection at its start: the client's preface (in that role) and our SETTINGS are in the output.
    pub(crate) fn new(role: Role, config: Config, now: Instant) -> Connection {
        let config = config.allowed();
        // A server reads a client's SETTINGS before it sees a stream of that client.
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
            strikes: Strikes::default(),
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
        // The connection's window is not a setting: it starts with the default.
        let window = connection.config.connection_window;
        if let Some(increment) = connection.receive_window.resize(DEFAULT_WINDOW, window) {
            frame::write_window_update(0, increment, out);
        }
        connection
    }

    /// The next thing that the peer did. To be asked after `receive`, `transmit`, `handle_timeout` and `reset`, until there is none.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_none() && self.events.capacity() > IDLE_EVENTS {
            self.events.shrink_to(IDLE_EVENTS / 2);
        }
        event
    }

    /// Server: the call of this stream, and those before it, have been given to their handlers. What was not taken costs the client
    /// more to reset.
    pub(crate) fn take(&mut self, stream: StreamId) {
        self.taken = self.taken.max(stream);
    }

    /// What is about to be received could have been taken so much earlier.
    pub(crate) fn excuse(&mut self, late: Duration) {
        self.ledger.excuse(late);
    }

    /// Streams that at least one side has not ended.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// The bytes that the application was given and has not released, and the most that the peer may make of them.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held(&self) -> (usize, usize) {
        let streams = || self.streams.values();
        let held: u32 = streams().map(|stream| stream.unreleased).sum();
        let promised = streams().map(Stream::most).sum();
        assert_eq!(self.holdings.held, held as usize);
        assert_eq!(self.holdings.promised, promised);
        (self.holdings.held, promised)
    }

    /// The bytes that streams have queued, as they are counted and as they are.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn queued(&self) -> (usize, usize) {
        let queues = self.streams.values().map(|stream| stream.queue.bytes());
        (self.queued, queues.sum())
    }

    /// The size of a receive window, a stream's or with 0 the connection's, and how much of it the peer has yet to be told of.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn receive_window(&self, stream: StreamId) -> Option<(i64, i64)> {
        if stream == 0 {
            let size = self.connection_window;
            return Some((size.into(), self.receive_window.credit()));
        }
        let stream = self.streams.get(&stream)?;
        Some((stream.window.into(), stream.receive_window.credit()))
    }

    /// The connection's window keeps ahead of what a stream's has grown to: two streams at full speed share it.
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

    /// Takes a stream out of the table, in order or not.
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

    /// Writes RST_STREAM for a stream that is not in the table (any more). Until the peer has it, it may send `window` bytes more.
    fn write_reset(&mut self, id: StreamId, reason: Reason, window: u64) {
        frame::write_reset(id, reason, self.output.tail());
        self.history.record_reset(id);
        self.ledger.expect_late(1, window);
    }

    /// Ends a stream because the peer broke `rule` on it (RFC 9113, 5.4.2).
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

    /// A stream has ended that should not have: nobody had taken its call, or the client broke a rule. Only a client's streams cost
    /// anything: a server can reset no more than we open.
    fn charge_reset(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.role {
            Role::Client => Ok(()),
            Role::Server => self.ledger.charge_reset(now),
        }
    }

    /// Writes something that the peer has provoked, of which only so much may wait.
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

    /// Ends the connection: GOAWAY is the last thing in the output, and no stream is known any more.
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
