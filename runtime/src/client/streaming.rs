//! Calls with a stream of responses.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::call::Call;
use super::course::Course;
use super::options::{CallOptions, call_options};
use super::receiving::Receiving;
use super::sender::sealed::{Start, Started};
use crate::base::erasure::{Requests, Slot};
use crate::{Code, Metadata, Result, Status};

/// A call with a stream of responses: it *is* the [`Stream`]. Options are set before; nothing is sent until the first
/// poll. The stream ends when the server has said OK, and with an error as its last item otherwise. Dropping it cancels the
/// call on both sides.
#[must_use = "a call does nothing until it is polled"]
pub struct StreamingCall<Req, Res> {
    course: Course,
    requests: Requests<Req>,
    response: Slot<Res>,
}

static NO_METADATA: Metadata = Metadata::new();

impl<Req: Send + 'static, Res> StreamingCall<Req, Res> {
    call_options!();

    /// The next response; `None` when the server has ended the call with OK.
    ///
    /// # Errors
    /// The status of the call when it is not OK. Nothing follows it.
    pub fn message(&mut self) -> impl Future<Output = Result<Option<Res>>> {
        NextResponse(self)
    }

    /// The metadata that the server sent before its first response; starts the call and waits for it.
    ///
    /// # Errors
    /// The status of a call that failed before any came.
    pub async fn initial_metadata(&mut self) -> Result<&Metadata> {
        poll_fn(|context| self.course.poll_initial(context, &mut self.requests)).await?;
        let failed = self.course.result().and_then(Result::err);
        match (self.course.initial(), failed) {
            (Some(initial), _) => Ok(initial),
            (None, Some(status)) => Err(status),
            (None, None) => Ok(&NO_METADATA),
        }
    }

    /// The metadata that the server sent with its status; `None` before the call has ended.
    pub fn trailing_metadata(&self) -> Option<Metadata> {
        let outcome = self.course.receiving()?.outcome()?;
        Some(outcome.trailing)
    }

    /// Returns how the call has ended, and what came beside its messages; `None` before it has.
    pub fn end(&mut self) -> Option<Call> {
        self.course.end()
    }

    /// The code of the status that the call ended with; `None` before it has.
    pub fn code(&self) -> Option<Code> {
        Some(match self.course.result()? {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        })
    }

    /// The message of the status, empty for OK; `None` before the call has ended.
    pub fn details(&self) -> Option<String> {
        Some(match self.course.result()? {
            Ok(()) => String::new(),
            Err(status) => status.message().to_owned(),
        })
    }

    /// How often the call was made before it was made as it is now: by the retry policy of its method, when it had failed, or by
    /// the hedging policy, side by side. It is made again only as long as no response has begun.
    pub fn previous_rpc_attempts(&self) -> u32 {
        let receiving = self.course.receiving();
        receiving.map_or(0, Receiving::previous_attempts)
    }

    /// Cancels the call on both sides: what has not been read is given up, and the stream ends with CANCELLED. Does
    /// nothing to a call that has ended.
    pub fn cancel(&mut self) {
        if let Ok(receiving) = self.receive() {
            receiving.give_up(Status::cancelled("the call was cancelled by its caller"));
        }
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
    ) -> StreamingCall<Req, Res> {
        StreamingCall {
            course,
            requests,
            response,
        }
    }

    fn receive(&mut self) -> Result<&mut Receiving> {
        self.course.receive(&mut self.requests)
    }

    // Not into each future that awaits a response.
    #[inline(never)]
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Res>>> {
        let (requests, response) = (&mut self.requests, &mut self.response);
        ready!(self.course.poll_next(context, requests, response))?;
        Poll::Ready(Ok(self.response.take()))
    }
}

/// Waits for the next response. It holds nothing that had to be dropped, wherever it is awaited.
struct NextResponse<'a, Req, Res>(&'a mut StreamingCall<Req, Res>);

impl<Req: Send + 'static, Res> Future for NextResponse<'_, Req, Res> {
    type Output = Result<Option<Res>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_message(context)
    }
}

impl<Req: Send + 'static, Res> Start for StreamingCall<Req, Res> {
    fn start(&mut self) -> Result<Started> {
        Ok(self.receive()?.detach())
    }
}

impl<Req, Res> Unpin for StreamingCall<Req, Res> {}

impl<Req: Send + 'static, Res> Stream for StreamingCall<Req, Res> {
    type Item = Result<Res>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Res>>> {
        self.poll_message(context).map(Result::transpose)
    }
}

impl<Req, Res> fmt::Debug for StreamingCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingCall")
            .field("started", &self.course.receiving().is_some())
            .finish_non_exhaustive()
    }
}
