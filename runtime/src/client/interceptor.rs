//! Interceptors: what stands around the calls of a channel.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::generic;
use super::passage::Passage;
use super::plan::Plan;
use super::watches::Watches;
use crate::base::clock;
use crate::base::erasure::AnyMessage;
use crate::call::credentials::CallCredentials;
use crate::{Compression, Metadata, Result};

/// Stands around the calls of a channel, of all four kinds. [`ChannelBuilder::interceptor`] adds one, and
/// [`Channel::with_interceptor`] puts one around a channel that is there already; a closure is one, too.
///
/// It runs before anything is sent, and may
/// - look at the call and change it: the method, the metadata, the time that it has, and more;
/// - reject it, by returning a [`Status`](crate::Status) as an error;
/// - let it go on, with [`OutgoingCall::proceed`], which ends when the call has, and says how; and that more than once;
/// - see and change the messages of both directions, and the initial metadata of the response;
/// - answer it from elsewhere, with [`OutgoingCall::respond`].
///
/// What it returns is the status of the call. Of several interceptors the first that was added to the builder is the outermost: it
/// sees the call first, and its end last. What is put around a channel later is around all of those. To the retry policy of a
/// [`ServiceConfig`](crate::ServiceConfig) they are one call: what it makes again they do not see.
///
/// The interceptors' futures are polled with the call by its caller, and begin with its first poll. When the call is dropped, or
/// cancelled, or its time is over while none of it is on its way to the server, they are dropped. A panic is INTERNAL for its call
/// alone.
///
/// ```
/// use stubwright::{Channel, Code, OutgoingCall};
///
/// # fn connect() -> stubwright::Result<()> {
/// let channel = Channel::builder()
///     .interceptor(|mut call: OutgoingCall| async move {
///         call.metadata_mut().insert("x-client", "example")?;
///         let mut end = call.proceed().await;
///         // Once more for a server that was about to go.
///         if end.code() == Code::Unavailable && call.can_proceed() {
///             end = call.proceed().await;
///         }
///         println!("{}: {} in {:?}", call.method(), end.code(), end.duration);
///         end.result
///     })
///     .insecure("localhost:5000")?;
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
///
/// [`Channel::with_interceptor`]: crate::Channel::with_interceptor
/// [`ChannelBuilder::interceptor`]: crate::ChannelBuilder::interceptor
pub trait ClientInterceptor: Send + Sync + 'static {
    /// Handles a call; `call.proceed().await.result` lets it go on as it is.
    fn intercept(&self, call: OutgoingCall) -> impl Future<Output = Result<()>> + Send;
}

impl<F, Fut> ClientInterceptor for F
where
    F: Fn(OutgoingCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    fn intercept(&self, call: OutgoingCall) -> impl Future<Output = Result<()>> + Send {
        self(call)
    }
}

/// Told of the initial metadata of a response.
pub(super) type HeadObserver = Box<dyn FnMut(&mut Metadata) + Send>;

/// A call on its way to the server, in the hands of an interceptor.
pub struct OutgoingCall {
    passage: Arc<Passage>,
    /// The place of the interceptor in the chain.
    level: usize,
    plan: Plan,
    /// What is watched when the call goes on.
    watches: Watches,
}

/// How a call has ended, as an interceptor of its channel sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutgoingEnd {
    /// The status that the call, or an interceptor behind this one, has ended with.
    pub result: Result<()>,
    /// The metadata that the server sent before its first response; empty when there was none.
    pub initial_metadata: Metadata,
    /// The metadata that came with the status.
    pub trailing_metadata: Metadata,
    /// The time since the call was started.
    pub duration: Duration,
    /// How many requests were sent, or are about to be.
    pub requests: u64,
    /// How many responses have come.
    pub responses: u64,
}

impl OutgoingEnd {
    /// The code of the status.
    pub fn code(&self) -> crate::Code {
        match &self.result {
            Ok(()) => crate::Code::Ok,
            Err(status) => status.code(),
        }
    }
}

impl OutgoingCall {
    /// The method that is called: `/package.Service/Method`.
    pub fn method(&self) -> &str {
        std::str::from_utf8(self.plan.path.value()).unwrap_or_default()
    }

    /// Calls another method, `/package.Service/Method`, whose messages have to be of the same types.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a name that is none.
    pub fn set_method(&mut self, method: impl AsRef<str>) -> Result<()> {
        self.plan.path = generic::path(method.as_ref())?;
        Ok(())
    }

    /// Whether the call has a stream of requests, and not one request.
    pub fn is_request_streaming(&self) -> bool {
        self.passage.outbox().is_stream()
    }

    /// Whether the call has a stream of responses, and not one response.
    pub fn is_response_streaming(&self) -> bool {
        !self.passage.one_response
    }

    /// The metadata that is sent with the call.
    pub fn metadata(&self) -> &Metadata {
        &self.plan.options.metadata
    }

    /// The metadata that is sent with the call, to be changed.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.plan.options.metadata
    }

    /// When the call is over at the latest; `None` when it may take as long as it takes.
    pub fn deadline(&self) -> Option<Instant> {
        self.plan.deadline
    }

    /// How much time the call has left; `None` when it may take as long as it takes.
    pub fn time_remaining(&self) -> Option<Duration> {
        let deadline = self.plan.deadline?;
        Some(deadline.saturating_duration_since(clock::now()))
    }

    /// The time that the call has from now on, whatever its caller has said; `None` takes the limit away. What a call is bound
    /// to by [`propagated`](crate::UnaryCall::propagated) stays its limit.
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.plan.options.timeout = timeout.into();
        self.plan.deadline = self.plan.options.deadline();
        self.passage.set_deadline(self.plan.deadline);
    }

    /// The host that the call is for, HTTP/2's `:authority`; `None` for a channel within this process.
    pub fn authority(&self) -> Option<String> {
        let own = self.plan.options.authority.clone();
        let authority = own.or_else(|| self.passage.authority())?;
        Some(String::from_utf8_lossy(authority.value()).into_owned())
    }

    /// Makes the call for another host, as [`UnaryCall::authority`](crate::UnaryCall::authority) does.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no host, with or without a port.
    pub fn set_authority(&mut self, authority: impl AsRef<str>) -> Result<()> {
        let authority = crate::channel::resolve::target::authority(authority.as_ref())?;
        self.plan.options.authority = Some(authority);
        Ok(())
    }

    /// Whether the call waits while no server can be reached, in the place of what its caller or the channel says. gRPC's
    /// `wait_for_ready`.
    pub fn set_wait_for_ready(&mut self, wait_for_ready: bool) {
        self.plan.options.wait_for_ready = Some(wait_for_ready);
    }

    /// How the requests are compressed, in the place of what the caller or the channel says.
    pub fn set_compression(&mut self, compression: Compression) {
        self.plan.options.compression = Some(compression);
    }

    /// Adds to what the call proves itself with, as [`UnaryCall::credentials`](crate::UnaryCall::credentials) does.
    pub fn add_credentials(&mut self, credentials: impl CallCredentials) {
        self.plan.options.add_credentials(credentials);
    }

    /// Shows the request of a call that has one to `look`, as the interceptors around this one have left it; `None` when the call has
    /// a stream of requests. What `look` returns is returned.
    ///
    /// ```
    /// # use stubwright::OutgoingCall;
    /// # fn example(call: &OutgoingCall) {
    /// let key = call.request(|request| request.to_bytes());
    /// # drop(key);
    /// # }
    /// ```
    pub fn request<R>(&self, look: impl FnOnce(&dyn AnyMessage) -> R) -> Option<R> {
        let (mut look, mut seen) = (Some(look), None);
        let shown = self.passage.outbox().show(&mut |request| {
            seen = look.take().map(|look| look(request));
            Ok(())
        });
        shown.and(seen)
    }

    /// Shows each request to `observer`, before it is encoded; `observer` may change it. Its error ends the call that
    /// [`proceed`](OutgoingCall::proceed) makes. A request passes the interceptors once: when it is sent again it is not shown again, and goes as
    /// they have left it.
    pub fn on_request(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.watches.requests.push(Box::new(observer));
    }

    /// Shows each response to `observer`, after it is decoded and before the caller has it; `observer` may change it. Its error ends
    /// the call that [`proceed`](OutgoingCall::proceed) makes.
    pub fn on_response(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.watches.responses.push(Box::new(observer));
    }

    /// Shows the initial metadata of the response to `observer` when it comes, before any response; `observer` may change it.
    pub fn on_initial_metadata(&mut self, observer: impl FnMut(&mut Metadata) + Send + 'static) {
        self.watches.heads.push(Box::new(observer));
    }

    /// Gives the caller a response, encoded, as if it had come from the server: from a cache, for instance, in the place of
    /// [`proceed`](OutgoingCall::proceed). A call with one response has the last that was given to it; for a stream it is called for each.
    /// Interceptors around this one see it as any other.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use stubwright::{OutgoingCall, Result};
    ///
    /// async fn constant(call: OutgoingCall) -> Result<()> {
    ///     if call.method() == "/zoo.Zoo/Opens" {
    ///         call.respond(Bytes::from_static(b"\x08\x09"));
    ///         return Ok(());
    ///     }
    ///     let mut call = call;
    ///     call.proceed().await.result
    /// }
    /// ```
    pub fn respond(&self, response: Bytes) {
        self.passage.answer(self.level, response);
    }

    /// Whether the call can go on, once more or for the first time: see [`proceed`](OutgoingCall::proceed).
    pub fn can_proceed(&self) -> bool {
        self.passage.check_replay().is_ok()
    }

    /// Lets the call go on, to the next interceptor or to the server, and waits for its end: until the caller has read all that there
    /// is to read. To drop the future is to cancel what is on its way.
    ///
    /// A call may go on again after its end, with what has been changed since, and from its first request. That is possible
    /// - until the caller has seen of the response: a call with one response gives it to its caller when the interceptors have
    ///   ended, and can go on whatever its end was; a stream gives out what comes, the initial metadata too;
    /// - while all requests are there: one request always is, of a stream as much as a call may keep,
    ///   [`per_rpc_retry_buffer_size`](crate::ChannelBuilder::per_rpc_retry_buffer_size), 256 KiB by default.
    ///
    /// Otherwise the end is FAILED_PRECONDITION, and nothing is sent. Observers stay as they were set, and are shown what comes of the
    /// new attempt; those of the interceptors behind this one are gone, as these are run anew.
    pub async fn proceed(&mut self) -> OutgoingEnd {
        let result = self.run().await;
        // What those behind this one gave is a part of the call, whose end comes behind it.
        poll_fn(|context| self.passage.poll_taken(self.level, context)).await;
        self.passage.end(result)
    }

    #[cfg(feature = "tracing")]
    pub(super) fn passage(&self) -> &Arc<Passage> {
        &self.passage
    }

    async fn run(&mut self) -> Result<()> {
        self.passage.pass(self.level, &mut self.watches)?;
        let passage = Arc::clone(&self.passage);
        OutgoingCall::go(passage, self.level + 1, self.plan.clone()).await
    }

    /// Gives a call to its first interceptor.
    pub(super) async fn enter(passage: Arc<Passage>, plan: Plan) -> Result<()> {
        OutgoingCall::go(passage, 0, plan).await
    }

    /// Gives a call to the interceptor at `level`, or sends it behind the last.
    async fn go(passage: Arc<Passage>, level: usize, plan: Plan) -> Result<()> {
        let Some(interceptor) = passage.chain().get(level) else {
            return passage.attempt(plan).await;
        };
        let call = OutgoingCall {
            passage: Arc::clone(&passage),
            level,
            plan,
            watches: Watches::default(),
        };
        caught(&passage, async { interceptor.intercept(call).await }).await
    }
}

impl fmt::Debug for OutgoingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingCall")
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}

/// The interceptors of a channel, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Chain(Vec<Link>);

/// One of the interceptors.
pub(super) type Link = Arc<dyn Erased>;

impl Chain {
    /// Adds an interceptor inside the others.
    pub(crate) fn push(&mut self, interceptor: impl ClientInterceptor) {
        self.0.push(Arc::new(interceptor));
    }

    /// Adds an interceptor outside the others.
    pub(crate) fn wrap(&mut self, interceptor: impl ClientInterceptor) {
        self.0.insert(0, Arc::new(interceptor));
    }

    pub(super) fn links(&self) -> &[Link] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interceptors", self.0.len())
    }
}

/// An interceptor whose future is boxed.
pub(super) trait Erased: Send + Sync {
    fn intercept(
        &self,
        call: OutgoingCall,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

impl<I: ClientInterceptor> Erased for I {
    fn intercept(
        &self,
        call: OutgoingCall,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(ClientInterceptor::intercept(self, call))
    }
}

/// An interceptor whose panic is the status of its call: what stands around it sees that like any other end.
async fn caught(passage: &Passage, part: impl Future<Output = Result<()>>) -> Result<()> {
    let mut part = pin!(part);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| part.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(passage.panicked(&*panic))))
    })
    .await
}
