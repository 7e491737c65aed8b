//! The requests of a call, until they are sent.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use super::any_message::AnyMessage;
use super::slot::{ShowFn, show};
use crate::base::codec::Codec;
use crate::{Result, Status};

/// A stream of requests of any type.
pub trait RequestSource<Req>: Send {
    /// Puts the next request into `place`, which must be empty. If no request follows, `place` stays empty. An error ends the
    /// call.
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        place: &mut Option<Req>,
    ) -> Poll<Result<()>>;
}

/// The stream of requests of a call.
pub type BoxedSource<Req> = Pin<Box<dyn RequestSource<Req>>>;

/// The [`Requests`] of a call, of any type. They hold at most one request at a time: the current request.
pub(crate) trait AnyRequests: Send {
    /// Returns whether the call has a stream of requests. If so, [`poll_next`](AnyRequests::poll_next) sets the current request.
    /// Otherwise the single request is the current one from the beginning.
    fn is_stream(&self) -> bool;

    /// Makes the next request of the stream the current one. Returns `false` if there is none. There must be no current request
    /// before.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>>;

    /// Passes the current request to `look`. Does nothing if there is none.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    /// Drops the current request.
    fn clear(&mut self);

    /// Moves all requests into a box, and leaves none here.
    fn take(&mut self) -> Box<dyn AnyRequests>;

    /// Drops the current request and the stream.
    fn close(&mut self);
}

/// The requests of a call, with the function that passes a request to untyped code.
pub(crate) struct Requests<Req> {
    at_hand: Option<Req>,
    /// The mutex is never locked: it only makes the call `Sync`, even if the stream is not.
    source: Option<Mutex<BoxedSource<Req>>>,
    show: ShowFn<Req>,
}

impl<Req: fmt::Debug + 'static> Requests<Req> {
    /// Creates the requests of a call with a single request.
    pub(crate) fn one<C: Codec<Req>>(request: Req) -> Requests<Req> {
        Requests::new(Some(request), None, show::<Req, C>)
    }

    /// Creates the requests of a call with a stream of requests.
    pub(crate) fn many<C: Codec<Req>>(source: BoxedSource<Req>) -> Requests<Req> {
        Requests::new(None, Some(source), show::<Req, C>)
    }
}

impl<Req> Requests<Req> {
    pub(crate) fn new(
        at_hand: Option<Req>,
        source: Option<BoxedSource<Req>>,
        show: ShowFn<Req>,
    ) -> Requests<Req> {
        Requests {
            at_hand,
            source: source.map(Mutex::new),
            show,
        }
    }
}

impl<Req: Send + 'static> Requests<Req> {
    /// Moves the requests into a box, for a call that is not generic over their type.
    pub(crate) fn boxed(self) -> BoxedRequests {
        BoxedRequests(Mutex::new(Box::new(self)))
    }
}

impl<Req: Send + 'static> AnyRequests for Requests<Req> {
    fn is_stream(&self) -> bool {
        self.source.is_some()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(Ok(false));
        };
        let source = source.get_mut().unwrap_or_else(PoisonError::into_inner);
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

    fn take(&mut self) -> Box<dyn AnyRequests> {
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

/// [`Requests`] in a box, which is taken without another allocation.
///
/// The mutex is never locked: it only makes the call `Sync`, even if the requests are not.
pub(crate) struct BoxedRequests(Mutex<Box<dyn AnyRequests>>);

impl BoxedRequests {
    fn get_mut(&mut self) -> &mut Box<dyn AnyRequests> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AnyRequests for BoxedRequests {
    fn is_stream(&self) -> bool {
        let requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.is_stream()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        self.get_mut().poll_next(context)
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        self.get_mut().show(look)
    }

    fn clear(&mut self) {
        self.get_mut().clear();
    }

    fn take(&mut self) -> Box<dyn AnyRequests> {
        std::mem::replace(self.get_mut(), Box::new(NoRequests))
    }

    fn close(&mut self) {
        self.get_mut().close();
    }
}

/// The empty requests that remain after the requests were taken.
struct NoRequests;

impl AnyRequests for NoRequests {
    fn is_stream(&self) -> bool {
        false
    }

    fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Result<bool>> {
        Poll::Ready(Ok(false))
    }

    fn show(&mut self, _look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        Ok(())
    }

    fn clear(&mut self) {}

    fn take(&mut self) -> Box<dyn AnyRequests> {
        Box::new(NoRequests)
    }

    fn close(&mut self) {}
}

/// Returns the status of a call whose request is missing.
pub(crate) fn none_at_hand() -> Status {
    Status::internal("there is no request to send")
}
