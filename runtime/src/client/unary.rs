//! Calls with one response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::draft::Draft;
use super::messages::Reading;
use super::options::{CallOptions, call_options};
use super::receiving::Receiving;
use super::requests::CompressIf;
use super::responses;
use super::sender::sealed::{Start, Started};
use crate::Result;

/// A call with one response: await it. Options are set before; nothing is sent until the first poll. Dropping it cancels
/// the call on both sides.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<Req, Res> {
    draft: Draft<Req>,
    receiving: Option<Receiving>,
    response: Reading<Res>,
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

    pub(crate) fn new(draft: Draft<Req>, response: Reading<Res>) -> UnaryCall<Req, Res> {
        UnaryCall {
            draft,
            receiving: None,
            response,
        }
    }

    fn poll_response(&mut self, context: &mut Context<'_>) -> Poll<Result<Res>> {
        let receiving = self.draft.receive(&mut self.receiving, true)?;
        ready!(receiving.poll_only(context, &mut self.response))?;
        Poll::Ready(self.response.take().ok_or_else(responses::none))
    }
}

impl<Req: 'static, Res> Start for UnaryCall<Req, Res> {
    fn start(&mut self) -> Result<Started> {
        let receiving = self.draft.receive(&mut self.receiving, true)?;
        Ok(receiving.detach())
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
        let mut receiving = self.0.receiving.as_mut();
        let head = receiving.as_mut().and_then(|call| call.take_head());
        let outcome = receiving.as_ref().and_then(|call| call.outcome());
        let call = Call {
            initial: head.unwrap_or_default(),
            trailing: outcome.map(|outcome| outcome.trailing).unwrap_or_default(),
            previous_attempts: receiving.map_or(0, |call| call.previous_attempts()),
        };
        Poll::Ready(Ok((response, call)))
    }
}

impl<Req, Res> fmt::Debug for UnaryCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnaryCall")
            .field("started", &self.receiving.is_some())
            .finish_non_exhaustive()
    }
}

impl<Req, Res> fmt::Debug for WithCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithCall").field(&self.0).finish()
    }
}
