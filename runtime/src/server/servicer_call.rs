//! A call in the hands of generated code, which brings it to the servicer's method.

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

/// A call and the servicer that serves it. Generated code holds it while the servicer's method runs.
pub struct ServicerCall<S, C> {
    /// Who serves the call.
    pub servicer: Arc<S>,
    /// What the servicer sees of the call.
    pub context: ServicerContext,
    codec: PhantomData<fn(C)>,
}

// None of this goes into the future of each method.
impl<S, C> ServicerCall<S, C> {
    pub(crate) fn new(servicer: &Arc<S>, context: ServicerContext) -> ServicerCall<S, C> {
        ServicerCall {
            servicer: Arc::clone(servicer),
            context,
            codec: PhantomData,
        }
    }

    /// The requests of a method that takes a stream of them.
    #[inline(never)]
    pub fn requests<T>(&self) -> RequestStream<T>
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        RequestStream::new::<C>(&self.context)
    }

    /// The one response, framed, once it has been shown to who wants to see it.
    ///
    /// # Errors
    /// The method's own; RESOURCE_EXHAUSTED for a response over the limit; what an interceptor says of it.
    #[inline(never)]
    pub fn response<T>(&self, response: Result<T>) -> Result<Bytes>
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        let mut response = response?;
        sent(&self.context, &mut Typed::<T, C>::new(&mut response))
    }

    /// Sends what a stream of responses gives, until it ends or fails.
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

/// The request of a method that takes one, once it has been shown to who wants to see it.
///
/// # Errors
/// INTERNAL when the bytes are not a message; what an interceptor says of it.
// A program has one for each type of message, whatever its servicers are.
pub(crate) fn received<T, C>(context: &ServicerContext, bytes: &Bytes) -> Result<T>
where
    T: fmt::Debug + 'static,
    C: Codec<T>,
{
    let mut message = C::decode(Encoded::from(bytes))?;
    context.show_request(&mut Typed::<T, C>::new(&mut message))?;
    Ok(message)
}

fn sent(context: &ServicerContext, message: &mut dyn AnyMessage) -> Result<Bytes> {
    context.show_response(message)?;
    framing::framed(message, context.exchange().details().limits.response)
}
