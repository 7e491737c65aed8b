//! Methods that are added by their names, without generated code.

use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_core::Stream;

use super::context::ServicerContext;
use super::handlers::{Handlers, with_request, with_requests};
use super::request_stream::RequestStream;
use super::servicer_call::ServicerCall;
use crate::Result;
use crate::base::Codec;

/// These methods add a method by its name, with a codec for its messages and a closure that handles its calls. A method that was
/// added before under the same name is replaced. The name has the form `/package.Service/Method`. If it has another form,
/// [`Server::start`](crate::Server::start) fails.
///
/// Reflection lists only the names of the services that these methods belong to.
impl Handlers {
    /// Adds a method with one request and one response. gRPC Python's `unary_unary_rpc_method_handler`.
    #[must_use]
    #[doc(alias = "unary_unary_rpc_method_handler")]
    pub fn unary_unary<Req, Res, C, F, Fut>(
        mut self,
        method: impl AsRef<str>,
        _codec: C,
        handler: F,
    ) -> Handlers
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(Req, ServicerContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        let start = with_request(&Arc::new(handler), |call: ServicerCall<F, C>, request| {
            Box::pin(async move {
                let response = (call.servicer)(request, call.context.clone()).await;
                call.response(response)
            })
        });
        self.add_by_name(method.as_ref(), start);
        self
    }

    /// Adds a method with one request and a stream of responses. gRPC Python's `unary_stream_rpc_method_handler`.
    #[must_use]
    #[doc(alias = "unary_stream_rpc_method_handler")]
    pub fn unary_stream<Req, Res, C, F, St>(
        mut self,
        method: impl AsRef<str>,
        _codec: C,
        handler: F,
    ) -> Handlers
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(Req, ServicerContext) -> St + Send + Sync + 'static,
        St: Stream<Item = Result<Res>> + Send + 'static,
    {
        let start = with_request(&Arc::new(handler), |call: ServicerCall<F, C>, request| {
            Box::pin(async move {
                let responses = pin!((call.servicer)(request, call.context.clone()));
                call.responses(responses).await
            })
        });
        self.add_by_name(method.as_ref(), start);
        self
    }

    /// Adds a method with a stream of requests and one response. gRPC Python's `stream_unary_rpc_method_handler`.
    #[must_use]
    #[doc(alias = "stream_unary_rpc_method_handler")]
    pub fn stream_unary<Req, Res, C, F, Fut>(
        mut self,
        method: impl AsRef<str>,
        _codec: C,
        handler: F,
    ) -> Handlers
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(RequestStream<Req>, ServicerContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        let start = with_requests(&Arc::new(handler), |call: ServicerCall<F, C>| {
            Box::pin(async move {
                let response = (call.servicer)(call.requests(), call.context.clone()).await;
                call.response(response)
            })
        });
        self.add_by_name(method.as_ref(), start);
        self
    }

    /// Adds a method with a stream of requests and a stream of responses. gRPC Python's `stream_stream_rpc_method_handler`.
    #[must_use]
    #[doc(alias = "stream_stream_rpc_method_handler")]
    pub fn stream_stream<Req, Res, C, F, St>(
        mut self,
        method: impl AsRef<str>,
        _codec: C,
        handler: F,
    ) -> Handlers
    where
        Req: Debug + Send + 'static,
        Res: Debug + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(RequestStream<Req>, ServicerContext) -> St + Send + Sync + 'static,
        St: Stream<Item = Result<Res>> + Send + 'static,
    {
        let start = with_requests(&Arc::new(handler), |call: ServicerCall<F, C>| {
            Box::pin(async move {
                let responses = pin!((call.servicer)(call.requests(), call.context.clone()));
                call.responses(responses).await
            })
        });
        self.add_by_name(method.as_ref(), start);
        self
    }
}
