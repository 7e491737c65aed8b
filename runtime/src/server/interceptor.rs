//! Interceptors around the handlers of a server.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::context::ServicerContext;
use super::generic::{GenericHandler, GenericHandlers};
use super::handlers::Method;
use super::start::{HandlerFuture, Start};
use crate::base::erasure::AnyMessage;
use crate::call::{CallEnd, Extensions, Panicked, Record, panicked};
use crate::{Metadata, Result, Status};

/// Intercepts the calls of a server, of all four kinds. [`ServerBuilder::interceptor`] adds an interceptor around all handlers.
/// [`MethodOptions::interceptor`] adds an interceptor around the handlers of one service or method. Closures are interceptors, too.
///
/// An interceptor runs before the body of the request is read, and may
/// - inspect and change the call: its metadata, handler, and more;
/// - reject the call, by returning a [`Status`](crate::Status) as an error;
/// - pass the call on by [`ServerCall::proceed`], which waits for the handler and returns the end of the call;
/// - observe and change the messages in both directions;
/// - add values to the call's [`extensions`](ServerCall::extensions), and metadata to its response.
///
/// The result of the interceptor is the status of the call. The interceptor that was added first is the outermost: it sees the
/// start of a call first, and the end of the call last. The interceptors of the server are outside of the interceptors of a
/// service, which are outside of the interceptors of a method.
///
/// When the call is cancelled or its deadline passes, the futures of its interceptors are dropped together with the handler. If an
/// interceptor panics, only its call ends, with INTERNAL.
///
/// Interceptors also run for calls of unknown methods, which end with UNIMPLEMENTED afterwards. So a client that an interceptor
/// rejects does not learn which methods exist. Interceptors do not run for malformed calls.
///
/// ```
/// use stubwright::{Server, ServerCall, Status};
///
/// let server = Server::builder()
///     .interceptor(|mut call: ServerCall| async move {
///         if call.metadata().get("x-key") != Some("sesame") {
///             return Err(Status::unauthenticated("the key is missing"));
///         }
///         let end = call.proceed().await;
///         println!("{}: {} after {} responses", call.method(), end.code(), call.responses());
///         end.result
///     })
///     .build();
/// # drop(server);
/// ```
///
/// [`ServerBuilder::interceptor`]: crate::ServerBuilder::interceptor
/// [`MethodOptions::interceptor`]: crate::MethodOptions::interceptor
#[doc(alias = "intercept_service")]
pub trait ServerInterceptor: Send + Sync + 'static {
    /// Handles a call, and returns the status of the call. To pass the call on unchanged, return `call.proceed().await.result`.
    fn intercept(&self, call: ServerCall) -> impl Future<Output = Result<()>> + Send;
}

impl<F, Fut> ServerInterceptor for F
where
    F: Fn(ServerCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    fn intercept(&self, call: ServerCall) -> impl Future<Output = Result<()>> + Send {
        self(call)
    }
}

/// A call that a [`ServerInterceptor`] handles, before it reaches its handler.
#[doc(alias = "HandlerCallDetails")]
pub struct ServerCall {
    context: ServicerContext,
    record: Arc<Record>,
    interceptors: ServerInterceptors,
    /// The position of the interceptor. The outermost one has 0.
    level: usize,
    /// `None` once the call has been passed on.
    handler: Option<Start>,
    /// The last piece of the handler's response. It is held back until the interceptors have ended.
    last: Arc<Mutex<Bytes>>,
}

impl ServerCall {
    /// Returns the context that the handler receives. It has the peer and the deadline of the call, and sets the metadata of the
    /// response.
    pub fn context(&self) -> &ServicerContext {
        &self.context
    }

    /// Returns the name of the method: `/package.Service/Method`.
    pub fn method(&self) -> &str {
        self.context.method()
    }

    /// Returns the metadata of the request, including the changes that outer interceptors have made.
    pub fn metadata(&self) -> &Metadata {
        self.context.invocation_metadata()
    }

    /// Returns the metadata of the request, for modification. Inner interceptors and the handler see the changes.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        self.context.invocation_metadata_mut()
    }

    /// Returns the deadline of the call, or `None` if it has none.
    pub fn deadline(&self) -> Option<Instant> {
        self.context.deadline()
    }

    /// Returns the time until the call's deadline. Returns zero after the deadline, and `None` if the call has no deadline.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.context.time_remaining()
    }

    /// Returns the values that belong to the call and are never sent.
    pub fn extensions(&self) -> &Extensions {
        self.context.extensions()
    }

    /// Passes each request to `observer` after decoding, before the handler receives it. The observer may change the request. If
    /// the observer returns an error, the handler's request stream ends with the error. A handler that takes one request is not
    /// called then, and the call ends with the error.
    pub fn on_request(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.record.requests.observe(Box::new(observer));
    }

    /// Passes each response of the handler to `observer` before the response is encoded. The observer may change the response. If
    /// the observer returns an error, the response is not sent, and the call ends with the error.
    pub fn on_response(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.record.responses.observe(Box::new(observer));
    }

    /// Passes the initial metadata of the response to `observer` before the metadata is sent. This happens when the handler sends
    /// initial metadata, otherwise before the first response, or at the end of a call without responses. The observer may change
    /// the metadata. It is not called if the call fails before it has sent a response or initial metadata.
    ///
    /// ```
    /// use stubwright::{Result, ServerCall};
    ///
    /// async fn hide_versions(mut call: ServerCall) -> Result<()> {
    ///     call.on_initial_metadata(|metadata| {
    ///         metadata.remove("server-version");
    ///     });
    ///     call.proceed().await.result
    /// }
    /// ```
    pub fn on_initial_metadata(&mut self, observer: impl FnMut(&mut Metadata) + Send + 'static) {
        self.record.observe_head(Box::new(observer));
    }

    /// Replaces the handler of the call, for example to respond from a cache. Inner interceptors still run. Does nothing after
    /// [`proceed`](ServerCall::proceed).
    pub fn set_handler(&mut self, handler: impl GenericHandler) {
        if let Some(start) = &mut self.handler {
            *start = GenericHandlers::of(handler).method().start;
        }
    }

    /// Returns whether the call has not been passed on yet, so that [`proceed`](ServerCall::proceed) can be called.
    pub fn can_proceed(&self) -> bool {
        self.handler.is_some()
    }

    /// Passes the call on to the next interceptor or to the handler, and returns the end of the call. If the next interceptor or
    /// the handler panics, the call ends with INTERNAL. Dropping the future drops the handler.
    ///
    /// A call can be passed on only once, because its requests are received only once. If this is called again, nothing runs, and
    /// the result is FAILED_PRECONDITION.
    #[doc(alias = "continuation")]
    pub async fn proceed(&mut self) -> CallEnd {
        let result = self.run().await;
        let mut trailing_metadata = self.context.trailing_metadata();
        if let Err(status) = &result {
            trailing_metadata.merge(status.metadata().clone());
        }
        CallEnd {
            result,
            initial_metadata: self.record.initial_metadata(),
            trailing_metadata,
            peer: self.context.peer().clone(),
            previous_rpc_attempts: self.context.previous_rpc_attempts(),
        }
    }

    /// Returns the time since the outermost interceptor was called.
    pub fn elapsed(&self) -> Duration {
        self.record.started.elapsed()
    }

    /// Returns the number of requests that the handler has read so far.
    pub fn requests(&self) -> u64 {
        self.record.requests.count()
    }

    /// Returns the number of responses that the handler has produced so far.
    pub fn responses(&self) -> u64 {
        self.record.responses.count()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }

    async fn run(&mut self) -> Result<()> {
        let handler = self.handler.take().ok_or_else(|| {
            Status::failed_precondition("the call has gone on already, and its requests come once")
        })?;
        let call = ServerCall {
            context: self.context.clone(),
            record: Arc::clone(&self.record),
            interceptors: self.interceptors.clone(),
            level: self.level + 1,
            handler: Some(handler),
            last: Arc::clone(&self.last),
        };
        call.go().await
    }

    /// Passes the call to the interceptor at its level, or to the handler if there is none.
    async fn go(mut self) -> Result<()> {
        let (context, interceptors) = (self.context.clone(), self.interceptors.clone());
        if let Some(interceptor) = interceptors.0.get(self.level) {
            let future = async { interceptor.intercept(self).await };
            return caught(Panicked::Interceptor, &context, future).await;
        }
        if let Some(handler) = self.handler.take() {
            let last = Arc::clone(&self.last);
            let future = async { handler.call_now(self.context).await };
            let response = caught(Panicked::Handler, &context, future).await?;
            *last.lock().unwrap_or_else(PoisonError::into_inner) = response;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCall")
            .field("method", &self.context.method())
            .finish_non_exhaustive()
    }
}

/// Interceptors of a server, outermost first.
#[derive(Clone, Default)]
pub(crate) struct ServerInterceptors(Arc<Vec<Arc<dyn AnyInterceptor>>>);

impl ServerInterceptors {
    pub(crate) fn push(&mut self, interceptor: impl ServerInterceptor) {
        Arc::make_mut(&mut self.0).push(Arc::new(interceptor));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns these interceptors with `inner` inside of them.
    pub(crate) fn with(&self, inner: &ServerInterceptors) -> ServerInterceptors {
        if inner.is_empty() {
            return self.clone();
        }
        let all = self.0.iter().chain(inner.0.iter()).cloned();
        ServerInterceptors(Arc::new(all.collect()))
    }

    /// Returns a method with the interceptors around its handler; the method itself when there are none.
    pub(crate) fn around(&self, method: Method) -> Method {
        if self.is_empty() {
            return method;
        }
        let interceptors = self.clone();
        let handler = method.start;
        Method::new(move |context| interceptors.start(handler.clone(), context))
    }

    /// Starts a call of `handler` with the interceptors around it.
    pub(crate) fn start(&self, handler: Start, context: ServicerContext) -> HandlerFuture {
        let record = Arc::new(Record::new());
        let call = ServerCall {
            context: context.recorded(Arc::clone(&record)),
            record: Arc::clone(&record),
            interceptors: self.clone(),
            level: 0,
            handler: Some(handler),
            last: Arc::default(),
        };
        Box::pin(async move {
            let closed_at_the_end = Closed(record);
            let (last, exchange) = (Arc::clone(&call.last), Arc::clone(call.context.exchange()));
            let result = call.go().await;
            let shown = closed_at_the_end.0.show_head(&exchange, result.is_ok());
            result.and(shown)?;
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(std::mem::take(&mut *last))
        })
    }
}

impl fmt::Debug for ServerInterceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interceptors", self.0.len())
    }
}

/// A [`ServerInterceptor`] of any type. Its future is boxed.
trait AnyInterceptor: Send + Sync {
    fn intercept(&self, call: ServerCall) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

impl<I: ServerInterceptor> AnyInterceptor for I {
    fn intercept(&self, call: ServerCall) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(ServerInterceptor::intercept(self, call))
    }
}

/// Drops the observers of a call's messages when the call ends. They may own the call's context, which owns them.
struct Closed(Arc<Record>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Turns a panic in a part of a call into a status. Outer interceptors receive this status like any other.
async fn caught<T>(
    who: Panicked,
    context: &ServicerContext,
    part: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut part = pin!(part);
    poll_fn(|wakes| {
        catch_unwind(AssertUnwindSafe(|| part.as_mut().poll(wakes))).unwrap_or_else(|panic| {
            let details = context.exchange().details();
            Poll::Ready(Err(panicked(who, details, panic.as_ref())))
        })
    })
    .await
}
