//! The short way: a caller and a handler that share an exchange.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::Status;
use crate::base::header::Header;
use crate::base::{Outcome, clock, wire};
use crate::call::{Alarm, Exchange};
use crate::server::{HandlerTask, InsideCalls, MethodTable, Rules, Running};

/// Handlers that are called without a connection.
#[derive(Clone)]
pub(crate) struct InProcess {
    methods: Arc<MethodTable>,
    /// Of handlers that are a server's: what the server has in view.
    calls: Option<Arc<InsideCalls>>,
}

impl InProcess {
    pub(crate) fn new(methods: Arc<MethodTable>, calls: Option<Arc<InsideCalls>>) -> InProcess {
        InProcess { methods, calls }
    }

    /// What holds for the calls of the method at `path`.
    pub(crate) fn rules(&self, path: &Header) -> Rules {
        self.methods
            .find(path.value())
            .map_or_else(Rules::default, |(_, rules)| rules)
    }

    /// Runs a call. The handler is polled once here, in the caller's task; what is pending then goes on in a task of its
    /// own.
    pub(crate) fn start(&self, exchange: Arc<Exchange>) {
        if !self.calls.as_ref().is_none_or(|calls| calls.are_taken()) {
            let status = Status::unavailable("the server is stopping, or has been stopped");
            return exchange.conclude(Outcome::local(status));
        }
        let details = exchange.details();
        if details.deadline.is_some_and(|at| at <= clock::now()) {
            let status = Status::deadline_exceeded("the deadline of the call has passed");
            return exchange.conclude(Outcome::local(status));
        }
        let Some((method, _)) = self.methods.find(details.path.value()) else {
            let status = wire::unknown_method(details.path.value());
            return exchange.conclude(Outcome::local(status));
        };
        let Some(running) = Running::start_inline(method, Arc::clone(&exchange)) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return exchange.conclude(Outcome::local(Status::failed_precondition(
                "an in-process call whose handler waits needs a tokio runtime around it",
            )));
        };
        if let Some(calls) = &self.calls {
            calls.keep(&exchange);
        }
        runtime.spawn(Timed {
            handler: HandlerTask::new(running),
            exchange,
            alarm: Alarm::default(),
        });
    }
}

/// A handler in a task of its own, which watches over the call's deadline: no connection does.
struct Timed {
    handler: HandlerTask,
    exchange: Arc<Exchange>,
    alarm: Alarm,
}

impl Future for Timed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let deadline = this.exchange.details().deadline;
        if this.alarm.poll(deadline, context).is_ready() {
            this.exchange
                .conclude(Outcome::local(Status::deadline_exceeded(
                    "the deadline of the call has passed",
                )));
        }
        Pin::new(&mut this.handler).poll(context)
    }
}
