//! A call that generated code passes to the servicer's method.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::context::ServicerContext;
use super::request_stream::RequestStream;
use super::responses::{ResponseSource, SendAll};
use crate::Result;
use crate::base::erasure::{AnyMessage, Typed};
use crate::base::{Codec, Encoded, framing};

/// A call and its servicer. Generated code holds it while the servicer's method runs.
pub struct ServicerCall<S, C> {
    /// The servicer.
    pub servicer: Arc<S>,
    /// The context of the call.
    pub context: ServicerContext,
    codec: PhantomData<fn(C)>,
}

// These functions are kept out of the future of each method.
impl<S, C> ServicerCall<S, C> {
    pub(crate) fn new(servicer: &Arc<S>, context: ServicerContext) -> ServicerCall<S, C> {
        ServicerCall {
            servicer: Arc::clone(servicer),
            context,
            codec: PhantomData,
        }
    }

    /// Returns the requests of a method that takes a stream of them.
    #[inline(never)]
    pub fn requests<T>(&self) -> RequestStream<T>
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        RequestStream::new::<C>(&self.context)
    }

    /// Encodes and frames the response of a method that returns one, after passing it to the observers of responses.
    ///
    /// # Errors
    /// Returns the method's own error, RESOURCE_EXHAUSTED if the response exceeds the limit, or an observer's error.
    #[inline(never)]
    pub fn response<T>(&self, response: Result<T>) -> Result<Bytes>
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        let mut response = response?;
        sent(&self.context, &mut Typed::<T, C>::new(&mut response))
    }

    /// Returns a future that sends the responses of a stream until it ends or fails.
    #[inline(never)]
    pub fn responses<'a>(
        &'a self,
        responses: Pin<&'a mut (dyn ResponseSource<C> + Send + 'a)>,
    ) -> SendAll<'a, C> {
        SendAll::new(&self.context, responses)
    }
}

impl<S, C> fmt::Debug for ServicerCall<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServicerCall")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Decodes the request of a method that takes one, and passes it to the observers of requests.
///
/// # Errors
/// Returns INTERNAL if the bytes are not a message of this type, or an observer's error.
pub(crate) fn received<T, C>(context: &ServicerContext, bytes: &Bytes) -> Result<T>
where
    T: fmt::Debug + 'static,
    C: Codec<T>,
{
    let memory = context.exchange().details().limits.memory_of_request();
    let mut message = C::decode(Encoded::from(bytes).memory(memory))?;
    context.show_request(&mut Typed::<T, C>::new(&mut message))?;
    Ok(message)
}

fn sent(context: &ServicerContext, message: &mut dyn AnyMessage) -> Result<Bytes> {
    context.show_response(message)?;
    framing::framed(message, context.exchange().details().limits.response)
}
