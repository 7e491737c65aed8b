//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::background::runtime;
use super::canceller::Canceller;
use super::wait::poll_until_ready;
use crate::client::{self, CallOptions, Startable, call_options};
use crate::{Call, Result};

/// A call with one response.
///
/// The call starts with [`wait`](UnaryCall::wait) or [`start`](UnaryCall::start). Set its options before. Dropping
/// the call cancels it on both sides.
///
/// Use `from` to make it from an async [`UnaryCall`](crate::UnaryCall).
#[must_use = "a call does nothing until it is waited for"]
pub struct UnaryCall<Req, Res>(client::UnaryCall<Req, Res>);

/// A call with one response. Waiting for it also returns the [`Call`].
#[must_use = "a call does nothing until it is waited for"]
pub struct WithCall<Req, Res>(client::WithCall<Req, Res>);

impl<Req: Send + 'static, Res> UnaryCall<Req, Res> {
    call_options!();

    /// Waits for the response.
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code.
    pub fn wait(mut self) -> Result<Res> {
        poll_until_ready(|context| Pin::new(&mut self.0).poll(context))?
    }

    /// Makes `wait` return the [`Call`], which has the server's metadata, beside the response.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self.0.with_call())
    }

    /// Starts the call now and returns, so that the thread can do other work before it waits. It is gRPC Python's
    /// `stub.method.future(request)`.
    pub fn start(mut self) -> UnaryCall<Req, Res> {
        drop(self.canceller());
        self
    }

    /// Returns a handle that cancels the call from another thread. Starts the call.
    pub fn canceller(&mut self) -> Canceller {
        let started = runtime().and_then(|runtime| {
            let _inside = runtime.enter();
            // An error of the start is returned when the call is waited for.
            self.0.start()
        });
        Canceller::of(started)
    }

    fn options(&mut self) -> &mut CallOptions {
        self.0.options()
    }
}

impl<Req: Send + 'static, Res> WithCall<Req, Res> {
    /// Waits for the response. Returns it with the [`Call`].
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code.
    pub fn wait(mut self) -> Result<(Res, Call)> {
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
