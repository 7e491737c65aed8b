//! Cancelling a call from elsewhere.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::started::Started;
use crate::{Result, Status};

/// Cancels a call from anywhere: another task, another thread, or what handles a signal. Clones cancel the same call. A call of any
/// kind makes one by its `cancel_handle()`, before it has been started or later.
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

/// The call, as far as it can be cancelled.
enum State {
    Unstarted,
    Started(Started),
    Cancelled,
}

impl CancelHandle {
    /// Cancels the call on both sides: it ends with CANCELLED. Responses that have come before can still be read. A call that has not been
    /// started is never made, and ends when it is awaited. Does nothing to a call that has ended.
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

    /// Remembers the call that it cancels, and cancels it if that has been asked for.
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

/// The status of a call that its caller has cancelled.
pub(crate) fn cancelled() -> Status {
    Status::cancelled("the call was cancelled by its caller")
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}
