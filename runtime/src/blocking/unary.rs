//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::background::runtime;
use super::future::CallFuture;
use super::wait::poll_until_ready;
use crate::client::{self, HasOptions, Options, StartCall, option_methods};
use crate::{CallEnd, CallOptions, CancelHandle, Result};

/// A call with one response.
///
/// [`wait`](UnaryCall::wait), [`start`](UnaryCall::start) or [`future`](UnaryCall::future) starts the call, so set its options
/// before that. Dropping the call cancels it on both sides.
///
/// Use `UnaryCall::from` to create it from an async [`UnaryCall`](crate::UnaryCall).
#[must_use = "a call does nothing until it is waited for"]
pub struct UnaryCall<Req, Res>(client::UnaryCall<Req, Res>);

/// A call whose [`wait`](WithCall::wait) returns the [`CallEnd`] together with the response. [`UnaryCall::with_call`] creates it.
#[must_use = "a call does nothing until it is waited for"]
pub struct WithCall<Req, Res>(client::WithCall<Req, Res>);

impl<Req: Send + 'static, Res> UnaryCall<Req, Res> {
    option_methods!(pub fn);

    /// Waits for the response.
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code.
    pub fn wait(&mut self) -> Result<Res> {
        poll_until_ready(|context| Pin::new(&mut self.0).poll(context))?
    }

    /// Converts the call so that it returns its [`CallEnd`] together with the response. The [`CallEnd`] has the metadata that the
    /// server sent.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self.0.with_call())
    }

    /// Starts the call and returns at once, so that the thread can do other work before it calls [`wait`](UnaryCall::wait).
    pub fn start(mut self) -> UnaryCall<Req, Res> {
        if let Ok(runtime) = runtime() {
            let _inside = runtime.enter();
            // The wait for the response returns the error, if there was one.
            drop(self.0.start());
        }
        self
    }

    /// Starts the call, and returns a handle to the running call. Several threads can share the handle. A thread can wait with a
    /// timeout, and add functions that are called at the end. [`start`](UnaryCall::start) is enough for one thread that waits
    /// without a timeout. gRPC Python's `stub.method.future(request)`.
    pub fn future(self) -> CallFuture<Res>
    where
        Res: Send + 'static,
    {
        CallFuture::of(self.0)
    }

    /// Returns the end of the call, with its status and metadata, or `None` before the call has ended. A failed call has an end,
    /// too.
    #[doc(alias = "code")]
    #[doc(alias = "details")]
    #[doc(alias = "initial_metadata")]
    #[doc(alias = "trailing_metadata")]
    pub fn end(&mut self) -> Option<CallEnd> {
        self.0.end()
    }

    /// Returns a handle that cancels the call, for example from another thread or a signal handler.
    pub fn cancel_handle(&mut self) -> CancelHandle {
        self.0.cancel_handle()
    }
}

impl<Req: Send + 'static, Res> HasOptions for UnaryCall<Req, Res> {
    fn options(&mut self) -> &mut Options {
        self.0.options()
    }
}

impl<Req: Send + 'static, Res> CallOptions for UnaryCall<Req, Res> {}

impl<Req: Send + 'static, Res> WithCall<Req, Res> {
    /// Waits for the response, and returns it together with the [`CallEnd`].
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code.
    pub fn wait(mut self) -> Result<(Res, CallEnd)> {
        poll_until_ready(|context| Pin::new(&mut self.0).poll(context))?
    }
}

impl<Req, Res> From<client::UnaryCall<Req, Res>> for UnaryCall<Req, Res> {
    fn from(call: client::UnaryCall<Req, Res>) -> UnaryCall<Req, Res> {
        UnaryCall(call)
    }
}

impl<Req, Res> fmt::Debug for UnaryCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<Req, Res> fmt::Debug for WithCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
