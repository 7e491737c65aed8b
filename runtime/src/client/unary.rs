//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::draft::Draft;
use super::options::call_options;
use super::responses::Inbox;
use super::sender::sealed::{Start, Started};
use crate::{Result, Status};

/// A call with one response: await it. Options are set before; nothing is sent until the first poll. Dropping it cancels
/// the call on both sides.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<Req, Res> {
    draft: Draft<Req, Res>,
    inbox: Option<Inbox>,
    response: Option<Res>,
}

/// A call with one response, awaited with what came beside the response.
#[must_use = "a call does nothing until it is awaited"]
pub struct WithCall<Req, Res>(UnaryCall<Req, Res>);

impl<Req: 'static, Res> UnaryCall<Req, Res> {
    call_options!();

    /// Gives the [`Call`], with the metadata that the server sent, beside the response.
    pub fn with_call(self) -> WithCall<Req, Res> {
        WithCall(self)
    }

    pub(crate) fn new(draft: Draft<Req, Res>) -> UnaryCall<Req, Res> {
        UnaryCall {
            draft,
            inbox: None,
            response: None,
        }
    }

    fn poll_response(&mut self, context: &mut Context<'_>) -> Poll<Result<Res>> {
        let inbox = self.draft.inbox(&mut self.inbox, true)?;
        loop {
            let Some(bytes) = ready!(inbox.poll_message(context))? else {
                let response = self.response.take();
                return Poll::Ready(response.ok_or_else(|| {
                    Status::internal(
                        "the server said OK to a call with one response, and sent none",
                    )
                }));
            };
            if self.response.is_some() {
                return Poll::Ready(Err(inbox.give_up(Status::internal(
                    "the server sent a second response to a call with one",
                ))));
            }
            match self.draft.decode(bytes) {
                Ok(response) => self.response = Some(response),
                Err(status) => return Poll::Ready(Err(inbox.give_up(status))),
            }
        }
    }
}

impl<Req: 'static, Res> Start for UnaryCall<Req, Res> {
    fn start(&mut self) -> Result<Started> {
        let inbox = self.draft.inbox(&mut self.inbox, true)?;
        Ok(Started(Arc::clone(&inbox.ongoing().exchange)))
    }
}

impl<Req, Res> Unpin for UnaryCall<Req, Res> {}

impl<Req: 'static, Res> Future for UnaryCall<Req, Res> {
    type Output = Result<Res>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Res>> {
        self.poll_response(context)
    }
}

impl<Req, Res> Unpin for WithCall<Req, Res> {}

impl<Req: 'static, Res> Future for WithCall<Req, Res> {
    type Output = Result<(Res, Call)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.0.poll_response(context))?;
        let exchange = self.0.inbox.as_ref().map(|inbox| &inbox.ongoing().exchange);
        let call = Call {
            initial: exchange
                .and_then(|exchange| exchange.head())
                .unwrap_or_default(),
            trailing: exchange
                .and_then(|exchange| exchange.outcome())
                .map(|outcome| outcome.trailing)
                .unwrap_or_default(),
            previous_attempts: exchange.map_or(0, |exchange| exchange.previous_attempts()),
        };
        Poll::Ready(Ok((response, call)))
    }
}

impl<Req, Res> fmt::Debug for UnaryCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnaryCall")
            .field("started", &self.inbox.is_some())
            .finish_non_exhaustive()
    }
}

impl<Req, Res> fmt::Debug for WithCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithCall").field(&self.0).finish()
    }
}
