//! What few calls have: callbacks for their end, and trailing metadata that is not the handler's.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::call::{CallDetails, Panicked, panicked};
use crate::{Metadata, Result};

/// Told how its call has ended.
pub(crate) type DoneCallback = Box<dyn FnOnce(&Result<()>) + Send>;

/// What few calls have; boxed, so that the others pay a pointer.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) done: Vec<DoneCallback>,
    /// Trailing metadata that goes out behind the handler's.
    pub(super) trailing: Metadata,
    /// What the call's credentials have given, until an attempt goes out with it.
    #[cfg(feature = "client")]
    pub(super) granted: Option<Metadata>,
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras")
            .field("done", &self.done.len())
            .field("trailing", &self.trailing)
            .finish()
    }
}

/// Callbacks whose call has ended.
pub(super) struct Done {
    pub(super) callbacks: Vec<DoneCallback>,
    pub(super) result: Result<()>,
}

impl Done {
    /// Runs the callbacks. Who ended the call is not to suffer from a panic of theirs.
    pub(super) fn tell(self, details: &CallDetails) {
        for callback in self.callbacks {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| callback(&self.result))) {
                panicked(Panicked::DoneCallback, details, panic.as_ref());
            }
        }
    }
}
