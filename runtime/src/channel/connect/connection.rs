//! The calls of a client's connection.

mod answers;

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::base::response::no_status;
use crate::base::{Outcome, clock};
use crate::call::credentials::Authorizer;
use crate::call::listener::Listening;
use crate::call::retry_buffer::RetryBuffer;
use crate::call::{Deadlines, Exchange, Link, Unread};
use crate::channel::connect::authorization::{PendingCredentials, unprotected};
use crate::channel::connect::origin::Origin;
use crate::channel::connect::owner::{Carried, ConnectionNews, Loss};
use crate::channel::connect::refusals::{status_of_reset, too_late};
use crate::channel::connect::refused::RefusedCalls;
use crate::channel::connect::request_head::RequestHeads;
use crate::channel::options::ChannelOptions;
use crate::http2::{Config, Connection, Event, Reason, ResetCause, Role, StreamId, StreamMap};
use crate::transport::{ConnectionRole, Driver, Socket, waits};
use crate::{Metadata, Status};

/// Creates the driver of a client's connection. Once the peer has sent its first SETTINGS, the connection reports to its
/// channel, and sends `Ok` to `greeting`. If it ends before, it sends the cause to `greeting`.
pub(crate) fn connection(
    socket: Socket,
    heads: RequestHeads,
    origin: Origin,
    options: &ChannelOptions,
    greeting: oneshot::Sender<Result<(), Status>>,
) -> Driver<ClientRole> {
    let config = Config {
        // Calls wait for the server's limit, because a guessed limit may be too high, and then some would be refused. This
        // wait also shows early whether the peer speaks HTTP/2.
        assumed_concurrent_streams: 0,
        ..options.http2.clone()
    };
    let link = Arc::new(Link::new(config.smallest_window()));
    link.set_peer(origin.peer.clone());
    let engine = Connection::new(Role::Client, config, clock::now());
    let role = ClientRole {
        origin,
        heads,
        link: Arc::clone(&link),
        greeting: Some(greeting),
        goaway: None,
        keepalive: options.upkeep.keepalive.time,
        carried: Carried::Nothing,
        unseen: VecDeque::new(),
        calls: StreamMap::default(),
        refused: RefusedCalls::default(),
        unread: Unread::default(),
        probes: 0,
        is_metered: false,
        deadlines: Deadlines::new(),
        draining: false,
    };
    Driver::new(socket, engine, link, options.upkeep, role)
}

/// The calls of a client's connection.
pub(crate) struct ClientRole {
    origin: Origin,
    heads: RequestHeads,
    link: Arc<Link>,
    /// The sender for the first event of the connection. Taken once the peer has sent its SETTINGS.
    greeting: Option<oneshot::Sender<Result<(), Status>>>,
    /// The peer's GOAWAY, as text.
    goaway: Option<String>,
    /// The time of silence after which the peer is pinged.
    keepalive: Option<Duration>,
    carried: Carried,
    /// Calls that the peer had not processed when it went away. They go back to the channel once all input has been handled.
    unseen: VecDeque<Arc<Exchange>>,
    calls: StreamMap<OpenCall>,
    refused: RefusedCalls,
    /// Calls that have received something while their callers did not wait.
    unread: Unread,
    /// The number of open health checks.
    probes: usize,
    /// True once the peer's limit of streams has been reached. From then on the channel is told the number of calls for which
    /// there is room.
    is_metered: bool,
    deadlines: Deadlines<StreamId>,
    draining: bool,
}

/// A call that is open on the connection.
pub(crate) struct OpenCall {
    pub(crate) exchange: Arc<Exchange>,
    /// Set once all of the request has been given to the engine.
    sent: bool,
    /// The part of the request that was sent.
    kept: RetryBuffer,
    /// The listener of the attempt.
    listening: Option<Listening>,
}

impl ConnectionRole for ClientRole {
    fn pump(&mut self, engine: &mut Connection, exchange: &Arc<Exchange>) {
        match exchange.stream() {
            0 => self.open(engine, exchange),
            stream => self.send(engine, stream),
        }
        self.link.set_crowded(engine.is_crowded());
    }

    fn event(&mut self, engine: &mut Connection, event: Event, now: Instant) {
        match event {
            Event::Response { stream, head, end } => self.response(engine, stream, head, end),
            Event::Data { stream, data, end } => match self.calls.get(&stream) {
                Some(call) => {
                    if call.exchange.deliver_response(data) {
                        self.unread.push(&call.exchange);
                    }
                    if end {
                        self.conclude(engine, stream, Outcome::local(no_status()));
                    }
                }
                // The call has ended: return the window of the data to the peer.
                None => {
                    engine.release(stream, data.len());
                    if self.refused.receive(stream, &data) || end {
                        self.end_refused(engine, stream, None);
                    }
                }
            },
            Event::Trailers {
                stream,
                fields,
                oversized,
            } => self.trailers(engine, stream, fields, oversized),
            Event::Reset {
                stream,
                reason,
                cause,
            } => self.reset(engine, stream, reason, cause, now),
            Event::Writable { stream } => {
                self.send(engine, stream);
                self.link.set_crowded(engine.is_crowded());
            }
            // The peer's first SETTINGS have arrived, or a stream has become free.
            Event::CanOpen => {
                if self.greeting.is_some() {
                    self.origin.tell(ConnectionNews::Connected {
                        address: self.origin.address.clone(),
                        link: Arc::clone(&self.link),
                    });
                    self.greet(Ok(()));
                }
                self.meter(engine);
            }
            // The engine has ended the calls that the peer will not process. The others continue.
            Event::GoAway { reason, debug, .. } => self.go_away(reason, &debug),
            Event::Pong { .. } => {}
            // Only servers get this event.
            Event::Request { .. } => {}
        }
    }

    fn settle(&mut self, engine: &mut Connection, _now: Instant) {
        while let Some(exchange) = self.unseen.pop_front() {
            self.origin.hand_back(exchange);
        }
        self.meter(engine);
        self.finish_drain(engine);
    }

    fn set_aside(&mut self) {
        self.unread.set_aside();
    }

    fn deadlines(&mut self) -> &mut Deadlines<StreamId> {
        &mut self.deadlines
    }

    fn expire(&mut self, engine: &mut Connection, stream: StreamId) {
        self.end_refused(engine, stream, None);
        engine.reset(stream, Reason::CANCEL);
        if let Some(call) = self.remove(stream) {
            let outcome = Outcome::local(too_late());
            if let Some(listening) = call.listening {
                listening.ended(&outcome);
            }
            call.exchange.conclude(outcome);
        }
    }

    fn open_calls(&self) -> usize {
        self.calls.len() + self.refused.len() - self.probes
    }

    fn drain(&mut self, engine: &mut Connection) {
        self.draining = true;
        // Either the channel has asked for it, or the connection had no calls for a long time.
        self.origin.tell(ConnectionNews::Unused);
        self.finish_drain(engine);
    }

    fn cut_off(&mut self, unsent: Vec<Arc<Exchange>>, why: &Status) {
        let why = match &self.goaway {
            Some(goaway) => Status::unavailable(format!("{} after {goaway}", why.message())),
            None => why.clone(),
        };
        if self.carried == Carried::Nothing && !self.calls.is_empty() {
            self.carried = Carried::Unanswered;
        }
        // This must happen before any call ends, because its next attempt must use another connection. So must calls that were
        // not sent.
        self.refuse(why.clone());
        self.probes = 0;
        let now = clock::now();
        for (_, call) in std::mem::take(&mut self.calls) {
            let status = call.exchange.details().cut_off(why.clone(), now);
            self.finish(call, Outcome::local(status));
        }
        for refused in self.refused.take_all() {
            let status = refused.status();
            self.finish(refused.call, Outcome::local(status));
        }
        self.greet(Err(why));
        for exchange in self.unseen.drain(..) {
            self.origin.hand_back(exchange);
        }
        for exchange in unsent {
            if exchange.stream() == 0 && exchange.is_wanted_on(&self.link) {
                self.origin.hand_back(exchange);
            }
        }
    }
}

impl ClientRole {
    /// Opens a stream for a call, or hands the call back if no stream can be opened.
    fn open(&mut self, engine: &mut Connection, exchange: &Arc<Exchange>) {
        let Some(listening) = exchange.claim(&self.link) else {
            // The call was cancelled before it was sent, or has gone to another connection.
            return;
        };
        if engine.takes_no_streams() {
            self.refuse(Status::unavailable("the connection takes no more calls"));
            return self.origin.hand_back(Arc::clone(exchange));
        }
        if !engine.can_open() {
            self.is_metered = true;
            self.meter(engine);
            return self.origin.hand_back(Arc::clone(exchange));
        }
        let details = exchange.details();
        if let Err(status) = self.heads.check_authority(details) {
            return exchange.conclude(Outcome::local(status));
        }
        let granted = match &details.credentials {
            None => Metadata::new(),
            Some(_) if !self.heads.is_private => {
                return exchange.conclude(Outcome::local(unprotected()));
            }
            Some(credentials) => match exchange.take_grant() {
                Some(granted) => granted,
                None => return self.authorize(exchange, credentials, listening),
            },
        };
        let Some(head) = self.heads.head(exchange, granted) else {
            // Don't send a call whose deadline has already passed.
            return exchange.conclude(Outcome::local(too_late()));
        };
        // Many peers would close the connection instead, and end all other calls with it.
        if head.size() > engine.peer_header_limit() {
            return exchange.conclude(Outcome::local(Status::resource_exhausted(
                "the metadata of the call is over the server's limit",
            )));
        }
        match engine.open(head.fields(), false) {
            Ok(stream) => {
                exchange.set_stream(stream);
                if let Some(deadline) = details.deadline {
                    self.deadlines.insert(deadline, stream);
                }
                let call = OpenCall {
                    exchange: Arc::clone(exchange),
                    sent: false,
                    kept: RetryBuffer::default(),
                    listening,
                };
                self.calls.insert(stream, call);
                self.probes += usize::from(details.is_probe);
                self.send(engine, stream);
            }
            Err(error) => {
                let status = Status::unavailable(format!("no stream for the call: {error}"));
                exchange.conclude(Outcome::local(status));
            }
        }
    }

    /// Lets a call wait for the metadata of its credentials.
    fn authorize(
        &self,
        exchange: &Arc<Exchange>,
        credentials: &Authorizer,
        listening: Option<Listening>,
    ) {
        if let Some(listening) = listening {
            exchange.listen(listening);
        }
        let context = self.heads.auth_context(exchange.details());
        let pending = PendingCredentials {
            exchange: Arc::clone(exchange),
            channel: Weak::clone(&self.origin.channel),
            link: Arc::clone(&self.link),
        };
        tokio::spawn(pending.run(credentials.clone(), context));
    }

    /// Reports whether the peer speaks HTTP/2. Only the first report counts.
    fn greet(&mut self, greeted: Result<(), Status>) {
        if let Some(greeting) = self.greeting.take() {
            // The attempt may have been given up.
            drop(greeting.send(greeted));
        }
    }

    /// Refuses new calls from now on, and tells the channel that the connection is lost, if the channel knows it already.
    fn refuse(&self, cause: Status) {
        self.link.refuse();
        if self.greeting.is_none() {
            let carried = self.carried;
            self.origin
                .tell(ConnectionNews::Lost(Loss { carried, cause }));
        }
    }

    /// Handles GOAWAY: the peer takes no new calls, and finishes the open ones.
    fn go_away(&mut self, reason: Reason, debug: &[u8]) {
        self.origin.went_away(reason, debug, self.keepalive);
        if !self.calls.is_empty() {
            self.carried = Carried::Calls;
        }
        let goaway = format!("GOAWAY {reason} {:?}", String::from_utf8_lossy(debug));
        self.refuse(Status::unavailable(goaway.clone()));
        self.goaway = Some(goaway);
    }

    /// Handles the reset of a stream. The call is sent again if the peer has not processed it and its deadline has not passed.
    fn reset(
        &mut self,
        engine: &mut Connection,
        stream: StreamId,
        reason: Reason,
        cause: ResetCause,
        now: Instant,
    ) {
        let Some(call) = self.calls.get(&stream) else {
            return self.end_refused(engine, stream, None);
        };
        let details = call.exchange.details();
        let status = details.cut_off(status_of_reset(reason, &cause), now);
        if cause != ResetCause::Unprocessed {
            self.carried = Carried::Calls;
        }
        let is_unprocessed = cause == ResetCause::Unprocessed && !details.is_late(now);
        if !is_unprocessed || !self.try_again(engine, stream) {
            self.conclude(engine, stream, Outcome::local(status));
        }
    }

    /// Sends a call again that the peer has not processed, if its whole request is still in memory. It uses this connection,
    /// or another one if this one accepts no more calls. This happens once: a call that is refused twice fails, unless a
    /// retry policy applies (gRFC A6, "Transparent Retries").
    fn try_again(&mut self, engine: &Connection, stream: StreamId) -> bool {
        let Some(call) = self.calls.get_mut(&stream) else {
            return false;
        };
        if call.exchange.details().is_probe || !call.exchange.is_first_refusal() {
            return false;
        }
        let Some(sent) = call.kept.take() else {
            call.kept.lose();
            return false;
        };
        call.exchange.detach(sent);
        if let Some(call) = self.remove(stream) {
            if engine.takes_no_streams() {
                self.unseen.push_back(call.exchange);
            } else {
                self.origin.hand_back(call.exchange);
            }
        }
        true
    }

    /// Publishes the number of calls for which there is room, if the peer's limit of streams was ever reached.
    fn meter(&self, engine: &Connection) {
        if self.is_metered && self.link.set_room(engine.room()) {
            self.origin.has_room();
        }
    }

    /// Sends the caller's bytes, as far as the stream has room for them.
    fn send(&mut self, engine: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&stream) else {
            return;
        };
        loop {
            let mut part = call.exchange.take_request(engine.send_capacity(stream));
            if part.abandoned {
                engine.reset(stream, Reason::CANCEL);
                self.remove(stream);
                return;
            }
            if part.released > 0 {
                engine.release(stream, part.released);
            }
            if part.wanted > 0 {
                engine.want(stream, part.wanted, clock::now());
            }
            if call.sent {
                return;
            }
            while !part.data.is_empty() {
                let chunk = part.data.take(usize::MAX);
                call.kept.push(&chunk, &self.origin.budget);
                call.sent = part.end && part.data.is_empty();
                engine.send_data(stream, chunk, call.sent);
            }
            if part.end && !call.sent {
                call.sent = true;
                engine.send_data(stream, Bytes::new(), true);
            }
            if waits(engine, stream, part.has_more, part.held) {
                return;
            }
        }
    }

    fn remove(&mut self, stream: StreamId) -> Option<OpenCall> {
        let call = self.calls.remove(&stream)?;
        self.probes -= usize::from(call.exchange.details().is_probe);
        if let Some(deadline) = call.exchange.details().deadline {
            self.deadlines.remove(deadline, stream);
        }
        Some(call)
    }

    /// Sends GOAWAY once the last call has ended, if the connection is draining.
    fn finish_drain(&mut self, engine: &mut Connection) {
        if self.draining && self.calls.is_empty() && self.refused.len() == 0 {
            engine.go_away(Reason::NO_ERROR, "");
        }
    }
}
