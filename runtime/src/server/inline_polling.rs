//! The decision whether a handler's first poll runs inline or in a task.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The task in which a handler is polled for the first time. Most handlers complete in one poll, so they need no task of their own.
/// But while the task of a connection polls a handler, all other calls of the connection wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InlinePolling {
    /// The task of the connection, unless the first polls of the method take long. This is the default.
    ///
    /// If two out of 100 first polls of the method take more than 100 microseconds each, the next 1,000 calls of the method are
    /// polled in tasks of their own from the start. Each connection polls at most as many of these calls at a time as the runtime
    /// has threads.
    #[default]
    Adaptive,
    /// Always the task of the connection. This is for servicers that never compute for long.
    Always,
    /// Always a task of the call's own.
    Never,
}

/// Tracks the duration of a method's first polls.
#[derive(Debug, Default)]
pub(crate) struct PollTimes {
    /// The number of calls that will run in tasks before the method is tried inline again. Zero while it is polled inline.
    moved: AtomicU32,
    /// The number of calls within which another long first poll moves the method to tasks.
    suspect: AtomicU32,
}

/// The duration above which a first poll is long. It is a hundred times the cost of moving a handler to a task.
const LONG: Duration = Duration::from_micros(100);

/// The number of calls that run in tasks after two long first polls.
const MOVED: u32 = 1000;

/// The number of first polls within which two must be long. A single long poll means little: the system may have taken the
/// processor away from the thread, as happens every few thousand calls if there are more threads than processors.
const SUSPECT: u32 = 100;

/// The place where the handler of one call is polled for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstPoll {
    /// In the connection's task.
    Inline,
    /// In a task of its own.
    Moved,
    /// In a task of its own, where it is likely to compute for long.
    Long,
}

impl PollTimes {
    /// Returns where the handler of the next call is polled first.
    pub(crate) fn next(&self, polling: InlinePolling) -> FirstPoll {
        match polling {
            InlinePolling::Always => FirstPoll::Inline,
            _ if !self.was_short() => FirstPoll::Long,
            InlinePolling::Adaptive => FirstPoll::Inline,
            InlinePolling::Never => FirstPoll::Moved,
        }
    }

    /// Records the duration of a first poll. Returns whether it was long.
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
            // A race between two connections moves at most a few calls more or less.
            self.moved.store(left - 1, Ordering::Relaxed);
        }
        left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(poll_times: &PollTimes, took: Duration) {
        let before = Instant::now();
        poll_times.note(before, before + took);
    }

    #[test]
    fn two_long_first_polls_move_the_next_calls() {
        let poll_times = PollTimes::default();
        for _ in 0..2 {
            for took in [LONG, LONG * 2, LONG] {
                note(&poll_times, took);
                assert_eq!(poll_times.next(InlinePolling::Adaptive), FirstPoll::Inline);
            }
            note(&poll_times, LONG * 2);
            for call in 0..MOVED {
                let next = poll_times.next(InlinePolling::Adaptive);
                assert_eq!(next, FirstPoll::Long, "call {call} after two long ones");
            }
            let next = poll_times.next(InlinePolling::Adaptive);
            assert_eq!(next, FirstPoll::Inline, "tried again");
        }
    }

    #[test]
    fn a_long_first_poll_now_and_then_moves_nothing() {
        let poll_times = PollTimes::default();
        for _ in 0..3 {
            note(&poll_times, LONG * 2);
            for _ in 0..SUSPECT {
                note(&poll_times, LONG);
            }
            assert_eq!(poll_times.next(InlinePolling::Adaptive), FirstPoll::Inline);
        }
    }

    #[test]
    fn a_choice_for_good_does_not_adapt() {
        let poll_times = PollTimes::default();
        assert_eq!(poll_times.next(InlinePolling::Never), FirstPoll::Moved);
        note(&poll_times, LONG * 2);
        note(&poll_times, LONG * 2);
        assert_eq!(poll_times.next(InlinePolling::Never), FirstPoll::Long);
        assert_eq!(poll_times.next(InlinePolling::Always), FirstPoll::Inline);
    }
}
