//! Execution of handlers: the first poll runs inline, and a task of its own continues it if needed.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use super::context::ServicerContext;
use super::handlers::Method;
use super::inline_polling::PollTimes;
use super::start::Handling;
use crate::Result;
use crate::base::framing;
use crate::call::{Exchange, Panicked, panicked};
use crate::transport::Turn;

/// A handler and its call.
pub(crate) struct Running {
    handler: Handling,
    exchange: Arc<Exchange>,
}

impl Running {
    /// Creates a call of `method`. Nothing runs before its first poll.
    pub(crate) fn start(method: &Method, exchange: Arc<Exchange>) -> Running {
        let context = ServicerContext::new(Arc::clone(&exchange));
        Running {
            handler: method.start.call(context),
            exchange,
        }
    }

    /// Starts a call of `method` and polls it once, without a waker. A pending handler must continue in a task, whose first poll
    /// registers the actual wakers.
    pub(crate) fn start_inline(method: &Method, exchange: Arc<Exchange>) -> Option<Running> {
        let context = ServicerContext::new(Arc::clone(&exchange));
        let mut started = None;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let handler = started.insert(method.start.call_now(context));
            Pin::new(handler).poll(&mut Context::from_waker(Waker::noop()))
        }));
        match (Running::finish(&exchange, polled), started) {
            (Poll::Pending, Some(handler)) => Some(Running { handler, exchange }),
            _ => None,
        }
    }

    /// Returns whether the handler has been polled, because its request had arrived.
    pub(crate) fn has_begun(&self) -> bool {
        matches!(self.handler, Handling::Running(_))
    }

    /// Moves the handler to a task of its own.
    pub(crate) fn spawn(self) {
        tokio::spawn(HandlerTask::new(self));
    }

    /// Moves the handler to a task of its own, where it is polled for the first time.
    pub(crate) fn spawn_first(self, first: First) {
        tokio::spawn(HandlerTask {
            running: Some(self),
            first: Some(Box::new(first)),
        });
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            Pin::new(&mut self.handler).poll(context)
        }));
        Running::finish(&self.exchange, polled)
    }

    /// Ends the call if its handler has ended or panicked.
    fn finish(
        exchange: &Arc<Exchange>,
        polled: std::thread::Result<Poll<Result<Bytes>>>,
    ) -> Poll<()> {
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(panicked(
                Panicked::Handler,
                exchange.details(),
                panic.as_ref(),
            )),
        };
        let (last, result) = match result {
            Ok(last) if last.is_empty() => (last, Ok(())),
            Ok(last) => {
                let compression = exchange.encoding.of_next();
                (framing::compress(last, compression), Ok(()))
            }
            Err(status) => (Bytes::new(), Err(status)),
        };
        exchange.finish(last, result);
        Poll::Ready(())
    }
}

/// A handler in a task of its own. It drops the handler as soon as the call is over.
pub(crate) struct HandlerTask {
    running: Option<Running>,
    /// Set until the handler's first poll, whose duration is recorded.
    first: Option<Box<First>>,
}

/// The first poll of a handler in a task.
pub(crate) struct First {
    poll_times: Arc<PollTimes>,
    /// The handler's turn, if it is likely to compute.
    turn: Option<Turn>,
    /// Set if the task yields to others before the first poll.
    gives_way: bool,
    /// Set once the task has yielded.
    has_given_way: bool,
}

impl First {
    /// Creates a first poll that is not expected to take long.
    pub(crate) fn new(poll_times: &Arc<PollTimes>) -> First {
        First {
            poll_times: Arc::clone(poll_times),
            turn: None,
            gives_way: false,
            has_given_way: false,
        }
    }

    /// Creates a first poll that is likely to take long. With `gives_way`, for a multi-threaded runtime, the task yields once
    /// before this poll, so that tokio wakes another thread to check the sockets meanwhile. Without the yield, the task would run
    /// next on the thread that woke it, which is usually the thread that checks the sockets.
    pub(crate) fn long(poll_times: &Arc<PollTimes>, turn: Option<Turn>, gives_way: bool) -> First {
        First {
            turn,
            gives_way,
            ..First::new(poll_times)
        }
    }
}

impl HandlerTask {
    pub(crate) fn new(running: Running) -> HandlerTask {
        HandlerTask {
            running: Some(running),
            first: None,
        }
    }
}

impl Future for HandlerTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let HandlerTask { running, first } = &mut *self;
        let Some(handler) = running else {
            return Poll::Ready(());
        };
        let is_over = handler.exchange.poll_over(context).is_ready()
            || match first {
                None => handler.poll(context).is_ready(),
                Some(_) => poll_first(handler, first, context).is_ready(),
            };
        if !is_over {
            return Poll::Pending;
        }
        *first = None;
        drop_quietly(running.take());
        Poll::Ready(())
    }
}

/// Polls a handler for the first time, unless its request is incomplete.
fn poll_first(
    handler: &mut Running,
    slot: &mut Option<Box<First>>,
    context: &mut Context<'_>,
) -> Poll<()> {
    let Some(mut first) = slot.take() else {
        return handler.poll(context);
    };
    if first.gives_way && !first.has_given_way {
        first.has_given_way = true;
        *slot = Some(first);
        context.waker().wake_by_ref();
        return Poll::Pending;
    }
    let before = Instant::now();
    let polled = handler.poll(context);
    if handler.has_begun() {
        first.poll_times.note(before, Instant::now());
    } else {
        // Until the request has arrived, there is nothing to compute, so the turn is given up.
        first.turn = None;
        first.has_given_way = false;
        *slot = Some(first);
    }
    polled
}

/// Drops a handler, and catches a panic in its drop code.
fn drop_quietly(running: Option<Running>) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(running))));
}
