//! The decision whether a flush waits for more data.

use std::time::{Duration, Instant};

/// The time since the last flush within which the next one is delayed, because more data is likely to come soon. Handlers that
/// compute for longer never delay a flush.
const SOON: Duration = Duration::from_micros(200);

/// The maximum worthwhile wait for each call. A wait is too long if it took longer than this for each call whose data it
/// collected, because it has cost these calls more time than it saved.
const WORTH: Duration = Duration::from_micros(500);

/// The weight of a long wait. Each other wait lowers the weight by one. Waiting pauses at three times this weight. A single long
/// wait means little, because the system may have suspended the thread.
const LONG: u32 = 8;

/// The duration of a pause, as a multiple of the duration of a long wait.
const PAUSE: u32 = 250;

/// Decides whether a connection lets other tasks run before it flushes, so that one write also carries their data.
///
/// The scheduler of a multi-threaded runtime runs a connection's task after every handler that ends. Without waiting, each call
/// would be a write of its own. But a task that yields is queued behind all other tasks, and if these compute, data that is ready
/// is delayed. Therefore a flush only waits if it closely follows another one, and waiting pauses once it has taken too long.
#[derive(Debug, Default)]
pub(crate) struct Batching {
    /// The time of the last flush.
    flushed: Option<Instant>,
    /// The time at which the pending flush began to wait.
    waits: Option<Instant>,
    /// Set after the flush has waited once.
    has_waited: bool,
    /// The weight of recent long waits.
    weight: u32,
    /// The end of the pause, during which no flush waits.
    paused: Option<Instant>,
}

impl Batching {
    /// Returns whether a flush should wait until the task runs again.
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

    /// Ends a wait when the task runs again with data of `calls` calls. The clock is read only if a flush was waiting.
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
            // The first wait after the pause either lowers the weight or starts the next pause.
            self.weight = 2 * LONG;
            self.paused = now.checked_add(took.saturating_mul(PAUSE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    /// Waits for `took` and for `calls` calls. Returns the time afterwards.
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
    fn flushes_in_quick_succession_wait() {
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
