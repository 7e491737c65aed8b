//! What a streaming call sends: iterators and streams, and their way to the wire.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;

use super::compress_if::CompressIf;
use super::unsent::Unsent;
use crate::call::{Exchange, Watch};
use crate::framing::Packer;
use crate::{Compression, Result, Status};

/// What may be sent as the requests of a client-streaming or bidirectional call: any iterator and any [`Stream`] of
/// messages, and any stream of `Result`s, such as [`stream()`](crate::stream()) makes, or a servicer's `RequestStream` that is
/// passed on. An error cancels the call, which its caller sees end with it. [`sending`](crate::sending) is for those who would
/// rather send step by step.
///
/// `Marker` tells them apart; it is inferred.
pub trait IntoRequests<Req, Marker>: Send + 'static {
    /// The requests, as a call takes them.
    #[doc(hidden)]
    fn into_requests(self) -> Source<Req>;
}

/// The marker of requests that come from an iterator.
#[derive(Debug)]
pub enum FromIterator {}

/// The marker of requests that come from a stream.
#[derive(Debug)]
pub enum FromStream {}

/// The marker of requests that come from a stream which may fail.
#[derive(Debug)]
pub enum FromResults {}

/// Where requests come from, whatever its type.
pub trait Next<Req>: Send {
    /// Puts the next request in its place; nothing, when none follows. An error is the end of the call.
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        place: &mut Option<Req>,
    ) -> Poll<Result<()>>;
}

/// Where requests come from.
pub type Source<Req> = Pin<Box<dyn Next<Req>>>;

impl<Req, I> IntoRequests<Req, FromIterator> for I
where
    I: IntoIterator<Item = Req> + Send + 'static,
    I::IntoIter: Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Box::pin(Iterated(self.into_iter()))
    }
}

impl<Req, S> IntoRequests<Req, FromStream> for S
where
    S: Stream<Item = Req> + Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Box::pin(Sure { requests: self })
    }
}

impl<Req, S> IntoRequests<Req, FromResults> for S
where
    S: Stream<Item = Result<Req>> + Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Box::pin(Fallible { requests: self })
    }
}

/// An iterator, which is never pending.
struct Iterated<I>(I);

impl<I> Unpin for Iterated<I> {}

impl<I: Iterator + Send> Next<I::Item> for Iterated<I> {
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

impl<S: Stream + Send> Next<S::Item> for Sure<S> {
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

impl<Req, S: Stream<Item = Result<Req>> + Send> Next<Req> for Fallible<S> {
    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        place: &mut Option<Req>,
    ) -> Poll<Result<()>> {
        *place = ready!(self.project().requests.poll_next(context)).transpose()?;
        Poll::Ready(Ok(()))
    }
}

/// Sends the requests of a call. One is sent at once; many as far as they are there, the rest by a task: it must not
/// depend on whether the caller is reading responses.
pub(crate) fn send(
    requests: &mut dyn Unsent,
    mut packing: Packing,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    if requests.is_stream() {
        return feed(requests, packing, exchange);
    }
    let whole = packing.pack(requests, exchange)?;
    requests.close();
    let whole = whole.or_else(|| packing.flush());
    exchange.write_request(whole.unwrap_or_default(), true);
    Ok(())
}

/// Packs the requests of a call.
pub(crate) struct Packing {
    packer: Packer,
    /// Which of them are compressed; without it all are.
    compress_if: Option<CompressIf>,
}

impl Packing {
    pub(crate) fn new(packer: Packer, compress_if: Option<CompressIf>) -> Packing {
        Packing {
            packer,
            compress_if,
        }
    }

    /// Packs the request at hand behind those before it; gives those when both do not fit into one piece.
    fn pack(&mut self, requests: &mut dyn Unsent, exchange: &Exchange) -> Result<Option<Bytes>> {
        let mut full = None;
        requests.show(&mut |request| {
            let compression = match &self.compress_if {
                Some(wanted) if !wanted.wants(request) => Compression::Identity,
                _ => exchange.details().compression,
            };
            full = self.packer.push(request, compression)?;
            Ok(())
        })?;
        Ok(full)
    }

    /// What there is.
    fn flush(&mut self) -> Option<Bytes> {
        self.packer.flush()
    }
}

fn feed(requests: &mut dyn Unsent, mut packing: Packing, exchange: &Arc<Exchange>) -> Result<()> {
    let mut fed = Fed::new(exchange);
    let mut nobody = Context::from_waker(Waker::noop());
    if fed
        .poll_feed(requests, &mut packing, &mut nobody)
        .is_pending()
    {
        let runtime = Handle::try_current().map_err(|_| {
            Status::failed_precondition("a streaming call needs a tokio runtime around it")
        })?;
        runtime.spawn(Feed {
            requests: requests.take(),
            packing,
            fed,
        });
    } else {
        requests.close();
    }
    Ok(())
}

/// Feeds the requests of a call to its connection, until they end or the call does.
struct Feed {
    requests: Box<dyn Unsent>,
    packing: Packing,
    fed: Fed,
}

impl Future for Feed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.fed
            .poll_feed(&mut *this.requests, &mut this.packing, context)
    }
}

/// The call that is fed. Requests that did not come to their end, because they panicked or their runtime is no more, must not
/// look as if they had, and their caller is not left waiting.
struct Fed {
    exchange: Arc<Exchange>,
    over: Watch,
    ended: bool,
}

impl Fed {
    fn new(exchange: &Arc<Exchange>) -> Fed {
        Fed {
            exchange: Arc::clone(exchange),
            over: Watch::new(Arc::clone(exchange)),
            ended: false,
        }
    }

    fn poll_feed(
        &mut self,
        requests: &mut dyn Unsent,
        packing: &mut Packing,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if self.over.poll_over(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            if ready!(self.exchange.poll_request_room(context)).is_err() {
                return Poll::Ready(());
            }
            let next = match requests.poll_next(context) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    if let Some(packed) = packing.flush() {
                        self.exchange.write_request(packed, false);
                    }
                    return Poll::Pending;
                }
            };
            let packed = match next {
                Ok(true) => packing.pack(requests, &self.exchange),
                Ok(false) => {
                    self.end(packing.flush());
                    return Poll::Ready(());
                }
                Err(status) => Err(status),
            };
            match packed {
                Ok(Some(packed)) => self.exchange.write_request(packed, false),
                Ok(None) => {}
                Err(status) => {
                    self.exchange.abandon(status);
                    return Poll::Ready(());
                }
            }
        }
    }

    fn end(&mut self, last: Option<Bytes>) {
        self.exchange.write_request(last.unwrap_or_default(), true);
        self.ended = true;
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        if !self.ended && self.exchange.over().is_none() {
            self.exchange.abandon(Status::cancelled(
                "the requests of the call were dropped before their end: they panicked, or their runtime has ended",
            ));
        }
    }
}
