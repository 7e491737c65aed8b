//! What a streaming call sends: iterators and streams, and their way to the wire.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;

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

/// Where requests come from. An error among them is the end of the call.
pub type Source<Req> = Pin<Box<dyn Stream<Item = Result<Req>> + Send>>;

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
        Box::pin(Sure { stream: self })
    }
}

impl<Req, S> IntoRequests<Req, FromResults> for S
where
    S: Stream<Item = Result<Req>> + Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Box::pin(self)
    }
}

/// An iterator as a stream that is never pending.
struct Iterated<I>(I);

impl<I> Unpin for Iterated<I> {}

impl<I: Iterator> Stream for Iterated<I> {
    type Item = Result<I::Item>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

pin_project_lite::pin_project! {
    /// A stream that does not fail.
    struct Sure<S> {
        #[pin]
        stream: S,
    }
}

impl<S: Stream> Stream for Sure<S> {
    type Item = Result<S::Item>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project()
            .stream
            .poll_next(context)
            .map(|next| next.map(Ok))
    }
}

/// Sends the requests of a call. One is sent at once; many as far as they are there, the rest by a task: it must not
/// depend on whether the caller is reading responses.
pub(crate) fn send(
    requests: &mut dyn Unsent,
    mut packer: Packer,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    if requests.is_stream() {
        return feed(requests, packer, exchange);
    }
    let whole = pack(requests, &mut packer, exchange)?;
    requests.close();
    let whole = whole.or_else(|| packer.flush());
    exchange.write_request(whole.unwrap_or_default(), true);
    Ok(())
}

/// Packs the request at hand behind those before it; gives those when both do not fit into one piece.
fn pack(
    requests: &mut dyn Unsent,
    packer: &mut Packer,
    exchange: &Exchange,
) -> Result<Option<Bytes>> {
    let mut compression = exchange.details().compression;
    if compression != Compression::Identity && !requests.wants_compression() {
        compression = Compression::Identity;
    }
    let mut full = None;
    requests.show(&mut |request| {
        full = packer.push(request, compression)?;
        Ok(())
    })?;
    Ok(full)
}

fn feed(requests: &mut dyn Unsent, mut packer: Packer, exchange: &Arc<Exchange>) -> Result<()> {
    let mut fed = Fed::new(exchange);
    let mut context = Context::from_waker(Waker::noop());
    if fed
        .poll_feed(requests, &mut packer, &mut context)
        .is_pending()
    {
        let runtime = Handle::try_current().map_err(|_| {
            Status::failed_precondition("a streaming call needs a tokio runtime around it")
        })?;
        runtime.spawn(Feed {
            requests: requests.take(),
            packer,
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
    packer: Packer,
    fed: Fed,
}

impl Future for Feed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Feed {
            requests,
            packer,
            fed,
        } = &mut *self;
        fed.poll_feed(&mut **requests, packer, context)
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
        packer: &mut Packer,
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
                    if let Some(packed) = packer.flush() {
                        self.exchange.write_request(packed, false);
                    }
                    return Poll::Pending;
                }
            };
            let packed = match next {
                Ok(true) => pack(requests, packer, &self.exchange),
                Ok(false) => {
                    self.end(packer.flush());
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
