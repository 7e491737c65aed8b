//! Where handlers are polled first: by their connection, or in a task.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where a handler is polled for the first time. Most handlers are done after one poll, and need no task of their own; but while
/// a connection polls a handler, every other call of that connection waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InlinePolling {
    /// By its connection, unless the first polls of its method turn out to take long, 100 microseconds, two among a hundred: the
    /// next 1,000 calls of that method are then moved to tasks at once. A connection runs as many of them at a time as the
    /// runtime has threads, each until its first await that waits. The default.
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
    /// Calls in which one more long first poll moves the next.
    suspect: AtomicU32,
}

/// A first poll that takes longer is long: a hundred times what it costs to move a handler to a task.
const LONG: Duration = Duration::from_micros(100);

/// How many calls of a method are moved to tasks after two long first polls.
const MOVED: u32 = 1000;

/// How many first polls may be between the two. A single one says little: the system may have taken the processor away from the
/// thread in the middle of it, as it does every few thousand calls where threads are more than processors.
const SUSPECT: u32 = 100;

/// Where the handler of a call is polled for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstPoll {
    /// By the connection.
    Inline,
    /// In a task.
    Moved,
    /// In a task, in which it is likely to compute for long.
    Long,
}

impl Pace {
    /// Where the handler of the next call is polled first.
    pub(crate) fn next(&self, polling: InlinePolling) -> FirstPoll {
        match polling {
            InlinePolling::Always => FirstPoll::Inline,
            _ if !self.was_short() => FirstPoll::Long,
            InlinePolling::Adaptive => FirstPoll::Inline,
            InlinePolling::Never => FirstPoll::Moved,
        }
    }

    /// Takes note of a first poll between two instants, wherever it was; returns whether it was long.
    pub(crate) fn note(&self, before: Instant, after: Instant) -> bool {
        let is_long = after.saturating_duration_since(before) > LONG;
        let suspect = self.suspect.load(Ordering::Relaxed);
        match (is_long, suspect) {
            (false, 0) => {}
            (false, _) => self.suspect.store(suspect - 1, Ordering::Relaxed),
            (true, 0) => self.suspect.store(SUSPECT, Ordering::Relaxed),
            (true, _) => {
                self.moved.store(MOVED, Ordering::Relaxed);
                self.suspect.store(0, Ordering::Relaxed);
            }
        }
        is_long
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

    fn note(pace: &Pace, took: Duration) {
        let before = Instant::now();
        pace.note(before, before + took);
    }

    #[test]
    fn two_long_first_polls_move_the_next_calls() {
        let pace = Pace::default();
        for _ in 0..2 {
            for took in [LONG, LONG * 2, LONG] {
                note(&pace, took);
                assert_eq!(pace.next(InlinePolling::Adaptive), FirstPoll::Inline);
            }
            note(&pace, LONG * 2);
            for call in 0..MOVED {
                let next = pace.next(InlinePolling::Adaptive);
                assert_eq!(next, FirstPoll::Long, "call {call} after two long ones");
            }
            let next = pace.next(InlinePolling::Adaptive);
            assert_eq!(next, FirstPoll::Inline, "tried again");
        }
    }

    #[test]
    fn a_long_first_poll_now_and_then_moves_nothing() {
        let pace = Pace::default();
        for _ in 0..3 {
            note(&pace, LONG * 2);
            for _ in 0..SUSPECT {
                note(&pace, LONG);
            }
            assert_eq!(pace.next(InlinePolling::Adaptive), FirstPoll::Inline);
        }
    }

    #[test]
    fn a_choice_for_good_does_not_adapt() {
        let pace = Pace::default();
        assert_eq!(pace.next(InlinePolling::Never), FirstPoll::Moved);
        note(&pace, LONG * 2);
        note(&pace, LONG * 2);
        assert_eq!(pace.next(InlinePolling::Never), FirstPoll::Long);
        assert_eq!(pace.next(InlinePolling::Always), FirstPoll::Inline);
    }
}
