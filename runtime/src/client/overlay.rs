//! What a handle of a channel adds to the calls that are made over it.

use std::time::Duration;

use super::channel::Channel;
use super::interceptor::{Chain, ClientInterceptor};
use super::options::CallOptions;
use crate::Compression;
use crate::call::credentials::CallCredentials;

/// What a handle of a channel adds to the calls that are made over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    pub(crate) interceptors: Chain,
    /// What holds for calls that say nothing else.
    pub(crate) defaults: CallOptions,
    /// How much of a stream of requests is kept for interceptors that make calls again, in bytes.
    pub(crate) replay_buffer_size: Option<usize>,
}

/// Handles that add something to the calls that are made over them: what holds for the calls of one stub, or of a part of the
/// program. They are the same channel, with its connections, and cost little to make; other handles, and the stubs that were made
/// over them, stay as they are. What a call says for itself counts before what its channel says, as with each option.
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

    /// A handle whose calls have so much time that say nothing else; by default they take as long as they take.
    /// [`Duration::MAX`] of a call takes the limit away. gRPC's `timeout`.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Channel {
        self.with_defaults(|defaults| defaults.timeout = Some(timeout))
    }

    /// A handle whose calls are sent with a pair more of metadata, unless they have pairs of their own with its key. A pair that
    /// cannot be sent fails the calls with INVALID_ARGUMENT.
    #[must_use]
    pub fn with_metadata(&self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Channel {
        self.with_defaults(|defaults| defaults.add_metadata(key.as_ref(), value.as_ref()))
    }

    /// A handle whose calls prove themselves with these credentials, behind what the channel has; what a call has of its own comes
    /// behind it.
    #[must_use]
    pub fn with_credentials(&self, credentials: impl CallCredentials) -> Channel {
        self.with_defaults(|defaults| defaults.add_credentials(credentials))
    }

    /// A handle whose calls wait for ready, or do not, that say nothing else, in the place of
    /// [`ChannelBuilder::wait_for_ready`](crate::ChannelBuilder::wait_for_ready). gRPC's `wait_for_ready`.
    #[must_use]
    pub fn with_wait_for_ready(&self, wait_for_ready: bool) -> Channel {
        self.with_defaults(|defaults| defaults.wait_for_ready = Some(wait_for_ready))
    }

    /// A handle whose calls are for this host that name no other, HTTP/2's `:authority`, in the place of
    /// [`ChannelBuilder::authority`](crate::ChannelBuilder::authority): several hosts behind one proxy, over one connection. What
    /// cannot be one fails the calls with INVALID_ARGUMENT.
    #[must_use]
    pub fn with_authority(&self, authority: impl AsRef<str>) -> Channel {
        self.with_defaults(|defaults| defaults.set_authority(authority.as_ref()))
    }

    /// A handle whose requests are compressed so that say nothing else, in the place of
    /// [`ChannelBuilder::compression`](crate::ChannelBuilder::compression). gRPC's `grpc.default_compression_algorithm`.
    #[must_use]
    pub fn with_compression(&self, compression: Compression) -> Channel {
        self.with_defaults(|defaults| defaults.compression = Some(compression))
    }

    /// A handle with another largest request, in bytes, in the place of
    /// [`ChannelBuilder::max_send_message_length`](crate::ChannelBuilder::max_send_message_length). gRPC's
    /// `grpc.max_send_message_length`.
    #[must_use]
    pub fn with_max_send_message_length(&self, bytes: usize) -> Channel {
        self.with_defaults(|defaults| defaults.max_send_message_length = Some(bytes))
    }

    /// A handle with another largest response, in bytes, in the place of
    /// [`ChannelBuilder::max_receive_message_length`](crate::ChannelBuilder::max_receive_message_length). gRPC's
    /// `grpc.max_receive_message_length`.
    #[must_use]
    pub fn with_max_receive_message_length(&self, bytes: usize) -> Channel {
        self.with_defaults(|defaults| defaults.max_receive_message_length = Some(bytes))
    }

    fn with_defaults(&self, change: impl FnOnce(&mut CallOptions)) -> Channel {
        self.with_overlay(|overlay| change(&mut overlay.defaults))
    }
}
