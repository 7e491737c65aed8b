//! The call that an interceptor handles.

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
#[doc(alias = "ClientCallDetails")]
pub struct ClientCall {
    state: Arc<InterceptedState>,
    interceptors: ClientInterceptors,
    /// The position of the interceptor. The outermost one has 0.
    level: usize,
    head: CallHead,
    /// The observers that the interceptor has added. They take effect when the call proceeds.
    observers: Observers,
}

impl ClientCall {
    /// Returns the name of the method: `/package.Service/Method`.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// Changes the method of the call. The name has the form `/package.Service/Method`. The messages of the new method must have
    /// the same types.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text is not the name of a method.
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

    /// Returns the metadata of the request.
    pub fn metadata(&self) -> &Metadata {
        &self.head.options.metadata
    }

    /// Returns the metadata of the request, for modification.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.head.options.metadata
    }

    /// Returns the deadline of the call, or `None` if it has none.
    pub fn deadline(&self) -> Option<Instant> {
        self.head.deadline
    }

    /// Returns the time until the call's deadline. Returns zero after the deadline, and `None` if the call has no deadline.
    pub fn time_remaining(&self) -> Option<Duration> {
        let deadline = self.head.deadline?;
        Some(deadline.saturating_duration_since(clock::now()))
    }

    /// Sets the timeout of the call, counted from now, in place of the caller's deadline. `None` removes the deadline. A deadline
    /// that the call inherits by [`propagated`](crate::UnaryCall::propagated) still applies.
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.head.options.timeout = timeout.into();
        self.head.deadline = self.head.options.deadline();
        self.state.set_deadline(self.head.deadline);
    }

    /// Returns the `:authority` of the call, or `None` for a channel within this process.
    pub fn authority(&self) -> Option<String> {
        let own = self.head.options.authority.clone();
        let authority = own.or_else(|| self.state.authority())?;
        Some(String::from_utf8_lossy(authority.value()).into_owned())
    }

    /// Sets the `:authority` of the call, like [`UnaryCall::authority`](crate::UnaryCall::authority).
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text is not a host with an optional port.
    pub fn set_authority(&mut self, authority: impl AsRef<str>) -> Result<()> {
        let authority = crate::base::authority::authority(authority.as_ref())?;
        self.head.options.authority = Some(authority);
        Ok(())
    }

    /// Sets whether the call waits while no server can be reached, in place of the setting of the caller or the channel. gRPC's
    /// `wait_for_ready`.
    pub fn set_wait_for_ready(&mut self, wait_for_ready: bool) {
        self.head.options.wait_for_ready = Some(wait_for_ready);
    }

    /// Sets the compression of the requests, in place of the setting of the caller or the channel.
    pub fn set_compression(&mut self, compression: Compression) {
        self.head.options.compression = Some(compression);
    }

    /// Adds credentials to the call, like [`UnaryCall::credentials`](crate::UnaryCall::credentials).
    pub fn add_credentials(&mut self, credentials: impl CallCredentials) {
        self.head.options.add_credentials(credentials);
    }

    /// Returns the values that belong to the call. The caller adds values by
    /// [`UnaryCall::extension`](crate::UnaryCall::extension), and interceptors can add values for each other.
    pub fn extensions(&self) -> &Extensions {
        &self.state.extensions
    }

    /// Passes the request, with the changes of outer interceptors, to `look`, and returns the result of `look`. Returns `None` if
    /// the call has a stream of requests, or if its request was given encoded and cannot be decoded.
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
            request.show(&mut |request| {
                seen = look.take().map(|look| look(request));
                Ok(())
            })
        });
        shown.and(seen)
    }

    /// Passes each request to `observer` before the request is encoded. The observer may change the request. If it returns an
    /// error, the attempt of [`proceed`](ClientCall::proceed) ends with this error.
    ///
    /// Each request is passed to the observer once. If the request is sent again, the changes are kept, and the observer is not
    /// called again.
    pub fn on_request(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.observers.requests.push(Box::new(observer));
    }

    /// Passes each response to `observer` after the response has been decoded, and before the caller receives it. The observer may
    /// change the response. If it returns an error, the attempt of [`proceed`](ClientCall::proceed) ends with this error.
    pub fn on_response(
        &mut self,
        observer: impl FnMut(&mut dyn AnyMessage) -> Result<()> + Send + 'static,
    ) {
        self.observers.responses.push(Box::new(observer));
    }

    /// Passes the initial metadata of the response to `observer` when the metadata arrives, before any response. The observer may
    /// change the metadata.
    pub fn on_initial_metadata(&mut self, observer: impl FnMut(&mut Metadata) + Send + 'static) {
        self.observers.heads.push(Box::new(observer));
    }

    /// Gives an encoded response to the caller, as if the response came from the server. Use this method instead of
    /// [`proceed`](ClientCall::proceed), for example to respond from a cache.
    ///
    /// `response` is the encoded message, without gRPC's prefix of five bytes and without compression. If it cannot be decoded,
    /// the call ends with INTERNAL.
    ///
    /// For a call with a stream of responses, each use of this method adds a response. For a call with one response, the response
    /// of the last use counts. Outer interceptors handle the response like any other.
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

    /// Returns whether [`proceed`](ClientCall::proceed) can be called, for the first time or again.
    pub fn can_proceed(&self) -> bool {
        self.state.check_replay().is_ok()
    }

    /// Passes the call on to the next interceptor, or sends it to the server. Waits for the end of the call, after the caller has
    /// read all responses, and returns it. Dropping the future cancels this attempt.
    ///
    /// This method can be called again after the end of the attempt. The call is then sent again, with all changes that were made
    /// to it in the meantime. Two conditions apply:
    /// - The call must have one request, and not a stream of requests. The requests of a stream are not kept. (Only the retry
    ///   policy of a service config keeps some of them, and can retry such calls.)
    /// - The caller must not have received anything of the response. The caller of a call with one response receives it when the
    ///   interceptors have ended. The caller of a call with a stream of responses receives the initial metadata and the responses
    ///   as they arrive.
    ///
    /// If a condition is not met, the result is FAILED_PRECONDITION, and nothing is sent. The observers also observe the new
    /// attempt, and inner interceptors run again.
    #[doc(alias = "continuation")]
    pub async fn proceed(&mut self) -> CallEnd {
        let result = self.run().await;
        // The responses that inner interceptors gave are read before the call ends.
        poll_fn(|context| self.state.poll_taken(self.level, context)).await;
        self.state.end(result)
    }

    /// Returns the time since the call was started.
    pub fn elapsed(&self) -> Duration {
        self.state.elapsed()
    }

    /// Returns the number of requests that the last attempt has sent so far.
    pub fn requests(&self) -> u64 {
        self.state.requests_sent()
    }

    /// Returns the number of responses that the last attempt has received so far.
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

    /// Passes a call to its first interceptor.
    pub(super) async fn enter(
        state: Arc<InterceptedState>,
        interceptors: ClientInterceptors,
        head: CallHead,
    ) -> Result<()> {
        ClientCall::go(state, interceptors, 0, head).await
    }

    /// Passes a call to the interceptor at `level`, or sends it if there is none.
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

/// Turns a panic of an interceptor into the status of its call. Outer interceptors receive this status like any other.
async fn caught(state: &InterceptedState, part: impl Future<Output = Result<()>>) -> Result<()> {
    let mut part = pin!(part);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| part.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(state.panicked(&*panic))))
    })
    .await
}
