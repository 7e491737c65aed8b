//! Handlers for any method, without generated code.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use super::context::ServicerContext;
use super::handlers::Method;
use super::request_stream::RequestStream;
use super::responses::SendAll;
use crate::Result;
use crate::base::Raw;

/// Handles calls of any method, as bytes. Proxies, mocks, and services that are known only at run time need this. Register one by
/// [`Server::add_generic_handler`](crate::Server::add_generic_handler). Closures that take the requests and the context implement
/// it too.
///
/// All four kinds of methods look the same here. A method that takes one request gets a stream of one, and a method that returns
/// one response must be answered with a stream of one. The method's name is in the context. gRPC Python's `GenericRpcHandler`.
///
/// ```
/// use bytes::Bytes;
/// use stubwright::{RequestStream, Server, ServicerContext, Status, stream};
///
/// let mut server = Server::new();
/// server.add_generic_handler(|mut requests: RequestStream<Bytes>, context: ServicerContext| {
///     stream(async move |mut responses| {
///         if !context.method().ends_with("/Echo") {
///             return Err(Status::unimplemented(format!("unknown method {}", context.method())));
///         }
///         while let Some(request) = requests.message().await? {
///             responses.send(request).await;
///         }
///         Ok(())
///     })
/// });
/// ```
#[doc(alias = "GenericRpcHandler")]
pub trait GenericHandler: Send + Sync + 'static {
    /// Returns the responses of a call, each an encoded message.
    fn call(
        &self,
        requests: RequestStream<Bytes>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Bytes>> + Send;
}

impl<F, S> GenericHandler for F
where
    F: Fn(RequestStream<Bytes>, ServicerContext) -> S + Send + Sync + 'static,
    S: Stream<Item = Result<Bytes>> + Send,
{
    fn call(
        &self,
        requests: RequestStream<Bytes>,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Bytes>> + Send {
        self(requests, context.clone())
    }
}

/// Converts a generic handler to a method.
pub(crate) fn method(handler: impl GenericHandler) -> Method {
    let handler = Arc::new(handler);
    Method::new(move |context| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let requests = RequestStream::new::<Raw>(&context);
            let responses = pin!(handler.call(requests, &context));
            SendAll::<Raw>::new(&context, responses).await
        })
    })
}
