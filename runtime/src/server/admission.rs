//! From calls that have come on a connection to handlers that run.

use std::sync::Arc;
use std::time::Instant;

use super::connection::ServerSide;
use super::handlers::Method;
use super::pace::{FirstPoll, InlinePolling};
use super::task::{First, Running};
use crate::base::clock;
use crate::call::Exchange;
use crate::http2::{Connection, StreamId};
use crate::transport::Side;

/// How many handlers are started before other connections have their turn. Most first polls take a few microseconds; those of
/// methods that take 100 are made elsewhere.
const STARTS: usize = 64;

impl ServerSide {
    /// Starts the handlers of the calls that have come with the last read, at `now`; those that are likely to compute wait for
    /// their turn. Of many calls some wait until other connections have had theirs.
    pub(super) fn start_fresh(&mut self, engine: &mut Connection, now: Instant) {
        let mut fresh = std::mem::take(&mut self.fresh);
        let later = fresh.split_off(fresh.len().min(STARTS));
        let mut before = now;
        let polling = self.methods.options.inline_polling;
        let mut long: Option<Arc<Method>> = None;
        for (stream, method) in fresh.drain(..) {
            // A call may have been reset in the same read.
            let Some(call) = self.calls.get_mut(&stream) else {
                continue;
            };
            let exchange = Arc::clone(&call.exchange);
            call.started = true;
            engine.take(stream);
            let is_long = |long: &Arc<Method>| Arc::ptr_eq(long, &method);
            let first_poll = match method.pace.next(polling) {
                // One that has just taken long says enough of those that wait behind it.
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
                    self.start_in_task(engine, &method, &exchange, First::new(&method.pace));
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

    /// Lets a call wait for its turn, whose handler is likely to compute, once its request has come. One whose request is so long
    /// that it has to be used up meanwhile is started, and computes when it can.
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
            // The socket has just been looked at.
            self.turns.rest();
        } else if come < self.link.window() {
            call.held = Some(method);
        } else {
            let exchange = Arc::clone(&call.exchange);
            let first = First::long(&method.pace, None, self.turns.threads() > 1);
            self.start_in_task(engine, &method, &exchange, first);
        }
    }

    /// Drops the places of calls that have ended while they waited, once they are more than the others: a client may open and reset
    /// without end while one call before them has no turn.
    fn forget_ended(&mut self) {
        let calls = &self.calls;
        if self.waiting.len() > 2 * calls.len() {
            self.waiting
                .retain(|(stream, _)| calls.contains_key(stream));
        }
    }

    /// Starts handlers that are likely to compute, as many as have a turn.
    pub(super) fn start_waiting(&mut self, engine: &mut Connection) {
        let mut gave_some = false;
        while let Some((stream, method)) = self.waiting.front() {
            // It may have ended while it waited, or is about to.
            let call = self.calls.get(stream);
            let is_late = |deadline| deadline <= clock::now();
            if let Some(call) = call.filter(|call| !call.deadline.is_some_and(is_late)) {
                let (exchange, method) = (Arc::clone(&call.exchange), Arc::clone(method));
                let Some(turn) = self.turns.take() else {
                    return self.turns.await_more(gave_some, clock::now());
                };
                gave_some = true;
                let first = First::long(&method.pace, Some(turn), self.turns.threads() > 1);
                self.start_in_task(engine, &method, &exchange, first);
            }
            self.waiting.pop_front();
        }
        self.turns.await_none();
    }

    /// Starts a handler here; whether its first poll took long. `before` is when the one before it was done.
    fn start_inline(
        &mut self,
        engine: &mut Connection,
        method: &Method,
        exchange: &Arc<Exchange>,
        before: &mut Instant,
    ) -> bool {
        let running = Running::start_inline(method, Arc::clone(exchange));
        let after = Instant::now();
        let is_long = method.pace.note(*before, after);
        *before = after;
        // Whatever the first poll brought goes out, and from here on the call tells its connection of more.
        self.pump(engine, exchange);
        if running.is_some() {
            self.unread.push(exchange);
        }
        match running {
            Some(running) if running.has_begun() => running.spawn(),
            Some(running) => running.spawn_first(First::new(&method.pace)),
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
        // From here on the call tells its connection of what it has.
        self.pump(engine, exchange);
        running.spawn_first(first);
        self.unread.push(exchange);
        self.watch(engine, exchange);
    }

    /// Watches over the deadline of a call, if it has one and goes on.
    fn watch(&mut self, engine: &Connection, exchange: &Exchange) {
        let stream = exchange.stream();
        if let Some(deadline) = exchange.details().deadline {
            if self.calls.contains_key(&stream) || engine.is_sending(stream) {
                self.deadlines.insert(deadline, stream);
            }
        }
    }
}
