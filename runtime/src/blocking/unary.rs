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
/// The call starts with [`wait`](UnaryCall::wait) or [`start`](UnaryCall::start). Set its options before. Dropping
/// the call cancels it on both sides.
///
/// Use `from` to make it from an async [`UnaryCall`](crate::UnaryCall).
#[must_use = "a call does nothing until it is waited for"]
pub struct UnaryCall<Req, Res>(client::UnaryCall<Req, Res>);

/// A call with one response. Waiting for it also returns the [`CallEnd`].
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

    /// Makes the call return its [`CallEnd`], with the metadata that the server sent, together with the response.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self.0.with_call())
    }

    /// Starts the call now and returns, so that the thread can do other work before it waits. It is gRPC Python's
    /// `stub.method.future(request)`.
    pub fn start(mut self) -> UnaryCall<Req, Res> {
        if let Ok(runtime) = runtime() {
            let _inside = runtime.enter();
            // The wait for the response returns the error, if there was one.
            drop(self.0.start());
        }
        self
    }

    /// Starts the call now, and returns a handle that tells how it goes on: gRPC Python's `stub.method.future(request)`. Unlike a call
    /// that was [started](UnaryCall::start), it can be asked by several threads, waited for with a timeout, and given callbacks.
    pub fn future(self) -> CallFuture<Res>
    where
        Res: Send + 'static,
    {
        CallFuture::of(self.0)
    }

    /// Returns the end of the call, or `None` before it has ended. It is also available after a failure.
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
