//! Interceptors: what stands around the handlers of a server.

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

/// Stands around the handlers of a server, for calls of all four kinds. [`ServerBuilder::interceptor`] adds one; a closure
/// is one, too.
///
/// It runs before anything of the body is read, and may
/// - look at the call: [`InterceptedCall::context`];
/// - reject it, by returning a [`Status`](crate::Status) as an error;
/// - let it go on, with [`InterceptedCall::proceed`], which ends when the handler has, and says how;
/// - change what comes after it: the metadata that is seen, the messages of both directions, the handler itself;
/// - put values into the call's [`extensions`](ServicerContext::extensions), and metadata into its response.
///
/// What it returns is the status of the call. Of several interceptors the first that was added is the outermost: it sees the
/// call first, and its end last. When a call is cancelled, or its time is over, the interceptors' futures are dropped with
/// the handler's. A panic is INTERNAL for its call alone.
///
/// Calls of unknown methods pass the interceptors, too, and end behind them with UNIMPLEMENTED: a client that an interceptor
/// turns away does not learn which methods there are. Calls that are not well-formed reach no interceptor.
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
    /// Handles a call; `call.proceed().await.result` lets it go on as it is.
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

/// A call on its way to its handler, in the hands of an interceptor.
pub struct InterceptedCall {
    context: ServicerContext,
    record: Arc<Record>,
    chain: Arc<Chain>,
    /// The place in the chain of who comes next.
    next: usize,
    handler: Start,
    /// Where the handler's last piece of the response waits for what the interceptors say.
    last: Arc<Mutex<Bytes>>,
}

/// How a call has ended, as an interceptor sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallEnd {
    /// The status that the handler, or an interceptor behind this one, has ended the call with.
    pub result: Result<()>,
    /// The metadata that goes out with the status, as far as it is set.
    pub trailing_metadata: Metadata,
    /// The time since the call came to its first interceptor.
    pub duration: Duration,
    /// How many requests the handler has read.
    pub requests: u64,
    /// How many responses the handler has given.
    pub responses: u64,
}

impl InterceptedCall {
    /// The call: its method, metadata, peer, deadline, extensions, and what goes back beside the messages.
    pub fn context(&self) -> &ServicerContext {
        &self.context
    }

    /// The metadata that the caller sent, as what comes after this interceptor will see it.
    pub fn invocation_metadata_mut(&mut self) -> &mut Metadata {
        self.context.invocation_metadata_mut()
    }

    /// Shows each request to `observer`, after it is decoded and before the handler has it; `observer` may change it. Its
    /// error takes the place of the request: the handler's request stream ends with it, or the handler is not run.
    pub fn on_request(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.record.requests.observe(Box::new(observer));
    }

    /// Shows each response to `observer`, after the handler has given it and before it is encoded; `observer` may change it.
    /// Its error ends the call, and the response is not sent.
    pub fn on_response(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.record.responses.observe(Box::new(observer));
    }

    /// Puts another handler in the place of the method's own, to answer from a cache for instance. Interceptors behind this one
    /// see the call as before.
    pub fn set_handler(&mut self, handler: impl GenericHandler) {
        self.handler = generic::method(handler).start;
    }

    /// What is kept of the call.
    #[cfg(feature = "tracing")]
    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }

    /// Lets the call go on, to the next interceptor or to the handler, and waits for its end. A panic of theirs is INTERNAL.
    /// To drop the future is to drop the handler.
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

/// The interceptors of a server, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Chain(Vec<Arc<dyn Erased>>);

impl Chain {
    pub(crate) fn push(&mut self, interceptor: impl ServerInterceptor) {
        self.0.push(Arc::new(interceptor));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A method with the interceptors around its handler; the method itself when there are none.
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

/// An interceptor whose future is boxed.
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

/// Lets go of the observers of a call's messages, however the call ends: they may hold what holds them.
struct Closed(Arc<Record>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A part of a call whose panic is its status: what stands around it sees that like any other end.
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
