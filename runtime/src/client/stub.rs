//! Stubs, whatever their service.

use std::time::Duration;

use super::channel::Channel;
use super::interceptor::ClientInterceptor;
use crate::Compression;
use crate::call::credentials::CallCredentials;

/// A stub of a service, async or blocking: generated code implements it. It makes a stub of another channel, or one whose calls have
/// other defaults.
///
/// ```
/// use std::time::Duration;
/// use stubwright::Stub;
///
/// fn patient<S: Stub>(stub: &S) -> S {
///     stub.with_timeout(Duration::from_secs(60)).with_wait_for_ready(true)
/// }
/// ```
///
/// The methods of a service are methods of the stub itself, and take precedence over those of this trait: to call `channel()` of a stub
/// whose service has a method `Channel`, write `Stub::channel(&stub)`.
pub trait Stub: Sized {
    /// Makes a stub that calls through `channel`, as its `new` does.
    fn from_channel(channel: Channel) -> Self;

    /// Returns the channel of the stub.
    fn channel(&self) -> &Channel;

    /// Adds an interceptor, as [`Channel::with_interceptor`] does.
    #[must_use]
    fn with_interceptor(&self, interceptor: impl ClientInterceptor) -> Self {
        Self::from_channel(self.channel().with_interceptor(interceptor))
    }

    /// Sets the default timeout, as [`Channel::with_timeout`] does.
    #[must_use]
    fn with_timeout(&self, timeout: Duration) -> Self {
        Self::from_channel(self.channel().with_timeout(timeout))
    }

    /// Adds a pair to the metadata, as [`Channel::with_metadata`] does.
    #[must_use]
    fn with_metadata(&self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        Self::from_channel(self.channel().with_metadata(key, value))
    }

    /// Adds credentials, as [`Channel::with_credentials`] does.
    #[must_use]
    fn with_credentials(&self, credentials: impl CallCredentials) -> Self {
        Self::from_channel(self.channel().with_credentials(credentials))
    }

    /// Sets whether calls wait while no server can be reached, as [`Channel::with_wait_for_ready`] does.
    #[must_use]
    fn with_wait_for_ready(&self, wait_for_ready: bool) -> Self {
        Self::from_channel(self.channel().with_wait_for_ready(wait_for_ready))
    }

    /// Sets the default `:authority`, as [`Channel::with_authority`] does.
    #[must_use]
    fn with_authority(&self, authority: impl AsRef<str>) -> Self {
        Self::from_channel(self.channel().with_authority(authority))
    }

    /// Sets the default compression of requests, as [`Channel::with_compression`] does.
    #[must_use]
    fn with_compression(&self, compression: Compression) -> Self {
        Self::from_channel(self.channel().with_compression(compression))
    }

    /// Sets the default limit of requests, in bytes, as [`Channel::with_max_send_message_length`] does.
    #[must_use]
    fn with_max_send_message_length(&self, bytes: usize) -> Self {
        Self::from_channel(self.channel().with_max_send_message_length(bytes))
    }

    /// Sets the default limit of responses, in bytes, as [`Channel::with_max_receive_message_length`] does.
    #[must_use]
    fn with_max_receive_message_length(&self, bytes: usize) -> Self {
        Self::from_channel(self.channel().with_max_receive_message_length(bytes))
    }
}
