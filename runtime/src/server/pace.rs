//! Where handlers are polled first: by their connection, or in a task.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where a handler is polled for the first time. Most handlers are done after one poll, and need no task of their own; but while
/// a connection polls a handler, every other call of that connection waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InlinePolling {
    /// By its connection, unless the first polls of its method turn out to take long, 100 microseconds: the next 1,000 calls of that
    /// method are then moved to tasks at once. The default.
    #[default]
    Adaptive,
    /// By its connection, however long that takes: for servicers that are known never to compute for long.
    Always,
    /// In a task of its own.
    Never,
}

/// How long the first polls of a method take.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Calls that are still to be moved to a task before the method is tried inline again; zero when it is polled inline.
    moved: AtomicU32,
}

/// A first poll that takes longer is long: a hundred times what it costs to move a handler to a task.
const LONG: Duration = Duration::from_micros(100);

/// How many calls of a method are moved to tasks after a long first poll.
const MOVED: u32 = 1000;

impl Pace {
    /// Whether the next call is to be polled inline.
    pub(crate) fn is_inline(&self, polling: InlinePolling) -> bool {
        match polling {
            InlinePolling::Adaptive => self.was_short(),
            InlinePolling::Always => true,
            InlinePolling::Never => false,
        }
    }

    /// Takes note of a first poll between two instants.
    pub(crate) fn note(&self, before: Instant, after: Instant) {
        if after.saturating_duration_since(before) > LONG {
            self.moved.store(MOVED, Ordering::Relaxed);
        }
    }

    fn was_short(&self) -> bool {
        let left = self.moved.load(Ordering::Relaxed);
        if left > 0 {
            // A race between two connections costs at most a call or two more or less in tasks.
            self.moved.store(left - 1, Ordering::Relaxed);
        }
        left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_first_poll_moves_the_next_calls() {
        let pace = Pace::default();
        let before = Instant::now();
        pace.note(before, before + LONG);
        assert!(
            pace.is_inline(InlinePolling::Adaptive),
            "not longer than allowed"
        );
        pace.note(before, before + LONG * 2);
        for call in 0..MOVED {
            assert!(
                !pace.is_inline(InlinePolling::Adaptive),
                "call {call} after a long one"
            );
        }
        assert!(pace.is_inline(InlinePolling::Adaptive), "tried again");
    }

    #[test]
    fn a_choice_for_good_does_not_adapt() {
        let pace = Pace::default();
        assert!(!pace.is_inline(InlinePolling::Never));
        let before = Instant::now();
        pace.note(before, before + LONG * 2);
        assert!(pace.is_inline(InlinePolling::Always));
    }
}
