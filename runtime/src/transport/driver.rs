//! The driver of an HTTP/2 connection: one task that owns the socket, the engine and the table of calls.
//!
//! Both roles share the loop. It takes the data of calls in other tasks, reads, passes events to the role, checks the clock, and
//! writes everything at once. The role's part is its [`ConnectionRole`].

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
use super::{Closing, Fill, Socket};
use crate::Status;
use crate::base::jitter::jitter;
use crate::base::{clock, earliest};
use crate::call::{Alarm, Deadlines, Exchange, Link, Order};
use crate::http2::{Connection, Event, Reason, StreamId};

/// The number of bytes that are read before calls have their turn. With this limit, the bytes are still in the processor's cache
/// then, and few buffers are in use.
const TURN: usize = 128 * 1024;

/// The number of new calls above which it is worth checking first whether the peer is still there.
const MANY: usize = 32;

/// One role's part of the driver: the handling of its calls.
pub(crate) trait ConnectionRole: Unpin {
    /// Sends as much of a call's data as there is room for.
    fn pump(&mut self, engine: &mut Connection, exchange: &Arc<Exchange>);

    /// Handles an event of the engine.
    fn event(&mut self, engine: &mut Connection, event: Event, now: Instant);

    /// Returns the number of calls that have arrived and not been started.
    fn unstarted(&self) -> usize {
        0
    }

    /// Handles everything that has been read so far. The last read was at `now`.
    fn settle(&mut self, engine: &mut Connection, now: Instant);

    /// Returns whether there is more to settle, after other connections have had their turn.
    fn is_behind(&self) -> bool {
        false
    }

    /// Copies unread data of calls out of the read buffers. It is called after other tasks have had a turn.
    fn set_aside(&mut self);

    /// Returns the deadlines of the open calls.
    fn deadlines(&mut self) -> &mut Deadlines<StreamId>;

    /// Ends a call whose deadline has passed.
    fn expire(&mut self, engine: &mut Connection, stream: StreamId);

    /// Returns the number of open calls.
    fn open_calls(&self) -> usize;

    /// Returns the limit on the handlers that compute, on a server.
    fn turns(&mut self) -> Option<&mut Turns> {
        None
    }

    /// Begins to drain the connection: it ends once its calls have ended.
    fn drain(&mut self, engine: &mut Connection);

    /// Ends all calls when the connection is over, including those in `unsent` that were never started on it.
    fn cut_off(&mut self, unsent: Vec<Arc<Exchange>>, why: &Status);
}

/// A connection. The future completes when the connection is closed and all its calls have ended.
pub(crate) struct Driver<R: ConnectionRole> {
    role: R,
    engine: Connection,
    socket: Socket,
    link: Arc<Link>,
    alarm: Alarm,
    upkeep: Upkeep,
    /// Set once the connection accepts no more data and is closing.
    closing: Option<Closing>,
    order: Order,
    /// The time of the last read.
    now: Instant,
    /// A buffer for [`Link::collect`], kept to reuse its allocation.
    batch: Vec<Arc<Exchange>>,
    /// The number of bytes that were read since the task last yielded.
    taken: usize,
    batching: Batching,
    /// Set while the connection is so new that the system may not have reported its state.
    is_new: bool,
    on_many_threads: bool,
    /// Set if the task has asked to run again after the runtime has checked its sockets.
    has_yielded: bool,
}

impl<R: ConnectionRole> Driver<R> {
    /// Creates a driver. Must be called within a tokio runtime.
    pub(crate) fn new(
        socket: Socket,
        engine: Connection,
        link: Arc<Link>,
        upkeep: UpkeepConfig,
        role: R,
    ) -> Driver<R> {
        let now = clock::now();
        Driver {
            role,
            engine,
            socket,
            link,
            alarm: Alarm::default(),
            upkeep: Upkeep::new(upkeep, now, jitter()),
            closing: None,
            order: Order::Serve,
            now,
            batch: Vec::new(),
            taken: 0,
            batching: Batching::default(),
            is_new: true,
            on_many_threads: Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread,
            has_yielded: false,
        }
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.role.set_aside();
        self.collect(context);
        self.taken = 0;
        if std::mem::take(&mut self.has_yielded) {
            self.role.turns().into_iter().for_each(Turns::note_yield);
        }
        if self.role.is_behind() {
            // Settling takes time that has not passed since the last read.
            self.now = clock::now();
        }
        while self.closing.is_none() {
            // Don't read from a peer that does not accept its responses.
            let reads = self.engine.wants_input();
            if !reads {
                // The peer's silence is not its fault while nothing is read. The write timeout still applies.
                self.upkeep.heard(clock::now());
            }
            let has_read = reads && self.read(context);
            if self.role.unstarted() > MANY {
                if std::mem::take(&mut self.is_new) {
                    // The runtime checks its sockets before this task runs again.
                    ready!(pin!(yield_now()).poll(context));
                }
                if self.socket.is_closed_by_peer() {
                    self.end(&closed_by_peer());
                    break;
                }
            }
            self.role.settle(&mut self.engine, self.now);
            self.upkeep
                .note_calls(self.role.open_calls() > 0, clock::now);
            self.check_time(context);
            if self.should_wait() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.flush(context) {
                Poll::Ready(Err(error)) => self.end(&lost(&error)),
                Poll::Ready(Ok(())) if self.engine.is_drained() => self.end(&closed_here()),
                Poll::Ready(Ok(())) => {}
                // There may be a new timeout to watch.
                Poll::Pending => self.check_time(context),
            }
            let waits = !has_read && reads == self.engine.wants_input();
            if self.closing.is_some() {
                break;
            }
            let is_behind = self.role.is_behind();
            if waits || is_behind || self.taken >= TURN {
                self.socket.release_buffer();
                if !waits || is_behind {
                    context.waker().wake_by_ref();
                } else if self.role.turns().is_some_and(|turns| turns.want_yield()) {
                    self.yield_to_runtime(context);
                }
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Takes the data of calls in other tasks, and the order of the connection's owner.
    fn collect(&mut self, context: &Context<'_>) {
        let mut batch = std::mem::take(&mut self.batch);
        let order = self.link.collect(context, &mut batch);
        self.batching.resume(batch.len(), clock::now);
        for exchange in batch.drain(..) {
            self.role.pump(&mut self.engine, &exchange);
        }
        self.batch = batch;
        if order == self.order {
            return;
        }
        self.order = order;
        match order {
            Order::Serve => {}
            Order::Drain => self.role.drain(&mut self.engine),
            Order::Close => {
                self.engine.go_away(Reason::NO_ERROR, "stopped");
                self.end(&closed_here());
            }
        }
    }

    /// Reads once, and lets the role handle the data. Returns whether there may be more.
    fn read(&mut self, context: &mut Context<'_>) -> bool {
        match self.socket.poll_fill(context) {
            Poll::Pending => false,
            Poll::Ready(Ok(Fill::Data(count))) => {
                self.taken += count;
                let now = clock::now();
                let overdue = self.role.deadlines().next();
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
                self.end(&closed_by_peer());
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
            self.role.event(&mut self.engine, event, self.now);
        }
    }

    /// Writes all output. Written data makes room for more, which is written at once.
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
        while self.closing.is_none() {
            let next = earliest([
                self.role.deadlines().next(),
                self.engine.timeout(),
                self.upkeep.next(),
            ]);
            let (computes, patience) = match self.role.turns() {
                Some(turns) => (
                    turns.are_taken() || turns.timeout().is_some(),
                    turns.timeout(),
                ),
                None => (false, None),
            };
            // The runtime does not check its timers while handlers occupy its threads.
            let is_late = computes && next.is_some_and(|next| next <= clock::now());
            let alarm = earliest([next, patience]);
            if !is_late {
                if self.alarm.poll(alarm, context).is_pending() {
                    return;
                }
                // Only an idle thread checks timers.
                if let Some(turns) = self.role.turns() {
                    if turns.due(clock::now()) {
                        self.role.settle(&mut self.engine, self.now);
                    }
                }
            }
            self.on_time(clock::now());
        }
    }

    /// Performs everything that is due.
    fn on_time(&mut self, now: Instant) {
        while let Some(stream) = self.role.deadlines().expired(now) {
            self.role.expire(&mut self.engine, stream);
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
                Duty::Drain => self.role.drain(&mut self.engine),
                Duty::Close(why) => {
                    self.engine.go_away(Reason::NO_ERROR, why);
                    return self.end(&Status::unavailable(why));
                }
            }
        }
    }

    /// Returns whether handlers or callers in other tasks should run before a flush. One of them may be a handler that computes.
    fn should_wait(&mut self) -> bool {
        self.on_many_threads
            && self.role.open_calls() > 1
            && !self.engine.transmit().is_empty()
            && !self.role.turns().is_some_and(|turns| turns.are_taken())
            && self.batching.waits(clock::now())
    }

    /// Yields until the runtime has checked its sockets and timers, which it does once its thread is idle.
    fn yield_to_runtime(&mut self, context: &mut Context<'_>) {
        self.has_yielded = true;
        // The first poll schedules the wake-up.
        let asked = pin!(tokio::task::yield_now()).poll(context);
        debug_assert!(asked.is_pending());
    }

    /// Ends all calls. Output that is queued is still written.
    fn end(&mut self, why: &Status) {
        if self.closing.is_none() {
            self.closing = Some(Closing::new(clock::now()));
            self.role.cut_off(self.link.close(), why);
        }
    }
}

impl<R: ConnectionRole> Future for Driver<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.closing.is_none() && this.poll_open(context).is_pending() {
            return Poll::Pending;
        }
        match &mut this.closing {
            Some(closing) => {
                let output = this.engine.transmit();
                closing.poll(context, &mut this.socket, output, &mut this.alarm)
            }
            None => Poll::Ready(()),
        }
    }
}

impl<R: ConnectionRole> Drop for Driver<R> {
    /// A runtime that shuts down drops its tasks. No call may wait for a connection that nothing drives any more.
    fn drop(&mut self) {
        if self.closing.is_none() {
            self.role.cut_off(self.link.close(), &closed_here());
        }
    }
}

/// Returns whether a call has sent everything that it can for now. `has_more` is set if it has more data than there was room
/// for. `held` is set if the connection is crowded, so that the call must not add data before its earlier data has been sent. If
/// the call has to wait, an event reports when it may continue.
pub(crate) fn waits(engine: &mut Connection, stream: StreamId, has_more: bool, held: bool) -> bool {
    if held && engine.is_sending(stream) {
        engine.await_room(stream);
        return true;
    }
    let goes_on = held || (has_more && engine.send_capacity(stream) > 0);
    !goes_on
}

/// The payload of keepalive pings. Any response counts, so it is not compared.
const KEEPALIVE: [u8; 8] = *b"keepaliv";

fn closed_by_peer() -> Status {
    Status::unavailable("the peer closed the connection")
}

fn closed_here() -> Status {
    Status::unavailable("the connection was closed on this side")
}

fn lost(error: &io::Error) -> Status {
    #[cfg(feature = "tls-no-provider")]
    if let Some(refused) = super::tls::alert(error) {
        return Status::unavailable(format!("the connection was lost: {refused}"));
    }
    Status::unavailable(format!("the connection was lost: {error}"))
}
