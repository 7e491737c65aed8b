//! A channel to handlers in this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::handlers::InProcess;
use crate::base::header::Header;
use crate::base::{Outcome, clock};
use crate::call::{Exchange, MessageLimits};
use crate::channel::connectivity::{Announcer, ChannelConnectivity, ConnectivityChanges};
use crate::channel::core::closed;
use crate::server::{InsideCalls, MethodTable};

/// Handlers in this process, which are always there, until the channel is closed.
pub(crate) struct Local {
    handlers: InProcess,
    is_closed: AtomicBool,
    announcer: Mutex<Announcer>,
}

impl Local {
    pub(crate) fn new(methods: Arc<MethodTable>, calls: Option<Arc<InsideCalls>>) -> Local {
        Local {
            handlers: InProcess::new(methods, calls),
            is_closed: AtomicBool::new(false),
            announcer: Mutex::new(Announcer::new(ChannelConnectivity::Ready)),
        }
    }

    pub(crate) fn start(&self, exchange: Arc<Exchange>) {
        if self.is_closed.load(Ordering::Relaxed) {
            return exchange.conclude(Outcome::local(closed()));
        }
        self.handlers.start(exchange);
    }

    /// What holds for a call of the method at `path`: no connection is there to tell the server's part of it.
    pub(crate) fn terms(
        &self,
        path: &Header,
        response: Option<usize>,
        deadline: Option<Instant>,
    ) -> (MessageLimits, Option<Instant>) {
        let rules = self.handlers.rules(path);
        let limits = MessageLimits {
            response: rules
                .limits
                .response
                .min(response.unwrap_or(crate::base::framing::MAX_RECEIVE_MESSAGE_LENGTH)),
            ..rules.limits
        };
        let deadline = match rules.timeout {
            Some(_) => rules.deadline(clock::now(), deadline),
            None => deadline,
        };
        (limits, deadline)
    }

    pub(crate) fn state(&self) -> ChannelConnectivity {
        self.announcer().state()
    }

    pub(crate) fn subscribe(&self) -> ConnectivityChanges {
        self.announcer().subscribe()
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.announcer().announce(ChannelConnectivity::Shutdown);
    }

    fn announcer(&self) -> MutexGuard<'_, Announcer> {
        self.announcer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
