//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::background::runtime;
use super::canceller::Canceller;
use super::wait::poll_until_ready;
use crate::client::{self, CallOptions, Startable, call_options};
use crate::{Call, Result};

/// A call with one response: [`wait`](UnaryCall::wait) for it. Options are set before; nothing is sent until then, or until
/// [`start`](UnaryCall::start). Dropping it cancels the call on both sides.
///
/// It is made of an async call, [`UnaryCall`](crate::UnaryCall), by `from`.
#[must_use = "a call does nothing until it is waited for"]
pub struct UnaryCall<Req, Res>(client::UnaryCall<Req, Res>);

/// A call with one response, waited for with what came beside the response.
#[must_use = "a call does nothing until it is waited for"]
pub struct WithCall<Req, Res>(client::WithCall<Req, Res>);

impl<Req: Send + 'static, Res> UnaryCall<Req, Res> {
    call_options!();

    /// Waits for the response.
    ///
    /// # Errors
    /// The status of the call when it is not OK; FAILED_PRECONDITION within async code.
    pub fn wait(mut self) -> Result<Res> {
        poll_until_ready(|context| Pin::new(&mut self.0).poll(context))?
    }

    /// Gives the [`Call`], with the metadata that the server sent, beside the response.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self.0.with_call())
    }

    /// Sets the call on its way now, so that other things can be done, other calls be made, until it is waited for. gRPC Python's
    /// `stub.method.future(request)`.
    pub fn start(mut self) -> UnaryCall<Req, Res> {
        drop(self.canceller());
        self
    }

    /// Cancels the call from another thread; sets it on its way.
    pub fn canceller(&mut self) -> Canceller {
        let started = runtime().and_then(|runtime| {
            let _inside = runtime.enter();
            // What is wrong shows when it is waited for.
            self.0.start()
        });
        Canceller::of(started)
    }

    fn options(&mut self) -> &mut CallOptions {
        self.0.options()
    }
}

impl<Req: Send + 'static, Res> WithCall<Req, Res> {
    /// Waits for the response, and gives the [`Call`] beside it.
    ///
    /// # Errors
    /// The status of the call when it is not OK; FAILED_PRECONDITION within async code.
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
