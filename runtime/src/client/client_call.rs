//! A call in the hands of an interceptor.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::call_head::{CallHead, method_path};
use super::intercepted::attempt::attempt;
use super::intercepted::observers::Observers;
use super::intercepted::state::InterceptedState;
use super::interceptor::ClientInterceptors;
use crate::base::clock;
use crate::base::erasure::AnyMessage;
use crate::call::credentials::CallCredentials;
use crate::call::{CallEnd, Extensions};
use crate::{Compression, Metadata, Result};

/// A call on its way to the server, as a [`ClientInterceptor`](crate::ClientInterceptor) handles it.
pub struct ClientCall {
    state: Arc<InterceptedState>,
    interceptors: ClientInterceptors,
    /// The place of the interceptor among them.
    level: usize,
    head: CallHead,
    /// The observers that begin to see the call when it goes on.
    observers: Observers,
}

impl ClientCall {
    /// Returns the name of the method: `/package.Service/Method`.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// Calls another method, `/package.Service/Method`, whose messages must be of the same types.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for text that names no method.
    pub fn set_method(&mut self, method: impl AsRef<str>) -> Result<()> {
        self.head.path = method_path(method.as_ref())?;
        Ok(())
    }

    /// Returns whether the call has a stream of requests, rather than one request.
    pub fn is_request_streaming(&self) -> bool {
        self.state.requests.is_stream()
    }

    /// Returns whether the call has a stream of responses, rather than one response.
    pub fn is_response_streaming(&self) -> bool {
        !self.state.one_response
    }

    /// Returns the metadata that is sent with the call.
    pub fn metadata(&self) -> &Metadata {
        &self.head.options.metadata
    }

    /// Returns the metadata that is sent with the call, which may be changed.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.head.options.metadata
    }

    /// Returns the deadline of the call; `None` when it has none.
    pub fn deadline(&self) -> Option<Instant> {
        self.head.deadline
    }

    /// Returns the time until the deadline of the call; `None` when it has none.
    pub fn time_remaining(&self) -> Option<Duration> {
        let deadline = self.head.deadline?;
        Some(deadline.saturating_duration_since(clock::now()))
    }

    /// Sets the time that the call has from now on, in place of what its caller has set; `None` removes the deadline. A deadline that
    /// comes by [`propagated`](crate::UnaryCall::propagated) stays.
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.head.options.timeout = timeout.into();
        self.head.deadline = self.head.options.deadline();
        self.state.set_deadline(self.head.deadline);
    }

    /// Returns the host that the call is for, HTTP/2's `:authority`; `None` for a channel within this process.
    pub fn authority(&self) -> Option<String> {
        let own = self.head.options.authority.clone();
        let authority = own.or_else(|| self.state.authority())?;
        Some(String::from_utf8_lossy(authority.value()).into_owned())
    }

    /// Sets the host that the call is for, as [`UnaryCall::authority`](crate::UnaryCall::authority) does.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for text that is no host, with or without a port.
    pub fn set_authority(&mut self, authority: impl AsRef<str>) -> Result<()> {
        let authority = crate::channel::resolve::authority::authority(authority.as_ref())?;
        self.head.options.authority = Some(authority);
        Ok(())
    }

    /// Sets whether the call waits while no server can be reached, in place of what its caller or the channel has set. gRPC's
    /// `wait_for_ready`.
    pub fn set_wait_for_ready(&mut self, wait_for_ready: bool) {
        self.head.options.wait_for_ready = Some(wait_for_ready);
    }

    /// Sets the compression of the requests, in place of what the caller or the channel has set.
    pub fn set_compression(&mut self, compression: Compression) {
        self.head.options.compression = Some(compression);
    }

    /// Adds credentials to the call, as [`UnaryCall::credentials`](crate::UnaryCall::credentials) does.
    pub fn add_credentials(&mut self, credentials: impl CallCredentials) {
        self.head.options.add_credentials(credentials);
    }

    /// Returns the values that the caller has given to its interceptors, with [`UnaryCall::extension`](crate::UnaryCall::extension),
    /// and those that interceptors have added for each other.
    pub fn extensions(&self) -> &Extensions {
        &self.state.extensions
    }

    /// Shows the request of a call that has one to `look`, as the outer interceptors have left it, and returns what `look` returns;
    /// `None` when the call has a stream of requests.
    ///
    /// ```
    /// # use stubwright::ClientCall;
    /// # fn example(call: &ClientCall) {
    /// let key = call.request(|request| request.to_bytes());
    /// # drop(key);
    /// # }
    /// ```
    pub fn request<R>(&self, look: impl FnOnce(&dyn AnyMessage) -> R) -> Option<R> {
        let (mut look, mut seen) = (Some(look), None);
        let shown = self.state.requests.show(&mut |request| {
            seen = look.take().map(|look| look(request));
            Ok(())
        });
        shown.and(seen)
    }

    /// Shows each request to `observer` before it is encoded. The observer may change the request; its error ends the attempt that
    /// [`proceed`](ClientCall::proceed) makes. A request passes the interceptors once: if it is sent again, it goes as they have left
    /// it, and is not shown again.
    pub fn on_request(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.observers.requests.push(Box::new(observer));
    }

    /// Shows each response to `observer` after it is decoded, before the caller has it. The observer may change the response; its
    /// error ends the attempt that [`proceed`](ClientCall::proceed) makes.
    pub fn on_response(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.observers.responses.push(Box::new(observer));
    }

    /// Shows the initial metadata of the response to `observer` when it comes, before any response. The observer may change it.
    pub fn on_initial_metadata(&mut self, observer: impl FnMut(&mut Metadata) + Send + 'static) {
        self.observers.heads.push(Box::new(observer));
    }

    /// Gives the caller an encoded response, as if it came from the server; from a cache, for instance, instead of
    /// [`proceed`](ClientCall::proceed). A call with one response gets the last one that is given; for a stream each call of this
    /// method adds one. Outer interceptors see the response as any other.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use stubwright::{ClientCall, Result};
    ///
    /// async fn constant(mut call: ClientCall) -> Result<()> {
    ///     if call.method() == "/zoo.Zoo/Opens" {
    ///         call.respond(Bytes::from_static(b"\x08\x09"));
    ///         return Ok(());
    ///     }
    ///     call.proceed().await.result
    /// }
    /// ```
    pub fn respond(&self, response: Bytes) {
        self.state.answer(self.level, response);
    }

    /// Returns whether the call can go on, for the first time or once more: see [`proceed`](ClientCall::proceed).
    pub fn can_proceed(&self) -> bool {
        self.state.check_replay().is_ok()
    }

    /// Lets the call go on, to the next interceptor or to the server, and waits for its end: until the caller has read everything.
    /// Dropping the future cancels what is on its way.
    ///
    /// A call may go on again after its end, with what has been changed since, if
    /// - it has one request, and not a stream of them: the requests of a stream are not kept. (The retry policy of a service config
    ///   keeps some, and makes such calls again.)
    /// - its caller has not seen any of the response. A call with one response gives it to its caller when the interceptors have ended;
    ///   a stream gives out responses and initial metadata as they come.
    ///
    /// Otherwise the end is FAILED_PRECONDITION, and nothing is sent. Observers stay, and see the new attempt; inner interceptors run
    /// anew.
    pub async fn proceed(&mut self) -> CallEnd {
        let result = self.run().await;
        // The responses of inner interceptors are a part of the call, and come before its end.
        poll_fn(|context| self.state.poll_taken(self.level, context)).await;
        self.state.end(result)
    }

    /// Returns the time since the call was started.
    pub fn elapsed(&self) -> Duration {
        self.state.elapsed()
    }

    /// Returns how many requests the last attempt has sent so far.
    pub fn requests(&self) -> u64 {
        self.state.requests_sent()
    }

    /// Returns how many responses the last attempt has received so far.
    pub fn responses(&self) -> u64 {
        self.state.responses_received()
    }

    #[cfg(feature = "tracing")]
    pub(super) fn state(&self) -> &Arc<InterceptedState> {
        &self.state
    }

    async fn run(&mut self) -> Result<()> {
        self.state.pass(self.level, &mut self.observers)?;
        let (state, interceptors) = (Arc::clone(&self.state), self.interceptors.clone());
        ClientCall::go(state, interceptors, self.level + 1, self.head.clone()).await
    }

    /// Gives a call to its first interceptor.
    pub(super) async fn enter(
        state: Arc<InterceptedState>,
        interceptors: ClientInterceptors,
        head: CallHead,
    ) -> Result<()> {
        ClientCall::go(state, interceptors, 0, head).await
    }

    /// Gives a call to the interceptor at `level`, or sends it behind the last one.
    async fn go(
        state: Arc<InterceptedState>,
        interceptors: ClientInterceptors,
        level: usize,
        head: CallHead,
    ) -> Result<()> {
        let Some(interceptor) = interceptors.get(level) else {
            return attempt(&state, head).await;
        };
        let call = ClientCall {
            state: Arc::clone(&state),
            interceptors: interceptors.clone(),
            level,
            head,
            observers: Observers::default(),
        };
        caught(&state, async { interceptor.intercept(call).await }).await
    }
}

impl fmt::Debug for ClientCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCall")
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}

/// Turns a panic of an interceptor into the status of its call, which outer interceptors see as any other end.
async fn caught(state: &InterceptedState, part: impl Future<Output = Result<()>>) -> Result<()> {
    let mut part = pin!(part);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| part.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(state.panicked(&*panic))))
    })
    .await
}
