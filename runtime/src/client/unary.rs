//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::call_state::CallState;
use super::cancel_handle::CancelHandle;
use super::options::sealed::HasOptions;
use super::options::{CallOptions, Options, option_methods};
use super::sender::Start;
use super::sender::sealed::StartCall;
use super::started::Started;
use crate::Result;
use crate::base::erasure::{Requests, Slot};
use crate::call::{CallEnd, inbox};

/// A call with one response. Await it to get the response. Set options before the first poll, which starts the call. Dropping the
/// call cancels it on both sides.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<Req, Res> {
    state: CallState,
    requests: Requests<Req>,
    response: Slot<Res>,
}

/// A call with one response that also returns the end of the call. [`UnaryCall::with_call`] creates it.
#[must_use = "a call does nothing until it is awaited"]
pub struct WithCall<Req, Res>(UnaryCall<Req, Res>);

impl<Req: Send + 'static, Res> UnaryCall<Req, Res> {
    option_methods!(pub fn);

    /// Makes the call return its [`CallEnd`], with the metadata that the server sent, together with the response.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self)
    }

    /// Returns the end of the call, or `None` before the call has ended. To use this method after a failure, await the call by
    /// reference: `(&mut call).await`.
    #[doc(alias = "code")]
    #[doc(alias = "details")]
    #[doc(alias = "initial_metadata")]
    #[doc(alias = "trailing_metadata")]
    pub fn end(&mut self) -> Option<CallEnd> {
        self.state.end()
    }

    /// Returns a handle that cancels the call from elsewhere.
    pub fn cancel_handle(&mut self) -> CancelHandle {
        self.state.cancel_handle()
    }

    /// Returns `/package.Service/Method`.
    #[cfg(feature = "server")]
    pub(crate) fn method(&self) -> &str {
        self.state.method()
    }

    pub(crate) fn new(
        state: CallState,
        requests: Requests<Req>,
        response: Slot<Res>,
    ) -> UnaryCall<Req, Res> {
        UnaryCall {
            state,
            requests,
            response,
        }
    }

    // Kept out of the futures that await a call.
    #[inline(never)]
    fn poll_response(&mut self, context: &mut Context<'_>) -> Poll<Result<Res>> {
        let (requests, response) = (&mut self.requests, &mut self.response);
        ready!(self.state.poll_only(context, requests, response))?;
        Poll::Ready(self.response.take().ok_or_else(inbox::none))
    }
}

impl<Req: Send + 'static, Res> HasOptions for UnaryCall<Req, Res> {
    fn options(&mut self) -> &mut Options {
        self.state.options()
    }
}

impl<Req: Send + 'static, Res> CallOptions for UnaryCall<Req, Res> {}

impl<Req: Send + 'static, Res> StartCall for UnaryCall<Req, Res> {
    fn start(&mut self) -> Result<Started> {
        Ok(self.state.receive(&mut self.requests)?.detach())
    }
}

impl<Req: Send + 'static, Res> Start for UnaryCall<Req, Res> {}

impl<Req, Res> Unpin for UnaryCall<Req, Res> {}

impl<Req: Send + 'static, Res> Future for UnaryCall<Req, Res> {
    type Output = Result<Res>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Res>> {
        self.poll_response(context)
    }
}

impl<Req, Res> Unpin for WithCall<Req, Res> {}

impl<Req: Send + 'static, Res> Future for WithCall<Req, Res> {
    type Output = Result<(Res, CallEnd)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.0.poll_response(context))?;
        let end = self.0.state.end().ok_or_else(inbox::none)?;
        Poll::Ready(Ok((response, end)))
    }
}

impl<Req, Res> fmt::Debug for UnaryCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnaryCall")
            .field("started", &self.state.is_started())
            .finish_non_exhaustive()
    }
}

impl<Req, Res> fmt::Debug for WithCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithCall").field(&self.0).finish()
    }
}
