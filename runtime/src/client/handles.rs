//! Handles of a channel, each with defaults of its own.

use std::time::Duration;

use super::channel::Channel;
use super::interceptor::ClientInterceptor;
use super::options::Options;
use crate::Compression;
use crate::call::credentials::CallCredentials;

/// Handles of the same channel with other defaults, for the calls of one stub or of a part of the program. A handle shares the
/// connections of the channel, and costs little to make. Other handles, and stubs that use them, are not changed. An option that a
/// call sets itself takes precedence over the default of its channel.
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
    /// Adds an interceptor around the calls made through the returned handle, outside those of this one. gRPC Python's
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
    #[must_use]
    pub fn with_interceptor(&self, interceptor: impl ClientInterceptor) -> Channel {
        self.with_defaults(|defaults| defaults.interceptors.wrap(interceptor))
    }

    /// Sets the default timeout of calls made through the returned handle. By default there is none. A call removes it with
    /// [`Duration::MAX`]. gRPC's `timeout`.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Channel {
        self.with_options(|options| options.timeout = Some(timeout))
    }

    /// Adds a pair to the metadata of calls made through the returned handle, except those that set the same key. A pair that cannot be
    /// sent fails the calls with INVALID_ARGUMENT.
    #[must_use]
    pub fn with_metadata(&self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Channel {
        self.with_options(|options| options.add_metadata(key.as_ref(), value.as_ref()))
    }

    /// Adds credentials to calls made through the returned handle, behind those of the channel. The credentials of a call come behind
    /// both.
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
    /// [`ChannelBuilder::authority`](crate::ChannelBuilder::authority). It reaches several hosts behind one proxy over one connection.
    /// Text that is no authority fails the calls with INVALID_ARGUMENT.
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

    /// Sets the default limit of requests, in bytes, in place of
    /// [`ChannelBuilder::max_send_message_length`](crate::ChannelBuilder::max_send_message_length). gRPC's
    /// `grpc.max_send_message_length`.
    #[must_use]
    pub fn with_max_send_message_length(&self, bytes: usize) -> Channel {
        self.with_options(|options| options.max_send_message_length = Some(bytes))
    }

    /// Sets the default limit of responses, in bytes, in place of
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
