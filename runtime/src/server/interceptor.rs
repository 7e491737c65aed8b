//! Interceptors on the server.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;

use super::context::ServicerContext;
use super::generic::{self, GenericHandler};
use super::handlers::Method;
use super::start::Start;
use crate::base::erasure::AnyMessage;
use crate::call::{Panicked, Record, panicked};
use crate::{Metadata, Result};

/// Intercepts the calls of a server, of all four kinds. Add one by [`ServerBuilder::interceptor`]. Closures implement it too.
///
/// An interceptor runs before the request's body is read. It may
///
/// - inspect the call, by [`InterceptedCall::context`];
/// - reject it, by returning a [`Status`](crate::Status) as an error;
/// - let it proceed, by [`InterceptedCall::proceed`], which waits until the handler has ended and returns its result;
/// - change what the rest of the chain sees: the metadata, the messages of both directions, the handler itself;
/// - set values in the call's [`extensions`](ServicerContext::extensions), and metadata of its response.
///
/// The returned result is the status of the call. The first interceptor that was added is the outermost: it sees the beginning of
/// a call first, and its end last. If a call is cancelled or its deadline passes, the futures of its interceptors are dropped
/// together with the handler's. A panic ends only its own call, with INTERNAL.
///
/// Calls of unknown methods also pass through the interceptors, and then end with UNIMPLEMENTED. So a client that an interceptor
/// rejects does not learn which methods exist. Malformed calls reach no interceptor.
///
/// ```
/// use stubwright::{InterceptedCall, Server, Status};
///
/// let server = Server::builder()
///     .interceptor(|call: InterceptedCall| async move {
///         if call.context().invocation_metadata().get("x-key") != Some("sesame") {
///             return Err(Status::unauthenticated("the key is missing"));
///         }
///         let method = call.context().method().to_owned();
///         let end = call.proceed().await;
///         println!("{method}: {} requests, {} responses", end.requests, end.responses);
///         end.result
///     })
///     .build();
/// # drop(server);
/// ```
///
/// [`ServerBuilder::interceptor`]: crate::ServerBuilder::interceptor
pub trait ServerInterceptor: Send + Sync + 'static {
    /// Handles a call. Returning `call.proceed().await.result` passes it on unchanged.
    fn intercept(&self, call: InterceptedCall) -> impl Future<Output = Result<()>> + Send;
}

impl<F, Fut> ServerInterceptor for F
where
    F: Fn(InterceptedCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    fn intercept(&self, call: InterceptedCall) -> impl Future<Output = Result<()>> + Send {
        self(call)
    }
}

/// A call on its way to its handler.
pub struct InterceptedCall {
    context: ServicerContext,
    record: Arc<Record>,
    chain: Arc<Chain>,
    /// The index of the next interceptor.
    next: usize,
    handler: Start,
    /// The last piece of the handler's response, which is held back until the interceptors have ended.
    last: Arc<Mutex<Bytes>>,
}

/// The end of a call, as an interceptor sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallEnd {
    /// The status of the handler, or of an inner interceptor.
    pub result: Result<()>,
    /// The trailing metadata that is set so far.
    pub trailing_metadata: Metadata,
    /// The time since the call reached its first interceptor.
    pub duration: Duration,
    /// The number of requests that the handler read.
    pub requests: u64,
    /// The number of responses that the handler returned.
    pub responses: u64,
}

impl InterceptedCall {
    /// Returns the call's context, with its method, metadata, peer, deadline and extensions.
    pub fn context(&self) -> &ServicerContext {
        &self.context
    }

    /// Returns the caller's metadata for modification. The rest of the chain sees the changes.
    pub fn invocation_metadata_mut(&mut self) -> &mut Metadata {
        self.context.invocation_metadata_mut()
    }

    /// Registers a function that sees each request after it is decoded and before the handler gets it. The function may change
    /// the request. If it fails, its error replaces the request: the handler's request stream ends with it, or the handler is not
    /// called.
    pub fn on_request(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.record.requests.observe(Box::new(observer));
    }

    /// Registers a function that sees each response after the handler returned it and before it is encoded. The function may
    /// change the response. If it fails, the call ends with its error, and the response is not sent.
    pub fn on_response(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.record.responses.observe(Box::new(observer));
    }

    /// Replaces the method's handler, for example to respond from a cache. Inner interceptors are not affected.
    pub fn set_handler(&mut self, handler: impl GenericHandler) {
        self.handler = generic::method(handler).start;
    }

    /// Returns the record of the call.
    #[cfg(feature = "tracing")]
    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }

    /// Passes the call on to the next interceptor or to the handler, and waits for its end. A panic there becomes INTERNAL.
    /// Dropping the future drops the handler.
    pub async fn proceed(self) -> CallEnd {
        let (context, record) = (self.context.clone(), Arc::clone(&self.record));
        let result = self.run().await;
        let mut trailing_metadata = context.trailing_metadata();
        if let Err(status) = &result {
            trailing_metadata.extend(status.metadata().clone());
        }
        CallEnd {
            result,
            trailing_metadata,
            duration: record.started.elapsed(),
            requests: record.requests.count(),
            responses: record.responses.count(),
        }
    }

    async fn run(self) -> Result<()> {
        let context = self.context.clone();
        let chain = Arc::clone(&self.chain);
        match chain.0.get(self.next) {
            Some(interceptor) => {
                let call = InterceptedCall {
                    next: self.next + 1,
                    ..self
                };
                let future = async { interceptor.intercept(call).await };
                caught(Panicked::Interceptor, &context, future).await
            }
            None => {
                let (handler, last) = (self.handler, self.last);
                let future = async { handler.call_now(self.context).await };
                let response = caught(Panicked::Handler, &context, future).await?;
                *last.lock().unwrap_or_else(PoisonError::into_inner) = response;
                Ok(())
            }
        }
    }
}

impl fmt::Debug for InterceptedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterceptedCall")
            .field("method", &self.context.method())
            .finish_non_exhaustive()
    }
}

/// The interceptors of a server, outermost first.
#[derive(Clone, Default)]
pub(crate) struct Chain(Vec<Arc<dyn Erased>>);

impl Chain {
    pub(crate) fn push(&mut self, interceptor: impl ServerInterceptor) {
        self.0.push(Arc::new(interceptor));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a method with the interceptors around its handler, or the method itself if there are none.
    pub(crate) fn around(&self, method: Method) -> Method {
        if self.is_empty() {
            return method;
        }
        let chain = Arc::new(self.clone());
        let handler = method.start;
        Method::new(move |context| {
            let record = Arc::new(Record::new());
            let call = InterceptedCall {
                context: context.recorded(Arc::clone(&record)),
                record: Arc::clone(&record),
                chain: Arc::clone(&chain),
                next: 0,
                handler: handler.clone(),
                last: Arc::default(),
            };
            Box::pin(async move {
                let _closed_at_the_end = Closed(record);
                let last = Arc::clone(&call.last);
                call.run().await?;
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(std::mem::take(&mut *last))
            })
        })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interceptors", self.0.len())
    }
}

/// An interceptor that returns a boxed future.
trait Erased: Send + Sync {
    fn intercept(
        &self,
        call: InterceptedCall,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

impl<I: ServerInterceptor> Erased for I {
    fn intercept(
        &self,
        call: InterceptedCall,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(ServerInterceptor::intercept(self, call))
    }
}

/// Drops the observers of a call's messages, however the call ends. They may hold references that form a cycle.
struct Closed(Arc<Record>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Runs a part of a call. If it panics, returns a status, so that outer interceptors see an ordinary end.
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
