//! The time that one poll of a stream of messages may take.

use std::time::{Duration, Instant};

use crate::base::clock;

/// The duration of a turn. Then the messages of a stream are sent before it is polled for more.
const LONG: Duration = Duration::from_millis(1);

/// One poll that takes message after message from a stream.
#[derive(Debug)]
pub(crate) struct Turn {
    began: Instant,
}

impl Turn {
    /// Begins a turn.
    pub(crate) fn new() -> Turn {
        Turn {
            began: clock::now(),
        }
    }

    /// Returns whether the turn has lasted long enough. Its task then yields to other tasks, one of which sends the messages.
    pub(crate) fn is_over(&self) -> bool {
        clock::now().saturating_duration_since(self.began) > LONG
    }
}
