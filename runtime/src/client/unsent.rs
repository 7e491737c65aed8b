//! The requests of a call until they are sent.

use std::fmt;
use std::task::{Context, Poll, ready};

use super::requests::Source;
use crate::Result;
use crate::call::{AnyMessage, Show, show};
use crate::codec::Codec;

/// Whether a request is to be compressed.
pub(crate) type CompressIf<Req> = Box<dyn Fn(&Req) -> bool + Send + Sync>;

/// The requests of a call until they are sent, one of them at hand, for who does not know their type.
pub(crate) trait Unsent: Send {
    /// Whether there is a stream of them. None of a stream is at hand before it is asked for; the one of a call that has one is.
    fn is_stream(&self) -> bool;

    /// Puts the next request of a stream in the place of the one at hand; `false` when none follows.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>>;

    /// Shows the request at hand.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    /// Whether the request at hand is compressed, if those of its call are.
    fn wants_compression(&self) -> bool;

    /// All of it, to be kept; nothing is left here.
    fn take(&mut self) -> Box<dyn Unsent>;

    /// Drops them: all that are wanted have been sent.
    fn close(&mut self);
}

/// Requests, and what is done with one.
pub(crate) struct Requests<Req> {
    at_hand: Option<Req>,
    source: Option<Source<Req>>,
    /// Which of them are compressed; without it all are.
    compress_if: Option<CompressIf<Req>>,
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
            compress_if: None,
            show,
        }
    }

    pub(crate) fn compress_if(&mut self, wanted: CompressIf<Req>) {
        self.compress_if = Some(wanted);
    }
}

impl<Req: Send + 'static> Unsent for Requests<Req> {
    fn is_stream(&self) -> bool {
        self.source.is_some()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        self.at_hand = match &mut self.source {
            Some(source) => ready!(source.as_mut().poll_next(context)).transpose()?,
            None => None,
        };
        Poll::Ready(Ok(self.at_hand.is_some()))
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        match &mut self.at_hand {
            Some(request) => (self.show)(request, look),
            None => Ok(()),
        }
    }

    fn wants_compression(&self) -> bool {
        match (&self.compress_if, &self.at_hand) {
            (Some(wanted), Some(request)) => wanted(request),
            _ => true,
        }
    }

    fn take(&mut self) -> Box<dyn Unsent> {
        Box::new(Requests {
            at_hand: self.at_hand.take(),
            source: self.source.take(),
            compress_if: self.compress_if.take(),
            show: self.show,
        })
    }

    fn close(&mut self) {
        self.at_hand = None;
        self.source = None;
    }
}
