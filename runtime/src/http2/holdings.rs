//! The bytes that a connection holds for its application, and those that the peer may still send.

use std::collections::VecDeque;
use std::time::Instant;

use super::StreamId;

/// The number of bytes that must arrive for a message within a period. If fewer arrive, the message counts as stalled.
const PROGRESS: i32 = 64 * 1024;

/// Counts the bytes that a connection holds for its application, and those that the streams' windows allow.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// The number of bytes that have arrived and that the application has not consumed.
    pub held: usize,
    /// The maximum to which the peer can raise `held` within its windows: the sum of
    /// [`Stream::most`](super::stream::Stream::most).
    pub promised: usize,
    /// Streams that wait for room for a message that fits into an initial window.
    pub small: VecDeque<StreamId>,
    /// Streams that wait for room for a larger message, in the order in which they get it.
    pub large: VecDeque<StreamId>,
    /// The number of streams that have a grant.
    pub grants: usize,
    /// The part of `promised` by which a message exceeds the room that others leave. There is at most one such message.
    pub beyond: usize,
    /// The time of the next check for unused grants. Set while streams wait.
    pub next_check: Option<Instant>,
}

impl Holdings {
    /// Returns whether streams wait for room.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.small.is_empty() || !self.large.is_empty()
    }

    /// Returns the part of `promised` that counts against the limit.
    #[inline]
    pub(super) fn counted(&self) -> usize {
        self.promised.saturating_sub(self.beyond)
    }

    /// Notes that a stream's grant has ended, if it had one.
    #[inline]
    pub(super) fn end_grant(&mut self, grant: Option<Box<Grant>>) {
        if let Some(grant) = grant {
            self.grants -= 1;
            self.beyond -= grant.beyond;
        }
    }

    /// Notes a change of the maximum that a stream can hold.
    #[inline]
    pub(super) fn change(&mut self, before: usize, after: usize) {
        self.promised = self.promised.saturating_add(after).saturating_sub(before);
    }
}

/// An enlarged window, into which a large message fits.
#[derive(Debug)]
pub(super) struct Grant {
    /// The part of the window that does not count against the limit.
    pub beyond: usize,
    /// The remaining window at the last check.
    left: Option<i32>,
}

impl Grant {
    pub(super) fn new(beyond: usize) -> Grant {
        Grant { beyond, left: None }
    }

    /// Compares the remaining window with that of the last check. Returns whether almost nothing has arrived since. Data that has
    /// arrived and is not read counts as stalled too, because it also takes room from others.
    pub(super) fn is_stalled(&mut self, left: i32) -> bool {
        match self.left.replace(left) {
            Some(before) => before.saturating_sub(left) < PROGRESS.min(before.max(1)),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_is_used_goes_on() {
        let mut grant = Grant::new(0);
        for left in [300_000, 200_000, 100_000, 30_000, 0] {
            assert!(!grant.is_stalled(left), "{left}");
        }
        assert!(grant.is_stalled(0), "it has come, and nobody reads it");
        let mut grant = Grant::new(0);
        assert!(!grant.is_stalled(300_000));
        assert!(grant.is_stalled(299_000), "a trickle");
    }
}
