//! The requests of a call until they are sent.

use std::fmt;
use std::task::{Context, Poll, ready};

use super::into_requests::Source;
use crate::base::Codec;
use crate::call::{AnyMessage, Show, show};
use crate::{Result, Status};

/// The requests of a call until they are sent, one of them at hand, for who does not know their type.
pub(crate) trait Unsent: Send {
    /// Whether there is a stream of them. None of a stream is at hand before it is asked for; the one of a call that has one is.
    fn is_stream(&self) -> bool;

    /// Puts the next request of a stream at hand, where none is; `false` when none follows.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>>;

    /// Shows the request at hand, if one is.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    /// Drops the request at hand.
    fn clear(&mut self);

    /// All of it, to be kept; nothing is left here.
    fn take(&mut self) -> Box<dyn Unsent>;

    /// Drops them: no more are wanted.
    fn close(&mut self);
}

/// Requests, and what is done with one.
pub(crate) struct Requests<Req> {
    at_hand: Option<Req>,
    source: Option<Source<Req>>,
    show: Show<Req>,
}

impl<Req: fmt::Debug + 'static> Requests<Req> {
    /// The request of a call that has one.
    pub(crate) fn one<C: Codec<Req>>(request: Req) -> Requests<Req> {
        Requests::new(Some(request), None, show::<Req, C>)
    }

    /// A stream of requests.
    pub(crate) fn many<C: Codec<Req>>(source: Source<Req>) -> Requests<Req> {
        Requests::new(None, Some(source), show::<Req, C>)
    }
}

impl<Req> Requests<Req> {
    pub(crate) fn new(
        at_hand: Option<Req>,
        source: Option<Source<Req>>,
        show: Show<Req>,
    ) -> Requests<Req> {
        Requests {
            at_hand,
            source,
            show,
        }
    }
}

impl<Req: Send + 'static> Unsent for Requests<Req> {
    fn is_stream(&self) -> bool {
        self.source.is_some()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(Ok(false));
        };
        ready!(source.as_mut().poll_next(context, &mut self.at_hand))?;
        Poll::Ready(Ok(self.at_hand.is_some()))
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        match &mut self.at_hand {
            Some(request) => (self.show)(request, look),
            None => Ok(()),
        }
    }

    fn clear(&mut self) {
        self.at_hand = None;
    }

    fn take(&mut self) -> Box<dyn Unsent> {
        Box::new(Requests {
            at_hand: self.at_hand.take(),
            source: self.source.take(),
            show: self.show,
        })
    }

    fn close(&mut self) {
        self.at_hand = None;
        self.source = None;
    }
}

/// Of a call whose request is not there.
pub(crate) fn none_at_hand() -> Status {
    Status::internal("there is no request to be sent")
}
