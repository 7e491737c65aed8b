//! The responses of a streaming call, from its servicer to the wire.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::context::ServicerContext;
use crate::Result;
use crate::base::Codec;
use crate::base::erasure::{AnyMessage, Typed};
use crate::base::framing::{Packed, Packer};
use crate::call::Turn;
use crate::helpers::stream::Reading;

/// The maximum number of pieces that one poll sends: 512 KiB of small messages. Without this limit, a stream whose peer keeps
/// up would never give its thread back to the runtime.
const PIECES_PER_POLL: u32 = 32;

/// A stream of responses that packs its messages. Only this knows the stream's type, so that little is compiled for each.
pub trait ResponseSource<C> {
    /// Packs messages until the packer stops, the stream is pending, or the stream ends.
    fn poll_pack(
        self: Pin<&mut Self>,
        wakes: &mut Context<'_>,
        context: &ServicerContext,
        packer: &mut Packer,
    ) -> Packed;
}

impl<C, T, St> ResponseSource<C> for St
where
    T: fmt::Debug + 'static,
    C: Codec<T>,
    St: Stream<Item = Result<T>>,
{
    fn poll_pack(
        mut self: Pin<&mut Self>,
        wakes: &mut Context<'_>,
        context: &ServicerContext,
        packer: &mut Packer,
    ) -> Packed {
        loop {
            let next = self.as_mut().poll_next(wakes);
            let packed = pack_next::<T, C>(next, context, packer);
            if packed != Packed::More {
                return packed;
            }
        }
    }
}

/// Packs the next item of a stream. It is compiled for each type of message.
#[inline(always)]
fn pack_next<T, C>(
    next: Poll<Option<Result<T>>>,
    context: &ServicerContext,
    packer: &mut Packer,
) -> Packed
where
    T: fmt::Debug + 'static,
    C: Codec<T>,
{
    match next {
        Poll::Ready(Some(Ok(mut response))) => {
            pack(context, &mut Typed::<T, C>::new(&mut response), packer)
        }
        Poll::Ready(Some(Err(status))) => packer.fail(status),
        Poll::Ready(None) => Packed::Ended,
        Poll::Pending => Packed::Pending,
    }
}

/// Packs a response, after passing it to the observers of responses.
fn pack(context: &ServicerContext, response: &mut dyn AnyMessage, packer: &mut Packer) -> Packed {
    match context.show_response(response) {
        Ok(()) => packer.push(response, context.exchange().encoding.of_next()),
        Err(status) => packer.fail(status),
    }
}

/// Sends the responses of a stream until it ends or fails. Responses before an error are still sent.
///
/// Messages are packed while the stream is ready. They are flushed when it is pending or takes long. It is not polled while the
/// peer is behind. A stream that is always ready yields to other tasks regularly.
pub struct SendAll<'a, C> {
    context: &'a ServicerContext,
    responses: Pin<&'a mut (dyn ResponseSource<C> + Send + 'a)>,
    packer: Packer,
}

impl<'a, C> SendAll<'a, C> {
    pub(crate) fn new(
        context: &'a ServicerContext,
        responses: Pin<&'a mut (dyn ResponseSource<C> + Send + 'a)>,
    ) -> SendAll<'a, C> {
        SendAll {
            context,
            responses,
            packer: Packer::new(context.exchange().details().limits.response),
        }
    }
}

impl<C> Future for SendAll<'_, C> {
    type Output = Result<Bytes>;

    fn poll(mut self: Pin<&mut Self>, wakes: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let SendAll {
            context,
            responses,
            packer,
        } = &mut *self;
        let exchange = context.exchange();
        let (turn, mut reading, mut pieces) = (Turn::new(), Reading::new(), 0);
        packer.stop_at_next();
        let end = loop {
            ready!(exchange.poll_response_room(wakes));
            match responses.as_mut().poll_pack(wakes, context, packer) {
                Packed::More | Packed::Stopped => {}
                Packed::Pending => break Poll::Pending,
                Packed::Ended => break Poll::Ready(Ok(Bytes::new())),
                Packed::Failed => break Poll::Ready(Err(packer.failure())),
            }
            while let Some(piece) = packer.take_full() {
                exchange.write_response(piece);
                pieces += 1;
            }
            if pieces >= PIECES_PER_POLL || turn.is_over() {
                wakes.waker().wake_by_ref();
                break Poll::Pending;
            }
            reading.go_on(packer.go_on());
        };
        if let Some(piece) = packer.flush() {
            exchange.write_response(piece);
        }
        end
    }
}

impl<C> fmt::Debug for SendAll<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendAll").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::base::Prost;
    use crate::testing::TestCall;

    /// A stream that is always ready, whose peer accepts everything at once.
    struct Ready<'a> {
        context: &'a ServicerContext,
        given: &'a AtomicU32,
    }

    impl Stream for Ready<'_> {
        type Item = Result<Vec<u8>>;

        fn poll_next(self: Pin<&mut Self>, _wakes: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.context.exchange().take_response(usize::MAX);
            self.given.fetch_add(1, Ordering::SeqCst);
            Poll::Ready(Some(Ok(vec![7; 16 << 10])))
        }
    }

    #[derive(Default)]
    struct Wakes(AtomicU32);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_stream_that_is_always_ready_gives_way() {
        let (call, given) = (TestCall::new(), AtomicU32::new(0));
        let stream = pin!(Ready {
            context: call.context(),
            given: &given,
        });
        let mut sent = SendAll::<Prost>::new(call.context(), stream);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        for poll in 1..=3 {
            let mut context = Context::from_waker(&waker);
            assert!(Pin::new(&mut sent).poll(&mut context).is_pending());
            assert_eq!(wakes.0.load(Ordering::SeqCst), poll);
            let given = given.load(Ordering::SeqCst);
            assert!((1..=2 * PIECES_PER_POLL * poll).contains(&given));
        }
    }
}
