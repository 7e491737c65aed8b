//! The requests of a call until they are sent.

use std::fmt;
use std::task::{Context, Poll, ready};

use super::requests::Source;
use crate::Result;
use crate::call::{AnyMessage, Show, show};
use crate::codec::Codec;

/// The requests of a call until they are sent, one of them at hand, for who does not know their type.
pub(crate) trait Unsent: Send {
    /// Whether there is a stream of them. None of a stream is at hand before it is asked for; the one of a call that has one is.
    fn is_stream(&self) -> bool;

    /// Puts the next request of a stream in the place of the one at hand; `false` when none follows.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>>;

    /// Shows the request at hand.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    /// All of it, to be kept; nothing is left here.
    fn take(&mut self) -> Box<dyn Unsent>;

    /// Drops them: all that are wanted have been sent.
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
        Requests {
            at_hand: Some(request),
            source: None,
            show: show::<Req, C>,
        }
    }

    /// A stream of requests.
    pub(crate) fn many<C: Codec<Req>>(source: Source<Req>) -> Requests<Req> {
        Requests {
            at_hand: None,
            source: Some(source),
            show: show::<Req, C>,
        }
    }
}

impl<Req: Send + 'static> Unsent for Requests<Req> {
    fn is_stream(&self) -> bool {
        self.source.is_some()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        // It has been sent, and is not kept while the next is waited for.
        self.at_hand = None;
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
