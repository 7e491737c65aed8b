//! The parts of a call that few calls have: callbacks for its end, and trailing metadata that is not the handler's.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::call::{CallDetails, Panicked, panicked};
use crate::{Metadata, Result};

/// Called with the result of its call.
pub(crate) type DoneCallback = Box<dyn FnOnce(&Result<()>) + Send>;

/// The parts of a call that few calls have. They are boxed, so that other calls have only a pointer.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) done: Vec<DoneCallback>,
    /// Trailing metadata that is sent after the handler's.
    pub(super) trailing: Metadata,
    /// The metadata of the call's credentials, until an attempt sends it.
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
    /// Runs the callbacks, and catches their panics, so that the code that ends the call does not fail.
    pub(super) fn tell(self, details: &CallDetails) {
        for callback in self.callbacks {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| callback(&self.result))) {
                panicked(Panicked::DoneCallback, details, panic.as_ref());
            }
        }
    }
}
