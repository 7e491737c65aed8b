//! Handles of a channel with their own defaults.

use std::time::Duration;

use super::channel::Channel;
use super::interceptor::ClientInterceptor;
use super::options::Options;

use crate::call::credentials::CallCredentials;
use crate::{Compression, InvalidMetadata, Metadata};

/// Methods that return another handle of the same channel, with other defaults for its calls. Use such a handle for one stub or for
/// a part of the program.
///
/// Handles share the connections of the channel, and are cheap to create. Existing handles, and the stubs that use them, are not
/// changed. An option that is set on a call takes precedence over the default of the handle.
///
/// ```
/// # fn example(channel: stubwright::Channel) {
/// use std::time::Duration;
///
/// // let stub = EchoStub::new(patient);
/// let patient = channel
///     .with_timeout(Duration::from_secs(60))
///     .with_metadata("x-priority", "low");
/// # drop(patient);
/// # }
/// ```
impl Channel {
    /// Adds an interceptor around the calls made through the returned handle, outside the existing interceptors. gRPC Python's
    /// `intercept_channel`.
    ///
    /// ```
    /// # fn example(channel: stubwright::Channel) {
    /// use stubwright::ClientCall;
    ///
    /// let counted = channel.with_interceptor(|mut call: ClientCall| async move {
    ///     let end = call.proceed().await;
    ///     println!("{}: {} responses", call.method(), call.responses());
    ///     end.result
    /// });
    /// # drop(counted);
    /// # }
    /// ```
    #[doc(alias = "intercept_channel")]
    #[must_use]
    pub fn with_interceptor(&self, interceptor: impl ClientInterceptor) -> Channel {
        self.with_defaults(|defaults| defaults.interceptors.wrap(interceptor))
    }

    /// Sets the default timeout of calls made through the returned handle. By default there is none. A call with the timeout
    /// [`Duration::MAX`] has no deadline. gRPC's `timeout`.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Channel {
        self.with_options(|options| options.timeout = Some(timeout))
    }

    /// Adds a pair to the metadata of calls made through the returned handle, except calls that set the same key. If the pair is
    /// invalid, calls fail with INVALID_ARGUMENT.
    #[must_use]
    pub fn with_metadata(&self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Channel {
        self.with_options(|options| options.add_metadata(key.as_ref(), value.as_ref()))
    }

    /// Adds several pairs to the metadata of calls made through the returned handle, like
    /// [`with_metadata`](Channel::with_metadata). The pairs are other [`Metadata`], or an array, a slice or a vector of pairs.
    #[must_use]
    pub fn with_metadata_from(
        &self,
        pairs: impl TryInto<Metadata, Error: Into<InvalidMetadata>>,
    ) -> Channel {
        self.with_options(|options| options.add_all_metadata(pairs))
    }

    /// Adds credentials to calls made through the returned handle. These credentials are asked after the credentials of the
    /// channel, and before the credentials of a single call.
    #[must_use]
    pub fn with_credentials(&self, credentials: impl CallCredentials) -> Channel {
        self.with_options(|options| options.add_credentials(credentials))
    }

    /// Sets whether calls made through the returned handle wait while no server can be reached, in place of
    /// [`ChannelBuilder::wait_for_ready`](crate::ChannelBuilder::wait_for_ready). gRPC's `wait_for_ready`.
    #[must_use]
    pub fn with_wait_for_ready(&self, wait_for_ready: bool) -> Channel {
        self.with_options(|options| options.wait_for_ready = Some(wait_for_ready))
    }

    /// Sets the default `:authority` of calls made through the returned handle, in place of
    /// [`ChannelBuilder::authority`](crate::ChannelBuilder::authority), for example to reach several hosts behind one proxy over
    /// the same connection. Calls fail with INVALID_ARGUMENT if the text is not an authority.
    #[must_use]
    pub fn with_authority(&self, authority: impl AsRef<str>) -> Channel {
        self.with_options(|options| options.set_authority(authority.as_ref()))
    }

    /// Sets the default compression of requests, in place of
    /// [`ChannelBuilder::compression`](crate::ChannelBuilder::compression). gRPC's `grpc.default_compression_algorithm`.
    #[must_use]
    pub fn with_compression(&self, compression: Compression) -> Channel {
        self.with_options(|options| options.compression = Some(compression))
    }

    /// Sets the default maximum size of a request, in bytes, in place of
    /// [`ChannelBuilder::max_send_message_length`](crate::ChannelBuilder::max_send_message_length). gRPC's
    /// `grpc.max_send_message_length`.
    #[must_use]
    pub fn with_max_send_message_length(&self, bytes: usize) -> Channel {
        self.with_options(|options| options.max_send_message_length = Some(bytes))
    }

    /// Sets the default maximum size of a response, in bytes, in place of
    /// [`ChannelBuilder::max_receive_message_length`](crate::ChannelBuilder::max_receive_message_length). gRPC's
    /// `grpc.max_receive_message_length`.
    #[must_use]
    pub fn with_max_receive_message_length(&self, bytes: usize) -> Channel {
        self.with_options(|options| options.max_receive_message_length = Some(bytes))
    }

    fn with_options(&self, change: impl FnOnce(&mut Options)) -> Channel {
        self.with_defaults(|defaults| change(&mut defaults.options))
    }
}
