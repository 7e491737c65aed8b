//! The trait of all stubs.

use std::time::Duration;

use super::channel::Channel;
use super::interceptor::ClientInterceptor;
use crate::call::credentials::CallCredentials;
use crate::{Compression, InvalidMetadata, Metadata};

/// A stub of any service, async or blocking. Generated code implements this trait. Its methods create a stub with another
/// channel, or with other defaults for its calls.
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
/// The methods of the service take precedence over the methods of this trait. If a service has a method `Channel`, for
/// example, write `Stub::channel(&stub)` to call the trait's method.
pub trait Stub: Sized {
    /// Creates a stub that makes its calls through `channel`, like the stub's `new`.
    fn from_channel(channel: Channel) -> Self;

    /// Returns the channel of the stub.
    fn channel(&self) -> &Channel;

    /// Returns a stub with another interceptor, like [`Channel::with_interceptor`].
    #[must_use]
    fn with_interceptor(&self, interceptor: impl ClientInterceptor) -> Self {
        Self::from_channel(self.channel().with_interceptor(interceptor))
    }

    /// Returns a stub with another default timeout, like [`Channel::with_timeout`].
    #[must_use]
    fn with_timeout(&self, timeout: Duration) -> Self {
        Self::from_channel(self.channel().with_timeout(timeout))
    }

    /// Returns a stub that adds a pair to the metadata, like [`Channel::with_metadata`].
    #[must_use]
    fn with_metadata(&self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        Self::from_channel(self.channel().with_metadata(key, value))
    }

    /// Returns a stub that adds several pairs to the metadata, like [`Channel::with_metadata_from`].
    #[must_use]
    fn with_metadata_from(
        &self,
        pairs: impl TryInto<Metadata, Error: Into<InvalidMetadata>>,
    ) -> Self {
        Self::from_channel(self.channel().with_metadata_from(pairs))
    }

    /// Returns a stub that adds credentials, like [`Channel::with_credentials`].
    #[must_use]
    fn with_credentials(&self, credentials: impl CallCredentials) -> Self {
        Self::from_channel(self.channel().with_credentials(credentials))
    }

    /// Returns a stub whose calls wait, or don't wait, while no server can be reached, like [`Channel::with_wait_for_ready`].
    #[must_use]
    fn with_wait_for_ready(&self, wait_for_ready: bool) -> Self {
        Self::from_channel(self.channel().with_wait_for_ready(wait_for_ready))
    }

    /// Returns a stub with another default `:authority`, like [`Channel::with_authority`].
    #[must_use]
    fn with_authority(&self, authority: impl AsRef<str>) -> Self {
        Self::from_channel(self.channel().with_authority(authority))
    }

    /// Returns a stub with another default compression of requests, like [`Channel::with_compression`].
    #[must_use]
    fn with_compression(&self, compression: Compression) -> Self {
        Self::from_channel(self.channel().with_compression(compression))
    }

    /// Returns a stub with another default maximum size of requests, in bytes, like [`Channel::with_max_send_message_length`].
    #[must_use]
    fn with_max_send_message_length(&self, bytes: usize) -> Self {
        Self::from_channel(self.channel().with_max_send_message_length(bytes))
    }

    /// Returns a stub with another default maximum size of responses, in bytes, like
    /// [`Channel::with_max_receive_message_length`].
    #[must_use]
    fn with_max_receive_message_length(&self, bytes: usize) -> Self {
        Self::from_channel(self.channel().with_max_receive_message_length(bytes))
    }
}
