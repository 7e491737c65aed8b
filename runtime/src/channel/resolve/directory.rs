//! The addresses that a channel's target has, and when they are looked for again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::base::jitter::jitter;
use crate::channel::connect::address::Address;
use crate::channel::connect::backoff::{Backoff, BackoffConfig};

/// Names are not resolved more often than this, whatever is lost meanwhile; gRPC's default for DNS.
const MIN_BETWEEN: Duration = Duration::from_secs(30);

/// The addresses that a channel's target has. Time comes in.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    addresses: Option<Arc<[Address]>>,
    /// What resolves names, and waits for changes after.
    task: Option<AbortHandle>,
    is_resolving: bool,
    /// When names were resolved last.
    resolved_at: Option<Instant>,
    /// When to resolve them again.
    due: Option<Instant>,
    backoff: Backoff,
}

impl Directory {
    /// The addresses, once any are known.
    pub(crate) fn addresses(&self) -> Option<&Arc<[Address]>> {
        self.addresses.as_ref()
    }

    /// Whether addresses are known that were looked up just now.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let until = self.resolved_at.and_then(|at| at.checked_add(MIN_BETWEEN));
        self.addresses.is_some() && until.is_some_and(|until| now < until)
    }

    pub(crate) fn is_resolving(&self) -> bool {
        self.is_resolving
    }

    /// When to begin to resolve names.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Names are being resolved by a task.
    pub(crate) fn resolving(&mut self, task: AbortHandle) {
        self.stop();
        self.task = Some(task);
        self.is_resolving = true;
        self.due = None;
    }

    /// These are the addresses now.
    pub(crate) fn resolved(&mut self, addresses: Arc<[Address]>, now: Instant) {
        self.addresses = Some(addresses);
        self.is_resolving = false;
        self.resolved_at = Some(now);
        self.backoff.reset();
    }

    /// There are none to be found now; those that are known stay.
    pub(crate) fn failed(&mut self, config: BackoffConfig, now: Instant) {
        self.is_resolving = false;
        self.due = now.checked_add(self.backoff.next(config, jitter()));
    }

    /// The addresses may have changed: they are looked for, as soon as may be.
    pub(crate) fn doubt(&mut self, now: Instant) {
        if self.is_resolving || self.due.is_some() {
            return;
        }
        let earliest = self.resolved_at.and_then(|at| at.checked_add(MIN_BETWEEN));
        self.due = Some(earliest.map_or(now, |earliest| earliest.max(now)));
    }

    /// The addresses have changed, by the word of who knows them.
    pub(crate) fn refute(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Failures so far count no more.
    pub(crate) fn reset_backoff(&mut self, now: Instant) {
        self.backoff.reset();
        self.due = self.due.map(|due| due.min(now));
    }

    /// Nobody wants to know: nothing is tried again by itself.
    pub(crate) fn rest(&mut self) {
        self.due = None;
    }

    /// Looks for nothing any more. What is known is to be looked up again before it is used.
    pub(crate) fn stop(&mut self) {
        self.resolved_at = None;
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.is_resolving = false;
        self.due = None;
    }
}
