//! The addresses of a channel's target, and the schedule of their resolution.

use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::resolver::Resolution;
use crate::base::backoff::{Backoff, BackoffConfig};
use crate::base::jitter::jitter;

/// The minimum time between two resolutions, even if connections are lost meanwhile. It is gRPC's default for DNS.
const MIN_BETWEEN: Duration = Duration::from_secs(30);

/// The addresses of a channel's target, and the schedule of their resolution. Its methods take the time, because it has no clock.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    resolution: Option<Resolution>,
    /// The task that resolves names and then waits for changes.
    task: Option<AbortHandle>,
    is_resolving: bool,
    /// The last time that names were resolved.
    resolved_at: Option<Instant>,
    /// The next time to resolve names.
    due: Option<Instant>,
    backoff: Backoff,
}

impl Directory {
    /// Returns the last resolution, if there was one.
    pub(crate) fn resolution(&self) -> Option<&Resolution> {
        self.resolution.as_ref()
    }

    /// Returns whether the addresses were looked up just now.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let until = self.resolved_at.and_then(|at| at.checked_add(MIN_BETWEEN));
        self.resolution.is_some() && until.is_some_and(|until| now < until)
    }

    pub(crate) fn is_resolving(&self) -> bool {
        self.is_resolving
    }

    /// Returns the next time to resolve names.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Remembers the task that resolves names now, to stop it later.
    pub(crate) fn resolving(&mut self, task: AbortHandle) {
        self.stop();
        self.task = Some(task);
        self.is_resolving = true;
        self.due = None;
    }

    /// Keeps a new resolution.
    pub(crate) fn resolved(&mut self, resolution: Resolution, now: Instant) {
        self.resolution = Some(resolution);
        self.is_resolving = false;
        self.resolved_at = Some(now);
        self.backoff.reset();
    }

    /// Schedules another resolution after a failed one. Known addresses are kept.
    pub(crate) fn failed(&mut self, config: BackoffConfig, now: Instant) {
        self.is_resolving = false;
        self.due = now.checked_add(self.backoff.next(config, jitter()));
    }

    /// Schedules a resolution, because the addresses may have changed.
    pub(crate) fn doubt(&mut self, now: Instant) {
        if self.is_resolving || self.due.is_some() {
            return;
        }
        let earliest = self.resolved_at.and_then(|at| at.checked_add(MIN_BETWEEN));
        self.due = Some(earliest.map_or(now, |earliest| earliest.max(now)));
    }

    /// Schedules a resolution at once, because the resolver has announced a change.
    pub(crate) fn refute(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Forgets past failures.
    pub(crate) fn reset_backoff(&mut self, now: Instant) {
        self.backoff.reset();
        self.due = self.due.map(|due| due.min(now));
    }

    /// Cancels the next scheduled resolution.
    pub(crate) fn rest(&mut self) {
        self.due = None;
    }

    /// Stops resolving. Known addresses must be resolved again before they are used.
    pub(crate) fn stop(&mut self) {
        self.resolved_at = None;
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.is_resolving = false;
        self.due = None;
    }
}
