//! What a streaming call sends: iterators and streams, and their way to the wire.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;

use super::outbox::{self, Keep};
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

impl<Req, I> IntoRequests<Req, FromIterator> for I
where
    I: IntoIterator<Item = Req> + Send + 'static,
    I::IntoIter: Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Source::Sure(Box::pin(Iterated(self.into_iter())))
    }
}

impl<Req, S> IntoRequests<Req, FromStream> for S
where
    S: Stream<Item = Req> + Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Source::Sure(Box::pin(self))
    }
}

impl<Req, S> IntoRequests<Req, FromResults> for S
where
    S: Stream<Item = Result<Req>> + Send + 'static,
{
    fn into_requests(self) -> Source<Req> {
        Source::Fallible(Box::pin(self))
    }
}

/// An iterator as a stream that is never pending.
struct Iterated<I>(I);

impl<I> Unpin for Iterated<I> {}

impl<I: Iterator> Stream for Iterated<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// Where requests come from.
pub enum Source<Req> {
    /// They do not fail.
    Sure(Pin<Box<dyn Stream<Item = Req> + Send>>),
    /// An error among them is the end of the call.
    Fallible(Pin<Box<dyn Stream<Item = Result<Req>> + Send>>),
}

impl<Req> Source<Req> {
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Req>>> {
        match self {
            Source::Sure(requests) => requests
                .as_mut()
                .poll_next(context)
                .map(|next| next.map(Ok)),
            Source::Fallible(requests) => requests.as_mut().poll_next(context),
        }
    }
}

/// The requests of a call before it is started.
pub(crate) enum Requests<Req> {
    One(Req),
    Many(Many<Req>),
}

/// A stream of requests, and what is done with one: that is compiled only for the methods that have streams.
pub(crate) struct Many<Req> {
    pub(super) source: Source<Req>,
    feed: FeedAll<Req>,
    /// For calls with interceptors.
    pub(super) keep: Keep<Req>,
}

/// Sends a stream of requests.
type FeedAll<Req> = fn(Feed<Req>) -> Result<()>;

impl<Req: Send + 'static> Requests<Req> {
    pub(crate) fn many(source: Source<Req>) -> Requests<Req> {
        Requests::Many(Many {
            source,
            feed: Feed::start,
            keep: outbox::keep,
        })
    }
}

/// Packs a message behind those before it, compressed.
pub(crate) type Pack<Req> = fn(&mut Packer, &Req, Compression) -> Result<Option<Bytes>>;

/// Whether a request is to be compressed.
pub(crate) type CompressIf<Req> = Box<dyn Fn(&Req) -> bool + Send + Sync>;

/// How a request of a call is compressed.
fn compression<Req>(
    exchange: &Exchange,
    compress_if: Option<&CompressIf<Req>>,
    request: &Req,
) -> Compression {
    match compress_if {
        Some(wanted) if !wanted(request) => Compression::Identity,
        _ => exchange.details().compression,
    }
}

/// Sends the requests of a call. One is sent at once; many as far as they are there, the rest by a task: it must not
/// depend on whether the caller is reading responses.
pub(crate) fn send<Req: 'static>(
    requests: Requests<Req>,
    pack: Pack<Req>,
    compress_if: Option<CompressIf<Req>>,
    mut packer: Packer,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    match requests {
        Requests::One(request) => {
            let compression = compression(exchange, compress_if.as_ref(), &request);
            let whole = pack(&mut packer, &request, compression)?;
            send_whole(whole, packer, exchange);
        }
        Requests::Many(requests) => (requests.feed)(Feed {
            requests: requests.source,
            pack,
            compress_if,
            packer,
            fed: Fed::new(exchange),
        })?,
    }
    Ok(())
}

/// Sends the one request of a call, which the packer has packed.
fn send_whole(whole: Option<Bytes>, mut packer: Packer, exchange: &Arc<Exchange>) {
    let whole = whole.or_else(|| packer.flush());
    exchange.write_request(whole.unwrap_or_default(), true);
}

/// Feeds the requests of a call to its connection, until they end or the call does.
struct Feed<Req> {
    requests: Source<Req>,
    pack: Pack<Req>,
    compress_if: Option<CompressIf<Req>>,
    packer: Packer,
    fed: Fed,
}

impl<Req: 'static> Feed<Req> {
    fn start(mut self) -> Result<()> {
        let mut context = Context::from_waker(Waker::noop());
        if Pin::new(&mut self).poll(&mut context).is_pending() {
            let runtime = Handle::try_current().map_err(|_| {
                Status::failed_precondition("a streaming call needs a tokio runtime around it")
            })?;
            runtime.spawn(self);
        }
        Ok(())
    }
}

impl<Req> Unpin for Feed<Req> {}

impl<Req> Future for Feed<Req> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let fed = &mut this.fed;
        if fed.over.poll_over(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            if ready!(fed.exchange.poll_request_room(context)).is_err() {
                return Poll::Ready(());
            }
            match this.requests.poll_next(context) {
                Poll::Ready(Some(request)) => {
                    let pack = |request| {
                        let compress_if = this.compress_if.as_ref();
                        let compression = compression(&fed.exchange, compress_if, &request);
                        (this.pack)(&mut this.packer, &request, compression)
                    };
                    match request.and_then(pack) {
                        Ok(Some(packed)) => fed.exchange.write_request(packed, false),
                        Ok(None) => {}
                        Err(status) => {
                            fed.exchange.abandon(status);
                            return Poll::Ready(());
                        }
                    }
                }
                Poll::Ready(None) => {
                    fed.end(this.packer.flush());
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    if let Some(packed) = this.packer.flush() {
                        fed.exchange.write_request(packed, false);
                    }
                    return Poll::Pending;
                }
            }
        }
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
