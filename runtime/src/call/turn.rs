//! How long a stream of messages is polled at a time.

use std::time::{Duration, Instant};

use crate::base::clock;

/// After so long, what a stream has given goes out before it is asked for more.
const LONG: Duration = Duration::from_millis(1);

/// One poll of a stream, which asks it for message after message.
#[derive(Debug)]
pub(crate) struct Turn {
    began: Instant,
}

impl Turn {
    /// A turn that begins now.
    pub(crate) fn new() -> Turn {
        Turn {
            began: clock::now(),
        }
    }

    /// Whether it has lasted so long that what is there is to go out. Its task then lets others have their turn, of whom
    /// one sends it.
    pub(crate) fn is_over(&self) -> bool {
        clock::now().saturating_duration_since(self.began) > LONG
    }
}
