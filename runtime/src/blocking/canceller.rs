//! Cancelling a call from another thread.

use std::fmt;

use crate::client::Started;
use crate::{Result, Status};

/// Cancels a call from another thread, or from what handles a signal, while its own thread waits for it.
#[derive(Clone)]
pub struct Canceller(Option<Started>);

impl Canceller {
    /// Cancels the call on both sides: it ends with CANCELLED. Does nothing to a call that has ended.
    pub fn cancel(&self) {
        if let Some(started) = &self.0 {
            started.cancel(Status::cancelled("the call was cancelled by its caller"));
        }
    }

    /// That of a call that was to be started; there is nothing to cancel where that has failed.
    pub(super) fn of(started: Result<Started>) -> Canceller {
        Canceller(started.ok())
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}
