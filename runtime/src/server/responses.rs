//! The responses of a call, on their way from a servicer to the wire.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::context::ServicerContext;
use crate::Result;
use crate::call::{Exchange, Record};
use crate::codec::Codec;
use crate::framing::{self, Packer};

/// What one poll sends at most: 512 KiB of small messages. With a peer that keeps up there is always room for more, and a thread
/// of the runtime would be the stream's alone.
const PIECES_PER_POLL: u32 = 32;

/// Where the responses of a streaming method go. Generated code hands the servicer's stream to it.
pub struct Responses<T, C> {
    exchange: Arc<Exchange>,
    record: Option<Arc<Record>>,
    message: PhantomData<fn(&T, C)>,
}

impl<T: fmt::Debug + 'static, C: Codec<T>> Responses<T, C> {
    /// Sends what the stream gives, until it ends or fails.
    ///
    /// Messages are packed while the stream has more to give, and flushed when it is pending; it is not polled while the
    /// peer is behind. A stream that is always ready lets other tasks have their turn every so often.
    ///
    /// # Errors
    /// The first error of the stream; what came before it is sent.
    pub async fn send_all(self, responses: impl Stream<Item = Result<T>>) -> Result<()> {
        let mut packer = Packer::new(self.exchange.details().limits.response);
        let mut responses = pin!(responses);
        poll_fn(|context| self.poll_send(context, responses.as_mut(), &mut packer)).await
    }

    pub(crate) fn new(context: &ServicerContext) -> Responses<T, C> {
        Responses {
            exchange: Arc::clone(context.exchange()),
            record: context.record().cloned(),
            message: PhantomData,
        }
    }

    fn poll_send(
        &self,
        context: &mut Context<'_>,
        mut responses: Pin<&mut impl Stream<Item = Result<T>>>,
        packer: &mut Packer,
    ) -> Poll<Result<()>> {
        ready!(self.exchange.poll_response_room(context));
        let mut pieces = 0;
        loop {
            let result = match responses.as_mut().poll_next(context) {
                Poll::Ready(Some(response)) => {
                    match response.and_then(|response| self.pack(response, packer)) {
                        Ok(None) => continue,
                        Ok(Some(pack)) => {
                            self.exchange.write_response(pack);
                            pieces += 1;
                            if pieces == PIECES_PER_POLL {
                                context.waker().wake_by_ref();
                                return Poll::Pending;
                            }
                            ready!(self.exchange.poll_response_room(context));
                            continue;
                        }
                        Err(status) => Poll::Ready(Err(status)),
                    }
                }
                Poll::Ready(None) => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            };
            if let Some(pack) = packer.flush() {
                self.exchange.write_response(pack);
            }
            return result;
        }
    }

    /// Puts a response behind those before it, once it has been shown to who wants to see it; gives those before it when both
    /// do not fit into one piece.
    #[inline]
    fn pack(&self, mut response: T, packer: &mut Packer) -> Result<Option<Bytes>> {
        if let Some(record) = &self.record {
            record.response::<T, C>(self.exchange.details(), &mut response)?;
        }
        packer.push::<T, C>(&response, self.exchange.encoding.of_next())
    }
}

impl<T, C> fmt::Debug for Responses<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responses").finish_non_exhaustive()
    }
}

/// Where the one response goes of a call whose method gives one.
pub(crate) struct Reply {
    limit: usize,
    record: Option<(Arc<Exchange>, Arc<Record>)>,
}

impl Reply {
    pub(crate) fn new(context: &ServicerContext) -> Reply {
        let exchange = context.exchange();
        let record = context.record();
        Reply {
            limit: exchange.details().limits.response,
            record: record.map(|record| (Arc::clone(exchange), Arc::clone(record))),
        }
    }

    /// The response, framed, if the method has given one.
    pub(crate) fn frame<T, C>(self, response: Result<T>) -> Result<Bytes>
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        let mut response = response?;
        if let Some((exchange, record)) = self.record {
            record.response::<T, C>(exchange.details(), &mut response)?;
        }
        framing::framed::<T, C>(&response, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::call::{CallDetails, MessageLimits, Peer};
    use crate::codec::Prost;
    use crate::header::Header;
    use crate::{Compression, Metadata};

    /// A stream that is always ready, with a peer that takes everything at once.
    struct Ready<'a> {
        exchange: &'a Exchange,
        given: u32,
    }

    impl Stream for Ready<'_> {
        type Item = Result<Vec<u8>>;

        fn poll_next(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Self::Item>> {
            self.exchange.take_response(usize::MAX);
            self.given += 1;
            Poll::Ready(Some(Ok(vec![7; 16 << 10])))
        }
    }

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_stream_that_is_always_ready_gives_way() {
        let responses = Responses::<Vec<u8>, Prost> {
            exchange: Arc::new(Exchange::new(CallDetails {
                path: Header::new(b":path", b"/s/m"),
                authority: None,
                metadata: Metadata::new(),
                deadline: None,
                peer: Peer::unknown(),
                compression: Compression::Identity,
                wait_for_ready: false,
                is_probe: false,
                limits: MessageLimits {
                    request: 0,
                    response: usize::MAX,
                },
            })),
            record: None,
            message: PhantomData,
        };
        let mut stream = pin!(Ready {
            exchange: &responses.exchange,
            given: 0,
        });
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        let mut packer = Packer::default();
        for poll in 1..=3 {
            let mut context = Context::from_waker(&waker);
            let sent = responses.poll_send(&mut context, stream.as_mut(), &mut packer);
            assert!(sent.is_pending());
            assert_eq!(wakes.0.load(Ordering::SeqCst), poll);
            assert!((1..=2 * PIECES_PER_POLL * poll as u32).contains(&stream.given));
        }
    }
}
