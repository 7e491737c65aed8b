//! Running a handler: inline for its first poll, in a task of its own when that was not enough.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::context::ServicerContext;
use super::handlers::Method;
use super::start::Handling;
use crate::call::{Exchange, Panicked, panicked};
use crate::{Result, framing};

/// A handler and the call that it serves.
pub(crate) struct Running {
    handler: Handling,
    exchange: Arc<Exchange>,
}

impl Running {
    /// Starts a call of `method`, of which nothing runs before its first poll.
    pub(crate) fn start(method: &Method, exchange: Arc<Exchange>) -> Running {
        let context = ServicerContext::new(Arc::clone(&exchange));
        Running {
            handler: method.start.call(context),
            exchange,
        }
    }

    /// Starts a call of `method` and polls it for the first time, with nobody to wake. What is pending has to go on in a task,
    /// whose first poll leaves the wakers that count.
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

    /// Moves the handler to a task of its own.
    pub(crate) fn spawn(self) {
        tokio::spawn(HandlerTask::new(self));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            Pin::new(&mut self.handler).poll(context)
        }));
        Running::finish(&self.exchange, polled)
    }

    /// Ends the call if its handler has ended, or panicked.
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

/// A handler in a task of its own. It drops the handler as soon as the call is over, whoever ended it.
pub(crate) struct HandlerTask(Option<Running>);

impl HandlerTask {
    pub(crate) fn new(running: Running) -> HandlerTask {
        HandlerTask(Some(running))
    }
}

impl Future for HandlerTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(running) = &mut self.0 else {
            return Poll::Ready(());
        };
        if running.exchange.poll_over(context).is_ready() || running.poll(context).is_ready() {
            drop_quietly(self.0.take());
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// Drops a handler; a panic in its drop ends there.
fn drop_quietly(running: Option<Running>) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(running))));
}
