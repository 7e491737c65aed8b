//! The responses of a call, on their way from a servicer to the wire.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::context::ServicerContext;
use crate::Result;
use crate::call::Exchange;
use crate::codec::Codec;
use crate::framing::{PREFIX, Packer, write_message};

/// Where the responses of a streaming method go. Generated code hands the servicer's stream to it.
pub struct Responses<T, C> {
    exchange: Arc<Exchange>,
    message: PhantomData<fn(&T, C)>,
}

impl<T, C: Codec<T>> Responses<T, C> {
    /// Sends what the stream gives, until it ends or fails.
    ///
    /// Messages are packed while the stream has more to give, and flushed when it is pending; it is not polled while the
    /// peer is behind.
    ///
    /// # Errors
    /// The first error of the stream; what came before it is sent.
    pub async fn send_all(self, responses: impl Stream<Item = Result<T>>) -> Result<()> {
        let mut packer = Packer::default();
        let mut responses = pin!(responses);
        poll_fn(|context| self.poll_send(context, responses.as_mut(), &mut packer)).await
    }

    pub(crate) fn new(context: &ServicerContext) -> Responses<T, C> {
        Responses {
            exchange: Arc::clone(context.exchange()),
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
        loop {
            let result = match responses.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(response))) => {
                    let Some(pack) =
                        packer.push::<T, C>(&response, self.exchange.encoding.of_next())?
                    else {
                        continue;
                    };
                    self.exchange.write_response(pack);
                    ready!(self.exchange.poll_response_room(context));
                    continue;
                }
                Poll::Ready(Some(Err(status))) => Poll::Ready(Err(status)),
                Poll::Ready(None) => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            };
            if let Some(pack) = packer.flush() {
                self.exchange.write_response(pack);
            }
            return result;
        }
    }
}

impl<T, C> std::fmt::Debug for Responses<T, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responses").finish_non_exhaustive()
    }
}

/// The one response of a call whose method gives one, framed.
pub(crate) fn unary_response<T, C: Codec<T>>(response: &T) -> Result<Bytes> {
    let mut buffer = BytesMut::with_capacity(PREFIX + C::encoded_len(response));
    write_message::<T, C>(response, &mut buffer)?;
    Ok(buffer.freeze())
}
