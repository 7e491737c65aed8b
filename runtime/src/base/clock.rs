//! The time, as tokio tells it: a test that pauses tokio's clock pauses everything here with it.

use std::time::Instant;

/// Now.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
