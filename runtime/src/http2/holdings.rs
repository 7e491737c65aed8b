//! What the peer has made a connection hold, and may.

use std::collections::VecDeque;
use std::time::Instant;

use super::StreamId;

/// Less than this in a period, and a message counts as stalled.
const PROGRESS: i32 = 64 * 1024;

/// The bytes that a connection holds for its application, and those that it has allowed to come.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// Bytes that have come and that the application has not taken.
    pub held: usize,
    /// The most that the peer can make us hold by the windows it has: the sum of [`Stream::most`](super::stream::Stream::most).
    pub promised: usize,
    /// Streams that wait for room for a message that a first window has room for.
    pub small: VecDeque<StreamId>,
    /// Streams that wait for room for a larger message, in the order in which they are served.
    pub large: VecDeque<StreamId>,
    /// How many streams have a grant.
    pub grants: usize,
    /// How much of what is promised is that of a message which is larger than others leave room for. There is one at most.
    pub beyond: usize,
    /// When to look for grants of which no use is made. Set while streams wait.
    pub look_at: Option<Instant>,
}

impl Holdings {
    /// Whether streams wait for room.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.small.is_empty() || !self.large.is_empty()
    }

    /// What is promised, as it counts against the most that there may be.
    #[inline]
    pub(super) fn counted(&self) -> usize {
        self.promised.saturating_sub(self.beyond)
    }

    /// A stream has no grant any more.
    #[inline]
    pub(super) fn end_grant(&mut self, grant: Option<Box<Grant>>) {
        if let Some(grant) = grant {
            self.grants -= 1;
            self.beyond -= grant.beyond;
        }
    }

    /// The most that a stream can make us hold has changed.
    #[inline]
    pub(super) fn change(&mut self, before: usize, after: usize) {
        self.promised = self.promised.saturating_add(after).saturating_sub(before);
    }
}

/// A window that was made larger so that a message fits into it.
#[derive(Debug)]
pub(super) struct Grant {
    /// How much of it does not count.
    pub beyond: usize,
    /// What was left of the window at the last look.
    left: Option<i32>,
}

impl Grant {
    pub(super) fn new(beyond: usize) -> Grant {
        Grant { beyond, left: None }
    }

    /// Looks at the window, of which so much is left; whether next to nothing has come since the last look. What has come and is not
    /// read stands in the way of others, too.
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
