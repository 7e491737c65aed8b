//! Handlers for any method, without generated code.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use super::context::ServicerContext;
use super::handlers::Method;
use super::request_stream::RequestStream;
use super::responses::SendAll;
use super::start::HandlerFuture;
use crate::Result;
use crate::base::{Raw, wire};

/// Handles calls of any method, as bytes. Proxies, mocks, and services that are known only at run time need this.
/// [`Server::add_generic_handler`](crate::Server::add_generic_handler) registers a handler. Closures that take the requests and the
/// context are generic handlers, too.
///
/// Requests and responses are streams for all four kinds of methods. If a method takes one request, the stream of requests has one
/// item. If a method returns one response, the stream of responses must have one item. The context has the name of the method. gRPC
/// Python's `GenericRpcHandler`.
///
/// The server asks its generic handlers in the order in which they were added. The first whose [`handles`](GenericHandler::handles)
/// returns `true` gets the call. If there is none, the call ends with UNIMPLEMENTED. To handle methods with typed messages, use
/// [`Handlers`](crate::Handlers).
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
    /// Returns whether this handler handles a call. If not, the server asks the next handler. The context has the name of the
    /// method and the metadata. The default, also for closures, is `true`. In gRPC Python, the method `service` of a handler
    /// returns `None` to pass a call on.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use stubwright::{GenericHandler, RequestStream, Result, Server, ServicerContext, Stream};
    ///
    /// /// Answers the methods of one service with their requests.
    /// struct Echo(&'static str);
    ///
    /// impl GenericHandler for Echo {
    ///     fn handles(&self, context: &ServicerContext) -> bool {
    ///         let service = context.method().rsplit_once('/').map(|(service, _)| service);
    ///         service == Some(self.0)
    ///     }
    ///
    ///     fn call(
    ///         &self,
    ///         requests: RequestStream<Bytes>,
    ///         _context: &ServicerContext,
    ///     ) -> impl Stream<Item = Result<Bytes>> + Send {
    ///         requests
    ///     }
    /// }
    ///
    /// let mut server = Server::new();
    /// server.add_generic_handler(Echo("/echo.Echo"));
    /// server.add_generic_handler(Echo("/echo.Older"));
    /// ```
    fn handles(&self, context: &ServicerContext) -> bool {
        let _ = context;
        true
    }

    /// Handles a call, and returns its responses. Each request and each response is an encoded message.
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

/// Generic handlers, in the order in which they are asked.
#[derive(Clone, Default)]
pub(crate) struct GenericHandlers(Vec<Arc<dyn AnyGenericHandler>>);

impl GenericHandlers {
    pub(crate) fn of(handler: impl GenericHandler) -> GenericHandlers {
        GenericHandlers(vec![Arc::new(handler)])
    }

    pub(crate) fn push(&mut self, handler: impl GenericHandler) {
        self.0.push(Arc::new(handler));
    }

    /// Returns a method whose calls go to the first handler that handles them.
    pub(crate) fn method(&self) -> Method {
        let handlers: Arc<[_]> = self.0.as_slice().into();
        Method::new(move |context| {
            let handlers = Arc::clone(&handlers);
            // The handlers are asked in the future, where their panics are caught.
            Box::pin(async move {
                let mut handlers = handlers.iter();
                match handlers.find(|handler| handler.handles(&context)) {
                    Some(handler) => Arc::clone(handler).start(context).await,
                    None => Err(wire::unknown_method(context.path())),
                }
            })
        })
    }
}

impl fmt::Debug for GenericHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} generic handlers", self.0.len())
    }
}

/// A [`GenericHandler`] of any type. Its future is boxed.
trait AnyGenericHandler: Send + Sync {
    fn handles(&self, context: &ServicerContext) -> bool;

    fn start(self: Arc<Self>, context: ServicerContext) -> HandlerFuture;
}

impl<H: GenericHandler> AnyGenericHandler for H {
    fn handles(&self, context: &ServicerContext) -> bool {
        GenericHandler::handles(self, context)
    }

    fn start(self: Arc<Self>, context: ServicerContext) -> HandlerFuture {
        Box::pin(async move {
            let requests = RequestStream::new::<Raw>(&context);
            let responses = pin!(self.call(requests, &context));
            SendAll::<Raw>::new(&context, responses).await
        })
    }
}
