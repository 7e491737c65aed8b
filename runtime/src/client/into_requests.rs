//! The iterators and streams that a call accepts as its requests.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::Result;
use crate::base::erasure::{BoxedSource, RequestSource};

/// The requests of a client-streaming or bidirectional call: any iterator of messages, any [`Stream`] of messages, or any stream of
/// `Result`s, such as [`stream()`](crate::stream()) or a servicer's `RequestStream`.
///
/// An error in the stream cancels the call, which then ends with this error. To send requests one by one, use
/// [`sending`](crate::sending).
///
/// `Marker` distinguishes these three kinds of requests. The compiler infers it.
pub trait IntoRequests<Req, Marker>: Send + 'static {
    /// Converts the requests to the form that calls use internally.
    #[doc(hidden)]
    fn into_requests(self) -> BoxedSource<Req>;
}

/// The marker for iterators.
#[derive(Debug)]
pub enum ViaIterator {}

/// The marker for streams of messages.
#[derive(Debug)]
pub enum ViaStream {}

/// The marker for streams of `Result`s.
#[derive(Debug)]
pub enum ViaResults {}

impl<Req, I> IntoRequests<Req, ViaIterator> for I
where
    I: IntoIterator<Item = Req> + Send + 'static,
    I::IntoIter: Send + 'static,
{
    fn into_requests(self) -> BoxedSource<Req> {
        Box::pin(Iterated(self.into_iter()))
    }
}

impl<Req, S> IntoRequests<Req, ViaStream> for S
where
    S: Stream<Item = Req> + Send + 'static,
{
    fn into_requests(self) -> BoxedSource<Req> {
        Box::pin(Sure { requests: self })
    }
}

impl<Req, S> IntoRequests<Req, ViaResults> for S
where
    S: Stream<Item = Result<Req>> + Send + 'static,
{
    fn into_requests(self) -> BoxedSource<Req> {
        Box::pin(Fallible { requests: self })
    }
}

/// An iterator, which is never pending.
struct Iterated<I>(I);

impl<I> Unpin for Iterated<I> {}

impl<I: Iterator + Send> RequestSource<I::Item> for Iterated<I> {
    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        place: &mut Option<I::Item>,
    ) -> Poll<Result<()>> {
        *place = self.0.next();
        Poll::Ready(Ok(()))
    }
}

pin_project! {
    /// A stream that does not fail.
    struct Sure<S> {
        #[pin]
        requests: S,
    }
}

impl<S: Stream + Send> RequestSource<S::Item> for Sure<S> {
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        place: &mut Option<S::Item>,
    ) -> Poll<Result<()>> {
        *place = ready!(self.project().requests.poll_next(context));
        Poll::Ready(Ok(()))
    }
}

pin_project! {
    /// A stream that may fail.
    struct Fallible<S> {
        #[pin]
        requests: S,
    }
}

impl<Req, S: Stream<Item = Result<Req>> + Send> RequestSource<Req> for Fallible<S> {
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        place: &mut Option<Req>,
    ) -> Poll<Result<()>> {
        *place = ready!(self.project().requests.poll_next(context)).transpose()?;
        Poll::Ready(Ok(()))
    }
}
