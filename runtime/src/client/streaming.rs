//! Calls with a stream of responses.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::draft::Draft;
use super::messages::Reading;
use super::options::{CallOptions, call_options};
use super::receiving::Receiving;
use super::requests::CompressIf;
use super::sender::sealed::{Start, Started};
use crate::{Code, Metadata, Result, Status};

/// A call with a stream of responses: it *is* the [`Stream`]. Options are set before; nothing is sent until the first
/// poll. The stream ends when the server has said OK, and with an error as its last item otherwise. Dropping it cancels the
/// call on both sides.
#[must_use = "a call does nothing until it is polled"]
pub struct StreamingCall<Req, Res> {
    draft: Draft<Req>,
    receiving: Option<Receiving>,
    response: Reading<Res>,
    initial: Option<Metadata>,
    done: bool,
}

impl<Req: 'static, Res> StreamingCall<Req, Res> {
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
        if self.initial.is_none() {
            let head = poll_fn(|context| {
                let receiving = self.receive()?;
                receiving.poll_head(context).map(Ok::<_, Status>)
            });
            let head = head.await?;
            if let (None, Some(Err(status))) = (&head, self.result()) {
                return Err(status);
            }
            self.initial = head;
        }
        Ok(self.initial.get_or_insert_default())
    }

    /// The metadata that the server sent with its status; `None` before the call has ended.
    pub fn trailing_metadata(&self) -> Option<Metadata> {
        let outcome = self.receiving.as_ref()?.outcome()?;
        Some(outcome.trailing)
    }

    /// How the call ended; `None` before it has.
    pub fn code(&self) -> Option<Code> {
        Some(match self.result()? {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        })
    }

    /// The message of the status, empty for OK; `None` before the call has ended.
    pub fn details(&self) -> Option<String> {
        Some(match self.result()? {
            Ok(()) => String::new(),
            Err(status) => status.message().to_owned(),
        })
    }

    /// How often the call was made before it was made as it is now: by the retry policy of its method, when it had failed, or by
    /// the hedging policy, side by side. It is made again only as long as no response has begun.
    pub fn previous_rpc_attempts(&self) -> u32 {
        let receiving = self.receiving.as_ref();
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
        self.draft.options()
    }

    /// `/package.Service/Method`.
    #[cfg(feature = "server")]
    pub(crate) fn method(&self) -> &str {
        self.draft.method()
    }

    pub(crate) fn set_compress_if(&mut self, wanted: CompressIf<Req>) {
        self.draft.compress_if(wanted);
    }

    pub(crate) fn new(draft: Draft<Req>, response: Reading<Res>) -> StreamingCall<Req, Res> {
        StreamingCall {
            draft,
            receiving: None,
            response,
            initial: None,
            done: false,
        }
    }

    fn receive(&mut self) -> Result<&mut Receiving> {
        self.draft.receive(&mut self.receiving, false)
    }

    fn result(&self) -> Option<Result<()>> {
        Some(self.receiving.as_ref()?.outcome()?.result)
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Res>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let read = match self.draft.receive(&mut self.receiving, false) {
            Ok(receiving) => ready!(receiving.poll_next(context, &mut self.response)),
            Err(status) => Err(status),
        };
        let message = match read {
            Ok(()) => self.response.take().map(Ok),
            Err(status) => Some(Err(status)),
        };
        self.done = !matches!(message, Some(Ok(_)));
        Poll::Ready(message)
    }
}

/// Waits for the next response. It holds nothing that had to be dropped, wherever it is awaited.
struct NextResponse<'a, Req, Res>(&'a mut StreamingCall<Req, Res>);

impl<Req: 'static, Res> Future for NextResponse<'_, Req, Res> {
    type Output = Result<Option<Res>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_message(context).map(Option::transpose)
    }
}

impl<Req: 'static, Res> Start for StreamingCall<Req, Res> {
    fn start(&mut self) -> Result<Started> {
        Ok(self.receive()?.detach())
    }
}

impl<Req, Res> Unpin for StreamingCall<Req, Res> {}

impl<Req: 'static, Res> Stream for StreamingCall<Req, Res> {
    type Item = Result<Res>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Res>>> {
        self.poll_message(context)
    }
}

impl<Req, Res> fmt::Debug for StreamingCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingCall")
            .field("started", &self.receiving.is_some())
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
