//! Interceptors around the calls of a channel.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::client_call::ClientCall;
use crate::Result;

/// Intercepts the calls of a channel, of all four kinds. [`ChannelBuilder::interceptor`] adds an interceptor to a new channel,
/// and [`Channel::with_interceptor`] adds one to a handle of an existing channel. Closures that take a [`ClientCall`] implement
/// this trait.
///
/// An interceptor runs before anything is sent, and may
/// - inspect and change the call: its method, metadata, deadline, and more;
/// - reject the call, by returning a [`Status`](crate::Status) as an error;
/// - pass the call on, once or more, by [`ClientCall::proceed`], which waits for the end of the call and returns it;
/// - observe and change the messages in both directions, and the initial metadata of the response;
/// - respond without a server, by [`ClientCall::respond`].
///
/// The result that the interceptor returns becomes the status of the call. The interceptor that is added to a builder first is the
/// outermost. It handles the call first, and the end of the call last. Interceptors that are added by [`Channel::with_interceptor`]
/// are outside of the builder's. All attempts that the retry policy of a [`ServiceConfig`](crate::ServiceConfig) makes are one call
/// for interceptors.
///
/// The interceptors' futures are polled by the caller, beginning with the first poll of the call. They are dropped when the call
/// is dropped or cancelled, and when its deadline passes while no attempt is in progress. A panic ends only its own call, with
/// INTERNAL.
///
/// ```
/// use stubwright::{Channel, ClientCall, Code};
///
/// # fn connect() -> stubwright::Result<()> {
/// let channel = Channel::builder()
///     .interceptor(|mut call: ClientCall| async move {
///         call.metadata_mut().insert("x-client", "example")?;
///         let mut end = call.proceed().await;
///         // Once more, for a server that was about to stop.
///         if end.code() == Code::Unavailable && call.can_proceed() {
///             end = call.proceed().await;
///         }
///         println!("{}: {} in {:?}", call.method(), end.code(), call.elapsed());
///         end.result
///     })
///     .build_insecure("localhost:5000")?;
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
///
/// [`Channel::with_interceptor`]: crate::Channel::with_interceptor
/// [`ChannelBuilder::interceptor`]: crate::ChannelBuilder::interceptor
#[doc(alias = "UnaryUnaryClientInterceptor")]
#[doc(alias = "UnaryStreamClientInterceptor")]
#[doc(alias = "StreamUnaryClientInterceptor")]
#[doc(alias = "StreamStreamClientInterceptor")]
#[doc(alias = "intercept_unary_unary")]
#[doc(alias = "intercept_unary_stream")]
#[doc(alias = "intercept_stream_unary")]
#[doc(alias = "intercept_stream_stream")]
pub trait ClientInterceptor: Send + Sync + 'static {
    /// Handles a call. `call.proceed().await.result` passes it on unchanged.
    fn intercept(&self, call: ClientCall) -> impl Future<Output = Result<()>> + Send;
}

impl<F, Fut> ClientInterceptor for F
where
    F: Fn(ClientCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    fn intercept(&self, call: ClientCall) -> impl Future<Output = Result<()>> + Send {
        self(call)
    }
}

/// The interceptors of a channel, outermost first.
#[derive(Clone, Default)]
pub(crate) struct ClientInterceptors(Arc<Vec<Arc<dyn AnyInterceptor>>>);

impl ClientInterceptors {
    /// Adds an interceptor inside the others.
    pub(crate) fn push(&mut self, interceptor: impl ClientInterceptor) {
        Arc::make_mut(&mut self.0).push(Arc::new(interceptor));
    }

    /// Adds an interceptor outside the others.
    pub(crate) fn wrap(&mut self, interceptor: impl ClientInterceptor) {
        Arc::make_mut(&mut self.0).insert(0, Arc::new(interceptor));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the interceptor at `level`. The outermost one has 0.
    pub(super) fn get(&self, level: usize) -> Option<&dyn AnyInterceptor> {
        self.0.get(level).map(|interceptor| &**interceptor)
    }
}

impl fmt::Debug for ClientInterceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interceptors", self.0.len())
    }
}

/// A [`ClientInterceptor`] of any type. Its future is boxed.
pub(super) trait AnyInterceptor: Send + Sync {
    fn intercept(&self, call: ClientCall) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

impl<I: ClientInterceptor> AnyInterceptor for I {
    fn intercept(&self, call: ClientCall) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(ClientInterceptor::intercept(self, call))
    }
}
