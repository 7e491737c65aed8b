//! Listeners for the end of attempts.

use std::fmt;
use std::sync::Arc;

use crate::base::Outcome;
use crate::{Metadata, Result};

/// Listens for the ends of the calls that a picker sends to a server.
/// [`ReadySubchannel::with_listener`](crate::balancing::ReadySubchannel::with_listener) sets a listener.
pub trait CallListener: Send + Sync {
    /// Handles the end of an attempt at a call. This method must not block.
    fn call_ended(&self, end: &AttemptEnd<'_>);
}

/// The end of an attempt at a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AttemptEnd<'a> {
    outcome: Option<&'a Outcome>,
}

impl<'a> AttemptEnd<'a> {
    /// Returns the status of the attempt. Returns `None` if the caller cancelled the call, or if the attempt was withdrawn before
    /// the server saw it.
    pub fn result(&self) -> Option<&'a Result<()>> {
        self.outcome.map(|outcome| &outcome.result)
    }

    /// Returns the metadata that the server sent with the status. Returns `None` if [`result`](AttemptEnd::result) does.
    pub fn trailing_metadata(&self) -> Option<&'a Metadata> {
        self.outcome.map(|outcome| &outcome.trailing)
    }
}

/// A listener together with one attempt. Dropping it tells the listener that the attempt was cancelled or withdrawn.
pub(crate) struct Listening(Option<Arc<dyn CallListener>>);

impl Listening {
    pub(crate) fn new(listener: Arc<dyn CallListener>) -> Listening {
        Listening(Some(listener))
    }

    /// Tells the listener the end of the attempt.
    pub(crate) fn ended(mut self, outcome: &Outcome) {
        if let Some(listener) = self.0.take() {
            listener.call_ended(&AttemptEnd {
                outcome: Some(outcome),
            });
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(listener) = self.0.take() {
            listener.call_ended(&AttemptEnd { outcome: None });
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listening")
    }
}

/// Returns a listener that tells two others.
pub(crate) fn both(
    first: Arc<dyn CallListener>,
    second: Arc<dyn CallListener>,
) -> Arc<dyn CallListener> {
    Arc::new(Both(first, second))
}

/// Calls two listeners.
struct Both(Arc<dyn CallListener>, Arc<dyn CallListener>);

impl CallListener for Both {
    fn call_ended(&self, end: &AttemptEnd<'_>) {
        self.0.call_ended(end);
        self.1.call_ended(end);
    }
}
