//! The current time by tokio's clock. A test that pauses tokio's clock pauses all timers of this crate.

use std::time::Instant;

/// Returns the current time.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
