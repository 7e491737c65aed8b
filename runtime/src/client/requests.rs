//! What a streaming call sends: iterators and streams, and their way to the wire.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;

use crate::call::{Exchange, Watch};
use crate::framing::Packer;
use crate::{Compression, Result, Status};

/// What may be sent as the requests of a client-streaming or bidirectional call: any iterator and any [`Stream`] of
/// messages.
///
/// `Marker` tells the two apart; it is inferred.
pub trait IntoRequests<Req, Marker>: Send + 'static {
    /// The requests as a stream.
    fn into_requests(self) -> impl Stream<Item = Req> + Send + 'static;
}

/// The marker of requests that come from an iterator.
#[derive(Debug)]
pub enum FromIterator {}

/// The marker of requests that come from a stream.
#[derive(Debug)]
pub enum FromStream {}

impl<Req, I> IntoRequests<Req, FromIterator> for I
where
    I: IntoIterator<Item = Req> + Send + 'static,
    I::IntoIter: Send + 'static,
{
    fn into_requests(self) -> impl Stream<Item = Req> + Send + 'static {
        Iterated(self.into_iter())
    }
}

impl<Req, S> IntoRequests<Req, FromStream> for S
where
    S: Stream<Item = Req> + Send + 'static,
{
    fn into_requests(self) -> impl Stream<Item = Req> + Send + 'static {
        self
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

/// The requests of a call before it is started.
pub(crate) enum Requests<Req> {
    One(Req),
    Many(Pin<Box<dyn Stream<Item = Req> + Send>>),
}

/// Packs a message behind those before it, compressed.
pub(crate) type Pack<Req> = fn(&mut Packer, &Req, Compression) -> Result<Option<Bytes>>;

/// Sends the requests of a call. One is sent at once; many as far as they are there, the rest by a task: it must not
/// depend on whether the caller is reading responses.
pub(crate) fn send<Req: 'static>(
    requests: Requests<Req>,
    pack: Pack<Req>,
    mut packer: Packer,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    match requests {
        Requests::One(request) => {
            let whole = match pack(&mut packer, &request, exchange.details().compression)? {
                Some(whole) => whole,
                None => packer.flush().unwrap_or_default(),
            };
            exchange.write_request(whole, true);
        }
        Requests::Many(requests) => {
            let mut feed = Feed {
                requests,
                pack,
                packer,
                over: Watch::new(Arc::clone(exchange)),
                exchange: Arc::clone(exchange),
            };
            let mut context = Context::from_waker(Waker::noop());
            if Pin::new(&mut feed).poll(&mut context).is_pending() {
                let runtime = Handle::try_current().map_err(|_| {
                    Status::failed_precondition("a streaming call needs a tokio runtime around it")
                })?;
                runtime.spawn(feed);
            }
        }
    }
    Ok(())
}

/// Feeds the requests of a call to its connection, until they end or the call does.
struct Feed<Req> {
    requests: Pin<Box<dyn Stream<Item = Req> + Send>>,
    pack: Pack<Req>,
    packer: Packer,
    over: Watch,
    exchange: Arc<Exchange>,
}

impl<Req> Unpin for Feed<Req> {}

impl<Req> Future for Feed<Req> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.over.poll_over(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            if ready!(this.exchange.poll_request_room(context)).is_err() {
                return Poll::Ready(());
            }
            match this.requests.as_mut().poll_next(context) {
                Poll::Ready(Some(request)) => {
                    let compression = this.exchange.details().compression;
                    match (this.pack)(&mut this.packer, &request, compression) {
                        Ok(Some(packed)) => this.exchange.write_request(packed, false),
                        Ok(None) => {}
                        Err(status) => {
                            this.exchange.abandon(status);
                            return Poll::Ready(());
                        }
                    }
                }
                Poll::Ready(None) => {
                    let last = this.packer.flush().unwrap_or_default();
                    this.exchange.write_request(last, true);
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    if let Some(packed) = this.packer.flush() {
                        this.exchange.write_request(packed, false);
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}
