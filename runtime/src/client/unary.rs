//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::course::Course;
use super::options::{CallOptions, call_options};
use super::sender::sealed::{Start, Started};
use crate::Result;
use crate::base::erasure::{Requests, Slot};
use crate::call::inbox;

/// A call with one response: await it. Options are set before; nothing is sent until the first poll. Dropping it cancels
/// the call on both sides.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<Req, Res> {
    course: Course,
    requests: Requests<Req>,
    response: Slot<Res>,
}

/// A call with one response, awaited with what came beside the response.
#[must_use = "a call does nothing until it is awaited"]
pub struct WithCall<Req, Res>(UnaryCall<Req, Res>);

impl<Req: Send + 'static, Res> UnaryCall<Req, Res> {
    call_options!();

    /// Gives the [`Call`], with the metadata that the server sent, beside the response.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self)
    }

    /// Returns how the call has ended, and what came beside the response; `None` before it has. To have it after a failure, await
    /// the call by reference: `(&mut call).await`.
    pub fn end(&mut self) -> Option<Call> {
        self.course.end()
    }

    pub(crate) fn options(&mut self) -> &mut CallOptions {
        self.course.options()
    }

    /// `/package.Service/Method`.
    #[cfg(feature = "server")]
    pub(crate) fn method(&self) -> &str {
        self.course.method()
    }

    pub(crate) fn new(
        course: Course,
        requests: Requests<Req>,
        response: Slot<Res>,
    ) -> UnaryCall<Req, Res> {
        UnaryCall {
            course,
            requests,
            response,
        }
    }

    // Not into each future that awaits a call.
    #[inline(never)]
    fn poll_response(&mut self, context: &mut Context<'_>) -> Poll<Result<Res>> {
        let (requests, response) = (&mut self.requests, &mut self.response);
        ready!(self.course.poll_only(context, requests, response))?;
        Poll::Ready(self.response.take().ok_or_else(inbox::none))
    }
}

impl<Req: Send + 'static, Res> Start for UnaryCall<Req, Res> {
    fn start(&mut self) -> Result<Started> {
        Ok(self.course.receive(&mut self.requests)?.detach())
    }
}

impl<Req, Res> Unpin for UnaryCall<Req, Res> {}

impl<Req: Send + 'static, Res> Future for UnaryCall<Req, Res> {
    type Output = Result<Res>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Res>> {
        self.poll_response(context)
    }
}

impl<Req, Res> Unpin for WithCall<Req, Res> {}

impl<Req: Send + 'static, Res> Future for WithCall<Req, Res> {
    type Output = Result<(Res, Call)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.0.poll_response(context))?;
        let call = self.0.course.end().ok_or_else(inbox::none)?;
        Poll::Ready(Ok((response, call)))
    }
}

impl<Req, Res> fmt::Debug for UnaryCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnaryCall")
            .field("started", &self.course.receiving().is_some())
            .finish_non_exhaustive()
    }
}

impl<Req, Res> fmt::Debug for WithCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithCall").field(&self.0).finish()
    }
}
