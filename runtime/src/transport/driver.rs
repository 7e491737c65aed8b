//! The driver of an HTTP/2 connection: one task that owns the socket, the engine and the table of calls.
//!
//! Both roles share the loop: take what calls in other tasks have, read, hand events to the role, look at the clock, write
//! everything that came of it at once. What a role does with an event is its [`Side`].

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::yield_now;

use super::batching::Batching;
use super::turns::Turns;
use super::upkeep::{Duty, Upkeep, UpkeepConfig};
use super::{Farewell, Fill, Socket};
use crate::Status;
use crate::base::clock;
use crate::base::jitter::jitter;
use crate::call::{Alarm, Deadlines, Exchange, Link, Order};
use crate::http2::{Connection, Event, Reason, StreamId};

/// How many bytes are read before the calls have a turn. What has come is in the processor's cache then, and few buffers are in use.
const TURN: usize = 128 * 1024;

/// Before more calls than this are started it is worth looking whether the peer is still there.
const MANY: usize = 32;

/// What one role does with its calls.
pub(crate) trait Side: Unpin {
    /// Sends what a call has for the peer, as far as there is room for it.
    fn pump(&mut self, engine: &mut Connection, exchange: &Arc<Exchange>);

    /// Takes an event of the engine.
    fn event(&mut self, engine: &mut Connection, event: Event, now: Instant);

    /// How many calls have come that are still to be started.
    fn unstarted(&self) -> usize {
        0
    }

    /// All that there was to take has been taken; the last read was at `now`.
    fn settle(&mut self, engine: &mut Connection, now: Instant);

    /// Whether there is more to settle, once other connections have had their turn.
    fn is_behind(&self) -> bool {
        false
    }

    /// The other tasks have had a turn: what came long before it and was not read is here to stay.
    fn set_aside(&mut self);

    /// The deadlines of the open calls.
    fn deadlines(&mut self) -> &mut Deadlines<StreamId>;

    /// The deadline of a call has passed.
    fn expire(&mut self, engine: &mut Connection, stream: StreamId);

    /// How many calls are open.
    fn open_calls(&self) -> usize;

    /// The turns of handlers that compute, where there are handlers.
    fn turns(&mut self) -> Option<&mut Turns> {
        None
    }

    /// The owner of the connection wants it to end once its calls have.
    fn drain(&mut self, engine: &mut Connection);

    /// The connection is over: ends all calls, and the ones that never got to it.
    fn cut_off(&mut self, unsent: Vec<Arc<Exchange>>, why: &Status);
}

/// A connection. The future ends when it is closed and its calls have been told.
pub(crate) struct Driver<S: Side> {
    side: S,
    engine: Connection,
    socket: Socket,
    link: Arc<Link>,
    alarm: Alarm,
    upkeep: Upkeep,
    /// Set once the connection takes nothing any more.
    farewell: Option<Farewell>,
    order: Order,
    /// When the socket was read last.
    now: Instant,
    /// What [`Link::collect`] fills; kept for its room.
    batch: Vec<Arc<Exchange>>,
    /// How many bytes were read since the task has let others run.
    taken: usize,
    batching: Batching,
    /// The system may not have said yet what has become of the socket since it came.
    is_new: bool,
    on_many_threads: bool,
    /// The task has asked to run again once the runtime has looked at its sockets.
    rests: bool,
}

impl<S: Side> Driver<S> {
    /// Must be called where tokio runs.
    pub(crate) fn new(
        socket: Socket,
        engine: Connection,
        link: Arc<Link>,
        upkeep: UpkeepConfig,
        side: S,
    ) -> Driver<S> {
        let now = clock::now();
        Driver {
            side,
            engine,
            socket,
            link,
            alarm: Alarm::default(),
            upkeep: Upkeep::new(upkeep, now, jitter()),
            farewell: None,
            order: Order::Serve,
            now,
            batch: Vec::new(),
            taken: 0,
            batching: Batching::default(),
            is_new: true,
            on_many_threads: Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread,
            rests: false,
        }
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.side.set_aside();
        self.collect(context);
        self.taken = 0;
        if std::mem::take(&mut self.rests) {
            self.side.turns().into_iter().for_each(Turns::rest);
        }
        if self.side.is_behind() {
            // What is settled now has not taken the time since the last read.
            self.now = clock::now();
        }
        while self.farewell.is_none() {
            // A peer that does not take its answers is not read from.
            let reads = self.engine.wants_input();
            if !reads {
                // Whatever it says meanwhile is not heard. The write time-out watches over it.
                self.upkeep.heard(clock::now());
            }
            let has_read = reads && self.read(context);
            if self.side.unstarted() > MANY {
                if std::mem::take(&mut self.is_new) {
                    // The system is asked about sockets before this task goes on.
                    ready!(pin!(yield_now()).poll(context));
                }
                if self.socket.is_left() {
                    self.end(&left());
                    break;
                }
            }
            self.side.settle(&mut self.engine, self.now);
            self.upkeep
                .note_calls(self.side.open_calls() > 0, clock::now);
            self.check_time(context);
            if self.should_wait() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.flush(context) {
                Poll::Ready(Err(error)) => self.end(&lost(&error)),
                Poll::Ready(Ok(())) if self.engine.is_drained() => self.end(&stopped()),
                Poll::Ready(Ok(())) => {}
                // There may be a new time to watch.
                Poll::Pending => self.check_time(context),
            }
            let waits = !has_read && reads == self.engine.wants_input();
            if self.farewell.is_some() {
                break;
            }
            let is_behind = self.side.is_behind();
            if waits || is_behind || self.taken >= TURN {
                self.socket.rest();
                if !waits || is_behind {
                    context.waker().wake_by_ref();
                } else if self.side.turns().is_some_and(|turns| turns.want_rest()) {
                    self.rest(context);
                }
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Takes what calls in other tasks have for the peer, and what the owner of the connection has for its task.
    fn collect(&mut self, context: &Context<'_>) {
        let mut batch = std::mem::take(&mut self.batch);
        let order = self.link.collect(context, &mut batch);
        self.batching.resume(batch.len(), clock::now);
        for exchange in batch.drain(..) {
            self.side.pump(&mut self.engine, &exchange);
        }
        self.batch = batch;
        if order == self.order {
            return;
        }
        self.order = order;
        match order {
            Order::Serve => {}
            Order::Drain => self.side.drain(&mut self.engine),
            Order::Close => {
                self.engine.go_away(Reason::NO_ERROR, "stopped");
                self.end(&stopped());
            }
        }
    }

    /// Reads once, and lets the role take what came; says whether there may be more.
    fn read(&mut self, context: &mut Context<'_>) -> bool {
        match self.socket.poll_fill(context) {
            Poll::Pending => false,
            Poll::Ready(Ok(Fill::Data(count))) => {
                self.taken += count;
                let now = clock::now();
                let overdue = self.side.deadlines().next();
                if let Some(late) = overdue.and_then(|due| now.checked_duration_since(due)) {
                    self.engine.excuse(late);
                }
                let received = self.engine.receive(self.socket.input(), now);
                self.now = now;
                self.upkeep.heard(now);
                self.take_events();
                if let Err(error) = received {
                    self.end(&Status::unavailable(format!("connection error: {error}")));
                }
                true
            }
            Poll::Ready(Ok(Fill::End)) => {
                self.end(&left());
                true
            }
            Poll::Ready(Err(error)) => {
                self.end(&lost(&error));
                true
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.side.event(&mut self.engine, event, self.now);
        }
    }

    /// Writes all there is. What has gone out makes room for more, which follows at once.
    fn flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let output = self.engine.transmit();
            if output.is_empty() && self.socket.is_flushed() {
                self.upkeep.flushed();
                return Poll::Ready(Ok(()));
            }
            let flushed = self.socket.poll_flush(context, output);
            if flushed.is_pending() {
                self.upkeep.stalled(self.socket.written(), clock::now);
                return Poll::Pending;
            }
            ready!(flushed)?;
            self.take_events();
        }
    }

    fn check_time(&mut self, context: &mut Context<'_>) {
        while self.farewell.is_none() {
            let next = [
                self.side.deadlines().next(),
                self.engine.timeout(),
                self.upkeep.next(),
            ];
            let next = next.into_iter().flatten().min();
            let (computes, patience) = match self.side.turns() {
                Some(turns) => (
                    turns.are_taken() || turns.timeout().is_some(),
                    turns.timeout(),
                ),
                None => (false, None),
            };
            // While handlers keep its threads, the runtime does not look at its timers.
            let is_late = computes && next.is_some_and(|next| next <= clock::now());
            let alarm = [next, patience].into_iter().flatten().min();
            if !is_late {
                if self.alarm.poll(alarm, context).is_pending() {
                    return;
                }
                // Only a thread that has nothing else to do looks at timers.
                if let Some(turns) = self.side.turns() {
                    if turns.due(clock::now()) {
                        self.side.settle(&mut self.engine, self.now);
                    }
                }
            }
            self.on_time(clock::now());
        }
    }

    /// Does what is due.
    fn on_time(&mut self, now: Instant) {
        while let Some(stream) = self.side.deadlines().expired(now) {
            self.side.expire(&mut self.engine, stream);
        }
        if self.engine.timeout().is_some_and(|timeout| timeout <= now) {
            let in_time = self.engine.handle_timeout(now);
            self.take_events();
            if let Err(error) = in_time {
                return self.end(&Status::unavailable(format!("connection error: {error}")));
            }
        }
        while let Some(duty) = self.upkeep.due(now) {
            match duty {
                Duty::Ping => self.engine.ping(KEEPALIVE),
                Duty::Drain => self.side.drain(&mut self.engine),
                Duty::Close(why) => {
                    self.engine.go_away(Reason::NO_ERROR, why);
                    return self.end(&Status::unavailable(why));
                }
            }
        }
    }

    /// Whether to let handlers, or callers, in other tasks run before a flush. A handler that computes may be among them.
    fn should_wait(&mut self) -> bool {
        self.on_many_threads
            && self.side.open_calls() > 1
            && !self.engine.transmit().is_empty()
            && !self.side.turns().is_some_and(|turns| turns.are_taken())
            && self.batching.waits(clock::now())
    }

    /// Runs again when the runtime has looked at its sockets and timers, once its thread has nothing else to do.
    fn rest(&mut self, context: &mut Context<'_>) {
        self.rests = true;
        // It asks to be woken when it is polled first.
        let asked = pin!(tokio::task::yield_now()).poll(context);
        debug_assert!(asked.is_pending());
    }

    /// Ends all calls; what is in the output is still written.
    fn end(&mut self, why: &Status) {
        if self.farewell.is_none() {
            self.farewell = Some(Farewell::new(clock::now()));
            self.side.cut_off(self.link.close(), why);
        }
    }
}

impl<S: Side> Future for Driver<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.farewell.is_none() && this.poll_open(context).is_pending() {
            return Poll::Pending;
        }
        match &mut this.farewell {
            Some(farewell) => {
                let output = this.engine.transmit();
                farewell.poll(context, &mut this.socket, output, &mut this.alarm)
            }
            None => Poll::Ready(()),
        }
    }
}

impl<S: Side> Drop for Driver<S> {
    /// A runtime that shuts down drops its tasks; no call may hang on a connection that is not driven any more.
    fn drop(&mut self) {
        if self.farewell.is_none() {
            self.side.cut_off(self.link.close(), &stopped());
        }
    }
}

/// Whether a call has sent what it can: `has_more` says that it has more than there was room for, `held` that on a crowded
/// connection it adds nothing before what it has is on its way. Where it waits, an event says when to go on.
pub(crate) fn waits(engine: &mut Connection, stream: StreamId, has_more: bool, held: bool) -> bool {
    if held && engine.is_sending(stream) {
        engine.await_room(stream);
        return true;
    }
    let goes_on = held || (has_more && engine.send_capacity(stream) > 0);
    !goes_on
}

/// The payload of keepalive's pings; any answer will do.
const KEEPALIVE: [u8; 8] = *b"keepaliv";

fn left() -> Status {
    Status::unavailable("the peer closed the connection")
}

fn stopped() -> Status {
    Status::unavailable("the connection was closed on this side")
}

fn lost(error: &io::Error) -> Status {
    #[cfg(feature = "tls")]
    if let Some(refused) = super::tls::alert(error) {
        return Status::unavailable(format!("the connection was lost: {refused}"));
    }
    Status::unavailable(format!("the connection was lost: {error}"))
}
