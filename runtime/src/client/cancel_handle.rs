//! A handle that cancels a call.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::started::Started;
use crate::{Result, Status};

/// A handle that cancels a call from anywhere, for example from another task or thread. Clones cancel the same call. The method
/// `cancel_handle()` of a call returns a handle, before or after the start of the call.
///
/// ```
/// # async fn example(channel: stubwright::Channel) {
/// use stubwright::{Code, Prost};
///
/// let mut call = channel.unary_unary::<String, String, _>("/echo.Echo/Say", Prost, "hello".into());
/// let handle = call.cancel_handle();
/// tokio::spawn(async move { handle.cancel() });
/// if let Err(status) = call.await {
///     assert_eq!(status.code(), Code::Cancelled);
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct CancelHandle(Arc<Mutex<State>>);

/// The call in its current state.
enum State {
    Unstarted,
    Started(Started),
    Cancelled,
}

impl CancelHandle {
    /// Cancels the call on both sides, so that it ends with CANCELLED. Responses that have already arrived can still be read. A
    /// call that has not been started is never sent, and ends when it is awaited. Does nothing if the call has ended.
    pub fn cancel(&self) {
        let before = std::mem::replace(&mut *self.state(), State::Cancelled);
        if let State::Started(started) = before {
            started.cancel(cancelled());
        }
    }

    pub(crate) fn new() -> CancelHandle {
        CancelHandle(Arc::new(Mutex::new(State::Unstarted)))
    }

    /// Returns an error if the call has been cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        match &*self.state() {
            State::Cancelled => Err(cancelled()),
            State::Unstarted | State::Started(_) => Ok(()),
        }
    }

    /// Sets the started call. Cancels it at once if `cancel` has already been called.
    pub(crate) fn set_started(&self, started: Started) {
        let mut state = self.state();
        match &*state {
            State::Unstarted => *state = State::Started(started),
            State::Started(_) => {}
            State::Cancelled => {
                drop(state);
                started.cancel(cancelled());
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the status of a call that was cancelled by its caller.
pub(crate) fn cancelled() -> Status {
    Status::cancelled("the call was cancelled by its caller")
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}
