//! Cancels a call from another thread.

use std::fmt;

use crate::client::Started;
use crate::{Result, Status};

/// Cancels a blocking call from another thread or a signal handler's thread, while the call's own thread waits for
/// it.
#[derive(Clone)]
pub struct Canceller(Option<Started>);

impl Canceller {
    /// Cancels the call on both sides. The call ends with CANCELLED. Does nothing if the call has ended.
    pub fn cancel(&self) {
        if let Some(started) = &self.0 {
            started.cancel(Status::cancelled("the call was cancelled by its caller"));
        }
    }

    /// Returns the canceller of a call. It does nothing if the call could not be started.
    pub(super) fn of(started: Result<Started>) -> Canceller {
        Canceller(started.ok())
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}
