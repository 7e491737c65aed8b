//! The start of handlers for the calls that arrive on a connection.

use std::sync::Arc;
use std::time::Instant;

use super::connection::ServerRole;
use super::handlers::Method;
use super::inline_polling::{FirstPoll, InlinePolling};
use super::task::{First, Running};
use crate::base::clock;
use crate::call::Exchange;
use crate::http2::{Connection, StreamId};
use crate::transport::ConnectionRole;

/// The number of handlers that are started before other connections have their turn. Most first polls take a few microseconds;
/// methods whose polls take 100 run elsewhere.
const STARTS: usize = 64;

impl ServerRole {
    /// Starts the handlers of the calls that arrived with the last read, at `now`. Handlers that are likely to compute wait for
    /// their turn. If there are many calls, some wait until other connections have had their turn.
    pub(super) fn start_fresh(&mut self, engine: &mut Connection, now: Instant) {
        let mut fresh = std::mem::take(&mut self.fresh);
        let later = fresh.split_off(fresh.len().min(STARTS));
        let mut before = now;
        let polling = self.methods.options.inline_polling;
        let mut long: Option<Arc<Method>> = None;
        for (stream, method) in fresh.drain(..) {
            // The call may have been reset in the same read.
            let Some(call) = self.calls.get_mut(&stream) else {
                continue;
            };
            let exchange = Arc::clone(&call.exchange);
            call.started = true;
            engine.take(stream);
            let is_long = |long: &Arc<Method>| Arc::ptr_eq(long, &method);
            let first_poll = match method.poll_times.next(polling) {
                // A method that has just taken long will probably take long for the following calls too.
                FirstPoll::Inline if long.as_ref().is_some_and(is_long) => FirstPoll::Long,
                first_poll => first_poll,
            };
            match first_poll {
                FirstPoll::Inline => {
                    let is_long = self.start_inline(engine, &method, &exchange, &mut before);
                    if is_long && polling == InlinePolling::Adaptive {
                        long = Some(method);
                    }
                }
                FirstPoll::Moved => {
                    self.start_in_task(engine, &method, &exchange, First::new(&method.poll_times));
                }
                FirstPoll::Long => {
                    call.held = Some(method);
                    self.unread.push(&exchange);
                    self.watch(engine, &exchange);
                    self.admit(engine, stream);
                }
            }
        }
        fresh.extend(later);
        self.fresh = fresh;
    }

    /// Queues a call whose handler is likely to compute, until it has a turn and its whole request has arrived. If the request
    /// is too large to be held back, the call is started at once, without a turn.
    pub(super) fn admit(&mut self, engine: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&stream) else {
            return;
        };
        let Some(method) = call.held.take() else {
            return;
        };
        let (come, is_whole) = call.exchange.request_so_far();
        if is_whole || !method.takes_one_request {
            self.waiting.push_back((stream, method));
            self.forget_ended();
            // The socket was read just before this.
            self.turns.note_yield();
        } else if come < self.link.window() {
            call.held = Some(method);
        } else {
            let exchange = Arc::clone(&call.exchange);
            let first = First::long(&method.poll_times, None, self.turns.threads() > 1);
            self.start_in_task(engine, &method, &exchange, first);
        }
    }

    /// Removes ended calls from the queue once they outnumber the open ones. Otherwise a client could open and reset calls
    /// without end while one call before them waits for a turn.
    fn forget_ended(&mut self) {
        let calls = &self.calls;
        if self.waiting.len() > 2 * calls.len() {
            self.waiting
                .retain(|(stream, _)| calls.contains_key(stream));
        }
    }

    /// Starts as many handlers that are likely to compute as have a turn.
    pub(super) fn start_waiting(&mut self, engine: &mut Connection) {
        let mut gave_some = false;
        while let Some((stream, method)) = self.waiting.front() {
            // The call may have ended while it waited, or its deadline may have passed.
            let call = self.calls.get(stream);
            let is_late = |deadline| deadline <= clock::now();
            if let Some(call) = call.filter(|call| !call.deadline.is_some_and(is_late)) {
                let (exchange, method) = (Arc::clone(&call.exchange), Arc::clone(method));
                let Some(turn) = self.turns.take() else {
                    return self.turns.await_more(gave_some, clock::now());
                };
                gave_some = true;
                let first = First::long(&method.poll_times, Some(turn), self.turns.threads() > 1);
                self.start_in_task(engine, &method, &exchange, first);
            }
            self.waiting.pop_front();
        }
        self.turns.await_none();
    }

    /// Starts a handler inline. Returns whether its first poll took long. `before` is the time at which the previous one ended.
    fn start_inline(
        &mut self,
        engine: &mut Connection,
        method: &Method,
        exchange: &Arc<Exchange>,
        before: &mut Instant,
    ) -> bool {
        let running = Running::start_inline(method, Arc::clone(exchange));
        let after = Instant::now();
        let is_long = method.poll_times.note(*before, after);
        *before = after;
        // Sends what the first poll produced. From now on, the call notifies the connection of more.
        self.pump(engine, exchange);
        if running.is_some() {
            self.unread.push(exchange);
        }
        match running {
            Some(running) if running.has_begun() => running.spawn(),
            Some(running) => running.spawn_first(First::new(&method.poll_times)),
            None => {}
        }
        self.watch(engine, exchange);
        is_long
    }

    /// Starts a handler in a task of its own.
    fn start_in_task(
        &mut self,
        engine: &mut Connection,
        method: &Method,
        exchange: &Arc<Exchange>,
        first: First,
    ) {
        let running = Running::start(method, Arc::clone(exchange));
        // From now on, the call notifies the connection of its data.
        self.pump(engine, exchange);
        running.spawn_first(first);
        self.unread.push(exchange);
        self.watch(engine, exchange);
    }

    /// Watches the deadline of a call, if the call has one and has not ended.
    fn watch(&mut self, engine: &Connection, exchange: &Exchange) {
        let stream = exchange.stream();
        if let Some(deadline) = exchange.details().deadline {
            if self.calls.contains_key(&stream) || engine.is_sending(stream) {
                self.deadlines.insert(deadline, stream);
            }
        }
    }
}
