//! Interceptors around the calls of a channel.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::client_call::ClientCall;
use crate::Result;

/// Intercepts the calls of a channel, of all four kinds. [`ChannelBuilder::interceptor`] adds an interceptor, and
/// [`Channel::with_interceptor`] puts one around an existing channel. A closure is an interceptor, too.
///
/// It runs before anything is sent, and may
/// - look at the call and change it: the method, the metadata, the deadline, and more;
/// - reject it, by returning a [`Status`](crate::Status) as an error;
/// - let it go on, with [`ClientCall::proceed`], which waits for the end of the call and returns it; and do so more than once;
/// - see and change the messages of both directions, and the initial metadata of the response;
/// - answer it itself, with [`ClientCall::respond`].
///
/// What it returns is the status of the call. The first interceptor that was added to the builder is the outermost: it sees the call
/// first, and its end last. An interceptor that is put around a channel is around all of those. A call that the retry policy of a
/// [`ServiceConfig`](crate::ServiceConfig) makes again is one call for interceptors.
///
/// The caller polls the interceptors' futures, from the first poll of the call on. They are dropped when the call is dropped or
/// cancelled, and when its deadline passes while no attempt is on its way to the server. A panic ends its call alone, with INTERNAL.
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
pub trait ClientInterceptor: Send + Sync + 'static {
    /// Handles a call; `call.proceed().await.result` lets it go on unchanged.
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

    /// Returns the interceptor at `level`; the outermost is at 0.
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
