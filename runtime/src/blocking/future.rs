//! Calls that go on while their thread does other work.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::background;
use super::wait::forbid_async;
use crate::client::UnaryCall;
use crate::{CallEnd, CancelHandle, Code, Result, Status};

/// A handle to a running call with one response. The call proceeds even if no thread waits for it.
/// [`UnaryCall::future`](super::UnaryCall::future) starts the call and returns the handle. gRPC Python's `grpc.Future`.
///
/// Clones are handles to the same call, and may be moved to other threads. Dropping the last handle cancels the call, unless
/// callbacks have been added that wait for its end.
///
/// ```
/// use std::time::Duration;
/// use stubwright::{Channel, Prost, Result, blocking};
///
/// fn call(channel: &Channel) -> Result<()> {
///     // Equivalent to `stub.say(request).future()` of a blocking stub.
///     let call = channel.unary_unary("/echo.Echo/Say", Prost, String::from("hello"));
///     let future = blocking::UnaryCall::<String, String>::from(call).future();
///     future.add_done_callback(|future| println!("done: {:?}", future.result()));
///     if future.result_timeout(Duration::from_millis(100)).is_none() {
///         println!("still running: {}", future.running());
///         future.cancel();
///     }
///     println!("{}", future.result()?);
///     Ok(())
/// }
/// ```
pub struct CallFuture<Res>(Arc<Handle<Res>>);

/// The last clone of a handle cancels the call.
struct Handle<Res> {
    shared: Arc<Shared<Res>>,
    cancel: CancelHandle,
}

/// The part that the task of the call has too.
struct Shared<Res> {
    state: Mutex<State<Res>>,
    done: Condvar,
}

struct State<Res> {
    ended: Option<Ended<Res>>,
    cancelled: bool,
    callbacks: Vec<Callback<Res>>,
}

struct Ended<Res> {
    result: Result<Res>,
    end: Option<CallEnd>,
}

type Callback<Res> = Box<dyn FnOnce(&CallFuture<Res>) + Send>;

impl<Res> CallFuture<Res> {
    /// Returns whether the call has ended, with any status.
    pub fn done(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Returns whether the call has not ended yet.
    pub fn running(&self) -> bool {
        !self.done()
    }

    /// Returns whether the call has ended because of [`cancel`](CallFuture::cancel).
    pub fn cancelled(&self) -> bool {
        let state = self.state();
        let code = state.ended.as_ref().map(Ended::code);
        state.cancelled && code == Some(Code::Cancelled)
    }

    /// Cancels the call on both sides, so that it ends with CANCELLED. If the call has already ended, does nothing and returns
    /// `false`.
    pub fn cancel(&self) -> bool {
        let mut state = self.state();
        if state.ended.is_some() {
            return false;
        }
        state.cancelled = true;
        drop(state);
        self.0.cancel.cancel();
        true
    }

    /// Waits until the call ends, and returns its response.
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code.
    pub fn result(&self) -> Result<Res>
    where
        Res: Clone,
    {
        forbid_async()?;
        self.ended(|ended| ended.result.clone())
    }

    /// Waits until the call ends, but not longer than `timeout`, and returns its response. If the timeout passes first, returns
    /// `None`, and the call continues.
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code.
    pub fn result_timeout(&self, timeout: Duration) -> Option<Result<Res>>
    where
        Res: Clone,
    {
        if let Err(status) = forbid_async() {
            return Some(Err(status));
        }
        self.ended_within(timeout, |ended| ended.result.clone())
    }

    /// Waits until the call ends, and returns its status if it failed, or `None` if it succeeded. In async code, returns the status
    /// FAILED_PRECONDITION without waiting.
    #[doc(alias = "exception")]
    pub fn error(&self) -> Option<Status> {
        if let Err(status) = forbid_async() {
            return Some(status);
        }
        self.ended(Ended::error)
    }

    /// Waits until the call ends, but not longer than `timeout`, and returns `Some` with the result of
    /// [`error`](CallFuture::error). This is `Some(None)` if the call succeeded. If the timeout passes first, returns `None`, and
    /// the call continues.
    pub fn error_timeout(&self, timeout: Duration) -> Option<Option<Status>> {
        if let Err(status) = forbid_async() {
            return Some(Some(status));
        }
        self.ended_within(timeout, Ended::error)
    }

    /// Returns the end of the call, with its metadata, or `None` before the call has ended.
    pub fn end(&self) -> Option<CallEnd> {
        self.state().ended.as_ref()?.end.clone()
    }

    fn ended<T>(&self, read: impl FnOnce(&Ended<Res>) -> T) -> T {
        let mut state = self.state();
        loop {
            if let Some(ended) = &state.ended {
                return read(ended);
            }
            let waited = self.0.shared.done.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ended_within<T>(&self, timeout: Duration, read: impl FnOnce(&Ended<Res>) -> T) -> Option<T> {
        let waited = self
            .0
            .shared
            .done
            .wait_timeout_while(self.state(), timeout, |state| state.ended.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.ended.as_ref().map(read)
    }

    fn state(&self) -> MutexGuard<'_, State<Res>> {
        self.0.shared.state()
    }
}

impl<Res: Send + 'static> CallFuture<Res> {
    /// Adds a function that is called once the call has ended. Functions are called in the order in which they were added, on a
    /// thread that may block. If the call has already ended, the function is called at once, on the current thread.
    pub fn add_done_callback(&self, callback: impl FnOnce(&CallFuture<Res>) + Send + 'static) {
        let mut state = self.state();
        if state.ended.is_none() {
            return state.callbacks.push(Box::new(callback));
        }
        drop(state);
        callback(self);
    }

    /// Lets a call go on in a task of the background runtime.
    pub(super) fn of<Req: Send + 'static>(mut call: UnaryCall<Req, Res>) -> CallFuture<Res> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                ended: None,
                cancelled: false,
                callbacks: Vec::new(),
            }),
            done: Condvar::new(),
        });
        let cancel = call.cancel_handle();
        let future = CallFuture(Arc::new(Handle {
            shared: Arc::clone(&shared),
            cancel: cancel.clone(),
        }));
        match background::runtime() {
            Ok(runtime) => drop(runtime.spawn(async move {
                let result = (&mut call).await;
                let end = call.end();
                shared.conclude(Ended { result, end }, cancel);
            })),
            Err(status) => {
                future.state().ended = Some(Ended {
                    result: Err(status),
                    end: None,
                });
            }
        }
        future
    }
}

impl<Res> Shared<Res> {
    fn state(&self) -> MutexGuard<'_, State<Res>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Res: Send + 'static> Shared<Res> {
    fn conclude(self: Arc<Self>, ended: Ended<Res>, cancel: CancelHandle) {
        let mut state = self.state();
        state.ended = Some(ended);
        let callbacks = std::mem::take(&mut state.callbacks);
        drop(state);
        self.done.notify_all();
        if callbacks.is_empty() {
            return;
        }
        let shared = self;
        let future = CallFuture(Arc::new(Handle { shared, cancel }));
        let call = Box::new(move || {
            for callback in callbacks {
                // The program's panic hook has been told. The other callbacks are called all the same.
                drop(catch_unwind(AssertUnwindSafe(|| callback(&future))));
            }
        });
        // The runtime is there, because it drives this.
        drop(background::spawn(call));
    }
}

impl<Res> Ended<Res> {
    fn code(&self) -> Code {
        self.result.as_ref().err().map_or(Code::Ok, Status::code)
    }

    fn error(&self) -> Option<Status> {
        self.result.as_ref().err().cloned()
    }
}

impl<Res> Drop for Handle<Res> {
    fn drop(&mut self) {
        let state = self.shared.state();
        let is_awaited = state.ended.is_some() || !state.callbacks.is_empty();
        drop(state);
        if !is_awaited {
            self.cancel.cancel();
        }
    }
}

impl<Res> Clone for CallFuture<Res> {
    fn clone(&self) -> CallFuture<Res> {
        CallFuture(Arc::clone(&self.0))
    }
}

impl<Res> fmt::Debug for CallFuture<Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.state().ended.as_ref().map(Ended::code);
        f.debug_struct("CallFuture").field("code", &code).finish()
    }
}
