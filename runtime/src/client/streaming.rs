//! Calls with a stream of responses.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::call_state::CallState;
use super::cancel_handle::CancelHandle;
use super::options::sealed::HasOptions;
use super::options::{CallOptions, Options, option_methods};
use super::sender::Start;
use super::sender::sealed::StartCall;
use super::started::Started;
use crate::base::erasure::{BoxedRequests, Slot};
use crate::call::CallEnd;
use crate::{Code, Metadata, Result};

/// A call with a stream of responses. It implements [`Stream`], with `Result<Res>` items.
///
/// Set options before the first poll, which starts the call. If the server ends the call with OK, the stream ends. Otherwise the
/// last item is the error. Dropping the call cancels it on both sides.
#[must_use = "a call does nothing until it is polled"]
pub struct StreamingCall<Res> {
    state: CallState,
    requests: BoxedRequests,
    response: Slot<Res>,
}

static NO_METADATA: Metadata = Metadata::new();

impl<Res> StreamingCall<Res> {
    option_methods!(pub fn);

    /// Waits for the next response. Returns `None` once the server has ended the call with OK. The future may be dropped before
    /// it is ready, for example in `tokio::select!` or `timeout`: no response is lost.
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK. Nothing follows an error.
    #[doc(alias = "read")]
    pub fn message(&mut self) -> impl Future<Output = Result<Option<Res>>> {
        NextResponse(self)
    }

    /// Waits for the metadata that the server sends before its first response. Starts the call if it has not been started.
    ///
    /// # Errors
    /// Returns the status of the call if it failed before any metadata arrived.
    pub async fn initial_metadata(&mut self) -> Result<&Metadata> {
        poll_fn(|context| self.state.poll_initial(context, &mut self.requests)).await?;
        let failed = self.state.result().and_then(Result::err);
        match (self.state.initial(), failed) {
            (Some(initial), _) => Ok(initial),
            (None, Some(status)) => Err(status),
            (None, None) => Ok(&NO_METADATA),
        }
    }

    /// Returns the metadata that the server sent with its status, or `None` before the call has ended.
    pub fn trailing_metadata(&self) -> Option<Metadata> {
        self.state.trailing()
    }

    /// Returns the end of the call, or `None` before it has ended.
    pub fn end(&mut self) -> Option<CallEnd> {
        self.state.end()
    }

    /// Returns the code of the status, or `None` before the call has ended.
    pub fn code(&self) -> Option<Code> {
        Some(match self.state.result()? {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        })
    }

    /// Returns the message of the status, which is empty for OK. Returns `None` before the call has ended.
    pub fn details(&self) -> Option<String> {
        Some(match self.state.result()? {
            Ok(()) => String::new(),
            Err(status) => status.message().to_owned(),
        })
    }

    /// Returns the number of attempts before the current one. The method's retry or hedging policy makes them. A call is only
    /// retried until its response begins.
    pub fn previous_rpc_attempts(&self) -> u32 {
        self.state.previous_attempts()
    }

    /// Cancels the call on both sides. Unread responses are dropped, and the stream ends with CANCELLED. Does nothing if the call
    /// has ended.
    pub fn cancel(&mut self) {
        self.state.cancel(&mut self.requests);
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
        requests: BoxedRequests,
        response: Slot<Res>,
    ) -> StreamingCall<Res> {
        StreamingCall {
            state,
            requests,
            response,
        }
    }

    // Kept out of the futures that await a response.
    #[inline(never)]
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Res>>> {
        let (requests, response) = (&mut self.requests, &mut self.response);
        ready!(self.state.poll_next(context, requests, response))?;
        Poll::Ready(Ok(self.response.take()))
    }
}

impl<Res> HasOptions for StreamingCall<Res> {
    fn options(&mut self) -> &mut Options {
        self.state.options()
    }
}

impl<Res> CallOptions for StreamingCall<Res> {}

impl<Res> StartCall for StreamingCall<Res> {
    fn start(&mut self) -> Result<Started> {
        Ok(self.state.receive(&mut self.requests)?.detach())
    }
}

impl<Res> Start for StreamingCall<Res> {}

/// Waits for the next response. It has nothing to drop, so it adds no drop code where it is awaited.
struct NextResponse<'a, Res>(&'a mut StreamingCall<Res>);

impl<Res> Future for NextResponse<'_, Res> {
    type Output = Result<Option<Res>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_message(context)
    }
}

impl<Res> Unpin for StreamingCall<Res> {}

impl<Res> Stream for StreamingCall<Res> {
    type Item = Result<Res>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Res>>> {
        self.poll_message(context).map(Result::transpose)
    }
}

impl<Res> fmt::Debug for StreamingCall<Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingCall")
            .field("started", &self.state.is_started())
            .finish_non_exhaustive()
    }
}
