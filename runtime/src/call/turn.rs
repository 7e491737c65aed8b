//! The turn of a stream of messages: the time that one poll may take.

use std::time::{Duration, Instant};

use crate::base::clock;

/// After this time, the messages that a stream has given are sent before it is asked for more.
const LONG: Duration = Duration::from_millis(1);

/// One poll of a stream, which asks it for message after message.
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
