//! The transport to handlers in this process: caller and handler share an exchange.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::base::header::Header;
use crate::base::{Outcome, clock, wire};
use crate::call::connectivity::{Announcer, ChannelConnectivity, ConnectivityChanges};
use crate::call::transport::{Transport, closed};
use crate::call::{Alarm, CallDetails, Exchange, Peer};
use crate::server::{HandlerTask, InProcessCalls, MethodTable, Running};
use crate::{Compression, Result, Status};

/// The transport to handlers in this process, which are called without a connection.
pub(crate) struct InProcess {
    methods: Arc<MethodTable>,
    /// The record of in-process calls, if the handlers belong to a server.
    calls: Option<Arc<InProcessCalls>>,
    is_closed: AtomicBool,
    announcer: Mutex<Announcer>,
}

impl InProcess {
    pub(crate) fn new(methods: Arc<MethodTable>, calls: Option<Arc<InProcessCalls>>) -> InProcess {
        InProcess {
            methods,
            calls,
            is_closed: AtomicBool::new(false),
            announcer: Mutex::new(Announcer::new(ChannelConnectivity::Ready)),
        }
    }

    fn announcer(&self) -> MutexGuard<'_, Announcer> {
        self.announcer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for InProcess {
    /// Applies the limits of the method, because no connection does.
    fn prepare(&self, call: &mut CallDetails) -> Result<()> {
        let found = self.methods.find(call.path.value());
        let rules = found.map_or_else(Default::default, |(_, rules)| rules);
        call.limits.request = rules.limits.request;
        call.limits.request_memory = rules.limits.request_memory;
        call.limits.response = rules.limits.response.min(call.limits.response);
        if rules.timeout.is_some() {
            call.deadline = rules.deadline(clock::now(), call.deadline);
        }
        call.compression = Compression::Identity;
        call.peer = Peer::in_process();
        Ok(())
    }

    /// Runs a call. The handler is polled once in the caller's task. If it is pending then, it continues in a task of
    /// its own.
    fn start(&self, exchange: Arc<Exchange>) {
        if self.is_closed.load(Ordering::Relaxed) {
            return exchange.conclude(Outcome::local(closed()));
        }
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

    fn authority(&self) -> Option<Header> {
        None
    }

    fn asks_credentials(&self) -> bool {
        false
    }

    fn state(&self, _try_to_connect: bool) -> ChannelConnectivity {
        self.announcer().state()
    }

    fn subscribe(&self) -> ConnectivityChanges {
        self.announcer().subscribe()
    }

    fn reset_connect_backoff(&self) {}

    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.announcer().announce(ChannelConnectivity::Shutdown);
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("in-process")
    }
}

/// A handler in a task of its own, which also enforces the call's deadline, because no connection does.
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
