//! Whether a flush waits for more.

use std::time::{Duration, Instant};

/// What follows a flush sooner than this is worth a wait: others are about to add to it. Handlers that compute for longer never
/// make a flush wait.
const SOON: Duration = Duration::from_micros(200);

/// A wait that took longer for each call that it brought has delayed them by more than it saved.
const WORTH: Duration = Duration::from_micros(500);

/// Long waits weigh so much, and others take one off. At three times as much nothing waits for some time. A single one says
/// little: the system may have taken the processor away from the thread.
const LONG: u32 = 8;

/// For so many times as long as a long wait took, nothing waits.
const PAUSE: u32 = 250;

/// Decides whether a connection lets other tasks run before it flushes, so that one write carries what they add.
///
/// The scheduler of a runtime with several threads runs a connection's task after every handler that has ended: without a wait
/// each call would be a write of its own. But a task that yields goes behind every task that is queued, and what those compute
/// delays what is ready to go. So what comes alone is flushed at once, and only what comes in quick succession waits; and when
/// waits turn out to take long, there are none for some time.
#[derive(Debug, Default)]
pub(crate) struct Batching {
    /// When the last flush was.
    flushed: Option<Instant>,
    /// Since when a flush waits.
    waits: Option<Instant>,
    /// The flush has waited.
    has_waited: bool,
    /// How much the long waits of late weigh.
    weight: u32,
    /// Until when none waits.
    paused: Option<Instant>,
}

impl Batching {
    /// Whether the flush that is due is to wait until the task runs again.
    pub(crate) fn waits(&mut self, now: Instant) -> bool {
        let is_soon = |flushed| now.saturating_duration_since(flushed) < SOON;
        let waits = !std::mem::take(&mut self.has_waited)
            && self.flushed.is_some_and(is_soon)
            && self.paused.is_none_or(|paused| paused <= now);
        if waits {
            self.waits = Some(now);
        } else {
            self.flushed = Some(now);
        }
        waits
    }

    /// The task runs again, with `calls` that have something to send. The clock is read only after a wait.
    pub(crate) fn resume(&mut self, calls: usize, clock: impl FnOnce() -> Instant) {
        let Some(began) = self.waits.take() else {
            return;
        };
        self.has_waited = true;
        let now = clock();
        let took = now.saturating_duration_since(began);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX).max(2);
        if took <= WORTH.saturating_mul(calls) {
            self.weight = self.weight.saturating_sub(1);
            return;
        }
        self.weight += LONG;
        if self.weight >= 3 * LONG {
            // The first one after the pause may end it, or begin the next.
            self.weight = 2 * LONG;
            self.paused = now.checked_add(took.saturating_mul(PAUSE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    /// Waits for so long, and for so many calls; returns when it is over.
    fn wait(batching: &mut Batching, from: Instant, took: Duration, calls: u32) -> Instant {
        assert!(batching.waits(from));
        batching.resume(calls as usize, || from + took);
        assert!(!batching.waits(from + took), "once is enough");
        from + took
    }

    #[test]
    fn row_80_what_comes_alone_goes_at_once() {
        let (mut batching, mut now) = (Batching::default(), Instant::now());
        for _ in 0..10 {
            assert!(!batching.waits(now));
            batching.resume(1, || unreachable!("nothing has waited"));
            now += SOON;
        }
    }

    #[test]
    fn what_comes_in_quick_succession_waits() {
        let (mut batching, mut now) = (Batching::default(), Instant::now());
        assert!(!batching.waits(now));
        for calls in [2, 30, 1_000].repeat(10) {
            now = wait(&mut batching, now + 10 * MICROSECOND, WORTH * calls, calls);
        }
    }

    #[test]
    fn a_long_wait_now_and_then_changes_nothing() {
        let (mut batching, mut now) = (Batching::default(), Instant::now());
        assert!(!batching.waits(now));
        for _ in 0..10 {
            now = wait(&mut batching, now, WORTH * 20, 1);
            for _ in 0..LONG {
                now = wait(&mut batching, now, MICROSECOND, 1);
            }
        }
    }

    #[test]
    fn row_80_waits_behind_what_computes_end_after_three() {
        let (mut batching, mut now) = (Batching::default(), Instant::now());
        assert!(!batching.waits(now));
        let took = Duration::from_millis(5);
        for _ in 0..3 {
            now = wait(&mut batching, now, took, 4);
        }
        let end = now + took * PAUSE;
        while now + 20 * MICROSECOND < end {
            now += 20 * MICROSECOND;
            assert!(!batching.waits(now));
        }
        wait(&mut batching, now + 20 * MICROSECOND, took, 4);
    }
}
