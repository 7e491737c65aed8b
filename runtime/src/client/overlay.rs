//! What a handle of a channel adds to the calls that are made over it.

use std::sync::Arc;

use super::channel::Channel;
use super::interceptor::{Chain, ClientInterceptor};

/// What a handle of a channel adds to the calls that are made over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    pub(crate) interceptors: Chain,
}

impl Overlay {
    /// For a channel to hold: `None` when it adds nothing.
    pub(crate) fn shared(self) -> Option<Arc<Overlay>> {
        let is_empty = self.interceptors.is_empty();
        (!is_empty).then(|| Arc::new(self))
    }
}

/// Handles that add something to the calls that are made over them. They are the same channel, with its connections, and cost next
/// to nothing to make; other handles, and the stubs that were made over them, stay as they are.
impl Channel {
    /// A handle that puts an interceptor around the calls that are made over it, outside those that this one has. gRPC
    /// Python's `intercept_channel`.
    ///
    /// ```
    /// # fn example(channel: stubwright::Channel) {
    /// use stubwright::OutgoingCall;
    ///
    /// let counted = channel.with_interceptor(|mut call: OutgoingCall| async move {
    ///     let end = call.proceed().await;
    ///     println!("{}: {} responses", call.method(), end.responses);
    ///     end.result
    /// });
    /// # drop(counted);
    /// # }
    /// ```
    #[must_use]
    pub fn with_interceptor(&self, interceptor: impl ClientInterceptor) -> Channel {
        self.with_overlay(|overlay| overlay.interceptors.wrap(interceptor))
    }
}
