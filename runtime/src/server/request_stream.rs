//! The requests of a call, for its servicer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::context::ServicerContext;
use crate::base::erasure::{AnySlot, Slot};
use crate::base::framing::{Cut, Deframer, PREFIX};
use crate::base::{Chunks, Codec};
use crate::call::{Exchange, ReadState, Record, WORTH_TELLING};
use crate::{Compression, Result, Status};

/// The stream of requests of a client-streaming or bidirectional call.
///
/// Read it by [`message`](RequestStream::message) in a loop, or as a [`Stream`] of `Result<T>`. The stream ends after the client's
/// last request. If the call is cancelled or reset, or its deadline passes, the last item is an error. So an incomplete stream
/// never looks complete. The stream borrows nothing and may be moved to another task.
///
/// Tests can create a request stream from an iterator by `from_iter` or `collect`, or from another stream by
/// [`from_stream`](RequestStream::from_stream).
pub struct RequestStream<T>(StreamKind<T>);

enum StreamKind<T> {
    /// The requests of a call.
    Call { inbox: Inbox, request: Slot<T> },
    /// Requests that were created here, usually by a test.
    Made(Box<dyn MadeRequests<T> + Send + Sync>),
}

impl<T> RequestStream<T> {
    /// Waits for the next request. Returns `None` after the client's last one. The future may be dropped before it is ready, for
    /// example in `tokio::select!` or `timeout`: no request is lost.
    ///
    /// # Errors
    /// Returns CANCELLED if the call was cancelled or cut off, and DEADLINE_EXCEEDED if its deadline has passed. Returns INTERNAL
    /// if a request cannot be decompressed or decoded, and RESOURCE_EXHAUSTED if it exceeds the limit of size. After an error, the
    /// stream has ended.
    pub fn message(&mut self) -> impl Future<Output = Result<Option<T>>> {
        NextRequest(self)
    }

    /// Creates a request stream from another stream. The request stream ends after the first error, as the requests of a call do.
    pub fn from_stream(stream: impl Stream<Item = Result<T>> + Send + 'static) -> RequestStream<T> {
        RequestStream(StreamKind::Made(Box::new(Made {
            stream: Mutex::new(Box::pin(stream)),
            done: false,
        })))
    }

    pub(crate) fn new<C>(context: &ServicerContext) -> RequestStream<T>
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        RequestStream(StreamKind::Call {
            inbox: Inbox::new(context),
            request: Slot::of::<C>(),
        })
    }

    // Kept out of the futures that await a request.
    #[inline(never)]
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>>> {
        match &mut self.0 {
            StreamKind::Call { inbox, request } => {
                ready!(inbox.poll_next(context, request))?;
                Poll::Ready(Ok(request.take()))
            }
            StreamKind::Made(stream) => stream.poll_next(context),
        }
    }
}

// Messages are moved out of it, and never pinned.
impl<T> Unpin for RequestStream<T> {}

/// Waits for the next request. It has nothing to drop, so it adds no drop code where it is awaited.
struct NextRequest<'a, T>(&'a mut RequestStream<T>);

impl<T> Future for NextRequest<'_, T> {
    type Output = Result<Option<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_message(context)
    }
}

impl<T> Stream for RequestStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll_message(context).map(Result::transpose)
    }
}

/// Creates a stream of requests that are all available at once.
impl<T: Send + 'static> FromIterator<T> for RequestStream<T> {
    fn from_iter<I: IntoIterator<Item = T>>(requests: I) -> RequestStream<T> {
        let requests: Vec<T> = requests.into_iter().collect();
        RequestStream::from_stream(Ready(requests.into_iter()))
    }
}

/// Requests that are available at once.
struct Ready<T>(std::vec::IntoIter<T>);

impl<T> Unpin for Ready<T> {}

impl<T> Stream for Ready<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

impl<T> fmt::Debug for RequestStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestStream").finish_non_exhaustive()
    }
}

/// A stream of any type that was created to stand in for the requests of a call.
trait MadeRequests<T> {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>>>;
}

struct Made<S> {
    /// Never locked: the mutex only makes it `Sync`, as the requests of a call are.
    stream: Mutex<Pin<Box<S>>>,
    /// Set once the stream has ended.
    done: bool,
}

impl<T, S: Stream<Item = Result<T>>> MadeRequests<T> for Made<S> {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>>> {
        if self.done {
            return Poll::Ready(Ok(None));
        }
        let stream = self.stream.get_mut();
        let stream = stream.unwrap_or_else(PoisonError::into_inner);
        let next = ready!(stream.as_mut().poll_next(context));
        self.done = !matches!(next, Some(Ok(_)));
        Poll::Ready(next.transpose())
    }
}

/// The source of a streaming call's requests.
struct Inbox {
    exchange: Arc<Exchange>,
    record: Option<Arc<Record>>,
    receiver: Receiver,
    /// Set once the requests have ended.
    done: bool,
}

impl Inbox {
    fn new(context: &ServicerContext) -> Inbox {
        Inbox {
            exchange: Arc::clone(context.exchange()),
            record: context.record().cloned(),
            receiver: Receiver::new(context.exchange()),
            done: false,
        }
    }

    /// Polls for the next request, and stores it in `held`. If `held` stays empty, the requests have ended. They also end after
    /// an error.
    fn poll_next(&mut self, context: &mut Context<'_>, held: &mut dyn AnySlot) -> Poll<Result<()>> {
        if self.done {
            return Poll::Ready(Ok(()));
        }
        let request = match ready!(self.receiver.poll_message(&self.exchange, 0, context)) {
            Ok(Some(request)) => self.read(request, held).map(|()| true),
            Ok(None) => Ok(false),
            Err(status) => Err(status),
        };
        if request.is_err() {
            held.clear();
        }
        self.done = !matches!(request, Ok(true));
        Poll::Ready(request.map(drop))
    }

    /// Decodes a message, and passes it to the observers of requests.
    fn read(&mut self, message: Cut, held: &mut dyn AnySlot) -> Result<()> {
        let memory = self.exchange.details().limits.memory_of_request();
        message.read(&mut self.receiver.chunks, |message| {
            held.read(message.memory(memory))
        })?;
        self.receiver.tell_used(&self.exchange);
        match &self.record {
            Some(record) => {
                held.show(&mut |request| record.request(self.exchange.details(), request))
            }
            None => Ok(()),
        }
    }
}

/// Finds the requests of a call in the bytes that have arrived.
pub(crate) struct Receiver {
    chunks: Chunks,
    /// The number of bytes in `chunks` when the exchange was last told how many were consumed.
    had: usize,
    deframer: Deframer,
    limit: usize,
}

impl Receiver {
    pub(crate) fn new(exchange: &Exchange) -> Receiver {
        Receiver {
            limit: exchange.details().limits.request,
            deframer: Deframer::new(exchange.details().compression),
            chunks: Chunks::default(),
            had: 0,
        }
    }

    /// Polls for the request of a method that takes exactly one request, until the end of the stream has arrived too. Meanwhile
    /// the message is kept in `request`.
    pub(crate) fn poll_only(
        &mut self,
        exchange: &Arc<Exchange>,
        request: &mut Option<Bytes>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Bytes>> {
        loop {
            // The request stays here until its end has arrived.
            let beside = request.as_ref().map_or(0, |request| PREFIX + request.len());
            let Some(message) = ready!(self.poll_message(exchange, beside, context))? else {
                break;
            };
            let message = message.take(&mut self.chunks);
            if request.replace(message).is_some() {
                return Poll::Ready(Err(Status::internal(
                    "the method takes one request, but a second one came",
                )));
            }
        }
        Poll::Ready(
            request
                .take()
                .ok_or_else(|| Status::internal("the method takes one request, but none came")),
        )
    }

    /// Tells the connection how much a large request has consumed, so that it makes room for others before the next one is
    /// requested.
    fn tell_used(&mut self, exchange: &Arc<Exchange>) {
        // The deframer holds nothing of a complete message.
        let left = self.chunks.len();
        let used = self.had.saturating_sub(left);
        if used >= WORTH_TELLING {
            self.had = left;
            exchange.release_request(used);
        }
    }

    /// Polls for the next message. The caller still holds `beside` bytes of the one before.
    fn poll_message(
        &mut self,
        exchange: &Arc<Exchange>,
        beside: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Cut>>> {
        loop {
            let message = self.deframer.next(&mut self.chunks, self.limit)?;
            if message.is_some() {
                if self.deframer.compression != Compression::Identity {
                    let was_compressed = self.deframer.was_compressed;
                    let of_last = &exchange.request_was_compressed;
                    of_last.store(was_compressed, Ordering::Relaxed);
                }
                return Poll::Ready(Ok(message));
            }
            let kept = beside + self.deframer.kept();
            let reader = ReadState {
                used: self.had.saturating_sub(kept + self.chunks.len()),
                kept,
                missing: self.deframer.missing(),
            };
            let more = exchange.poll_request(context, reader, &mut self.chunks);
            self.had = kept + self.chunks.len();
            if !ready!(more)? {
                return Poll::Ready(if self.deframer.is_at_boundary() {
                    Ok(None)
                } else {
                    Err(Status::internal(
                        "the request stream ended inside a message",
                    ))
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A servicer may share its requests between futures.
    #[test]
    fn requests_can_be_sent_and_shared() {
        fn check<T: Send + Sync>(_: &T) {}
        check(&RequestStream::from_iter([1, 2]));
    }

    #[test]
    fn nothing_follows_an_error() {
        /// A stream that continues after an error.
        struct Items(std::array::IntoIter<Result<u8>, 3>);
        impl Stream for Items {
            type Item = Result<u8>;
            fn poll_next(
                mut self: Pin<&mut Self>,
                _context: &mut Context<'_>,
            ) -> Poll<Option<Result<u8>>> {
                Poll::Ready(self.0.next())
            }
        }
        let items = [Ok(1), Err(Status::aborted("enough")), Ok(2)];
        let mut requests = RequestStream::from_stream(Items(items.into_iter()));
        let mut context = Context::from_waker(Waker::noop());
        let mut next = || Pin::new(&mut requests).poll_next(&mut context);
        assert!(matches!(next(), Poll::Ready(Some(Ok(1)))));
        assert!(matches!(next(), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(), Poll::Ready(None)));
    }
}
