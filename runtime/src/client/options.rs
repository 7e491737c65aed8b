//! The options of calls.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::compress_if::CompressIf;
use crate::base::header::Header;
use crate::call::Extensions;
#[cfg(feature = "server")]
use crate::call::Propagation;
use crate::call::credentials::{Authorizer, CallCredentials};
use crate::{Compression, InvalidMetadata, Metadata, Status};

/// The options of a call, or the defaults of a channel for its calls.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) metadata: Metadata,
    pub(crate) authority: Option<Header>,
    pub(crate) credentials: Option<Authorizer>,
    pub(crate) wait_for_ready: Option<bool>,
    pub(crate) compression: Option<Compression>,
    /// Decides which requests are compressed. `None` for all.
    pub(crate) compress_if: Option<CompressIf>,
    pub(crate) max_send_message_length: Option<usize>,
    pub(crate) max_receive_message_length: Option<usize>,
    pub(crate) max_message_memory: Option<NonZeroUsize>,
    /// Values for the interceptors of the call.
    pub(crate) extensions: Option<Arc<Extensions>>,
    /// The properties that the call inherits from its parent.
    #[cfg(feature = "server")]
    pub(crate) propagation: Option<Box<Propagation>>,
    /// The error of the first invalid option. The call fails with it when it is started.
    pub(crate) invalid: Option<Status>,
}

impl Options {
    /// Returns the deadline of a call if it starts now.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // A time that the clock cannot represent means no deadline.
        let own = self
            .timeout
            .and_then(|timeout| crate::base::clock::now().checked_add(timeout));
        #[cfg(feature = "server")]
        if let Some(propagation) = &self.propagation {
            return propagation.bound(own);
        }
        own
    }

    /// Fills options that the call does not set from the defaults of the channel.
    pub(crate) fn default_to(&mut self, defaults: &Options) {
        self.timeout = self.timeout.or(defaults.timeout);
        self.metadata.default_to(&defaults.metadata);
        let own = self.authority.take();
        self.authority = own.or_else(|| defaults.authority.clone());
        if let Some(first) = defaults.credentials.clone() {
            self.credentials = Some(match self.credentials.take() {
                Some(own) => own.behind(Some(first)),
                None => first,
            });
        }
        self.wait_for_ready = self.wait_for_ready.or(defaults.wait_for_ready);
        self.compression = self.compression.or(defaults.compression);
        self.max_send_message_length = self
            .max_send_message_length
            .or(defaults.max_send_message_length);
        self.max_message_memory = self.max_message_memory.or(defaults.max_message_memory);
        self.max_receive_message_length = self
            .max_receive_message_length
            .or(defaults.max_receive_message_length);
        if let Some(status) = &defaults.invalid {
            self.set_invalid(status.clone());
        }
    }

    pub(crate) fn add_credentials(&mut self, credentials: impl CallCredentials) {
        let credentials = Authorizer::new(credentials);
        self.credentials = Some(credentials.behind(self.credentials.take()));
    }

    pub(crate) fn add_metadata(&mut self, key: &str, value: &[u8]) {
        if let Err(error) = self.metadata.append(key, value) {
            self.set_invalid_metadata(error);
        }
    }

    pub(crate) fn add_all_metadata(
        &mut self,
        pairs: impl TryInto<Metadata, Error: Into<InvalidMetadata>>,
    ) {
        if let Err(error) = self.metadata.append_all(pairs) {
            self.set_invalid_metadata(error);
        }
    }

    pub(crate) fn add_extension<T: Send + Sync + 'static>(&mut self, value: T) {
        self.extensions.get_or_insert_default().insert(value);
    }

    #[cfg(feature = "server")]
    pub(crate) fn propagate(&mut self, propagation: Propagation) {
        self.metadata.merge(propagation.pairs().clone());
        self.propagation = Some(Box::new(propagation));
    }

    /// Sets the maximum memory of a decoded response, in bytes.
    pub(crate) fn set_message_memory(&mut self, bytes: usize) {
        self.max_message_memory = Some(NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN));
    }

    pub(crate) fn set_authority(&mut self, authority: &str) {
        match crate::base::authority::authority(authority) {
            Ok(authority) => self.authority = Some(authority),
            Err(status) => self.set_invalid(status),
        }
    }

    fn set_invalid_metadata(&mut self, error: InvalidMetadata) {
        self.set_invalid(Status::invalid_argument(error.to_string()).with_source(error));
    }

    fn set_invalid(&mut self, status: Status) {
        self.invalid.get_or_insert(status);
    }
}

/// Defines the options as methods: `pub fn` for a call, `fn` for the trait.
macro_rules! option_methods {
    ($visibility:vis fn) => {
        /// Sets the timeout of the whole call, counted from its start. The default is the channel's timeout, if it has one. The
        /// timeout is sent to the server. When it has passed, both sides end the call with DEADLINE_EXCEEDED. A shorter timeout in
        /// the channel's service config takes precedence. gRPC's `timeout`, or deadline.
        $visibility fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.options().timeout = Some(timeout);
            self
        }

        /// Adds a pair to the metadata of the call. The value may be any bytes if the key ends in `-bin`, and must be printable
        /// ASCII otherwise. If the pair is invalid, the call fails with INVALID_ARGUMENT. The channel's pairs with other keys are
        /// sent too. gRPC's `metadata`.
        $visibility fn metadata(mut self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
            self.options().add_metadata(key.as_ref(), value.as_ref());
            self
        }

        /// Adds several pairs to the metadata of the call, like `metadata`. The pairs are other [`Metadata`](crate::Metadata), or
        /// an array, a slice or a vector of pairs, as in `.metadata_from([("k", "v")])`. gRPC's `metadata`.
        $visibility fn metadata_from(
            mut self,
            pairs: impl TryInto<crate::Metadata, Error: Into<crate::InvalidMetadata>>,
        ) -> Self {
            self.options().add_all_metadata(pairs);
            self
        }

        /// Adds credentials to the call. By default there are none. These credentials are asked after the credentials of the
        /// channel. Over a connection without encryption the call ends with UNAUTHENTICATED, unless the channel has
        /// [local](crate::ChannelCredentials::local) credentials. gRPC's `credentials`.
        $visibility fn credentials(mut self, credentials: impl crate::CallCredentials) -> Self {
            self.options().add_credentials(credentials);
            self
        }

        /// Sets whether the call waits, until its deadline, while no server can be reached. If it is `false`, the call fails at
        /// once with UNAVAILABLE and the cause. The default is the channel's setting, or that of the service config, or else
        /// `false`. gRPC's `wait_for_ready`.
        $visibility fn wait_for_ready(mut self, wait_for_ready: bool) -> Self {
            self.options().wait_for_ready = Some(wait_for_ready);
            self
        }

        /// Makes the call a child of the call that the servicer is serving. By default the child is cancelled when its parent ends,
        /// and its deadline is not later than the deadline of the parent. The metadata that `propagation` selects is sent with the
        /// child.
        ///
        /// Without this option, a call is independent of the call that is being served. Still, dropping the future of a servicer's
        /// method drops the calls that it awaits.
        #[cfg(feature = "server")]
        $visibility fn propagated(mut self, propagation: crate::Propagation) -> Self {
            self.options().propagate(propagation);
            self
        }

        /// Sets the maximum size of a request, in bytes, before compression. The default is the channel's limit, or else no
        /// limit. A larger request ends the call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_send_message_length`.
        $visibility fn max_send_message_length(mut self, bytes: usize) -> Self {
            self.options().max_send_message_length = Some(bytes);
            self
        }

        /// Sets the maximum size of a response, in bytes, before and after decompression. The default is the channel's limit, or
        /// else 4 MiB. A larger response ends the call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_receive_message_length`.
        $visibility fn max_receive_message_length(mut self, bytes: usize) -> Self {
            self.options().max_receive_message_length = Some(bytes);
            self
        }

        /// Sets the maximum memory of a decoded response, in bytes. The default is the channel's limit, or else 32 MiB, or twice
        /// the maximum size of a response if that is more. A response that needs more ends the call with RESOURCE_EXHAUSTED. See
        /// [`ChannelBuilder::max_message_memory`](crate::ChannelBuilder::max_message_memory).
        $visibility fn max_message_memory(mut self, bytes: usize) -> Self {
            self.options().set_message_memory(bytes);
            self
        }

        /// Sets the `:authority` of the call, in place of the channel's, for example for a proxy that routes by host. Over TLS, the
        /// server's certificate must also be for this host. If it is not, the call fails with UNAVAILABLE. gRPC's per-call
        /// authority (gRFC A81).
        $visibility fn authority(mut self, authority: impl AsRef<str>) -> Self {
            self.options().set_authority(authority.as_ref());
            self
        }

        /// Sets the compression of the requests. The default is the channel's setting, or else no compression. A server that
        /// cannot decompress them answers UNIMPLEMENTED. The server chooses the compression of responses. Calls within this
        /// process are never compressed. gRPC's `compression`.
        $visibility fn compression(mut self, compression: crate::Compression) -> Self {
            self.options().compression = Some(compression);
            self
        }

        /// Sets a function that decides which requests are compressed, if the call has a compression. By default every request is
        /// compressed if this makes it shorter. Exclude messages that are already compressed, and messages with a secret next to
        /// text that others can choose. If `M` is not the type of the call's requests, the call fails with INVALID_ARGUMENT. gRPC
        /// core's `GRPC_WRITE_NO_COMPRESS`. Servers use `ServicerContext::disable_next_message_compression`.
        $visibility fn compress_if<M: 'static>(
            mut self,
            wanted: impl Fn(&M) -> bool + Send + Sync + 'static,
        ) -> Self {
            self.options().compress_if = Some(crate::client::CompressIf::new(wanted));
            self
        }

        /// Adds a value for the channel's interceptors, which find the value by its type in
        /// [`ClientCall::extensions`](crate::ClientCall::extensions). The value is never sent. It replaces an earlier value of the
        /// same type.
        $visibility fn extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
            self.options().add_extension(value);
            self
        }
    };
}

pub(crate) use option_methods;

/// The options of a call, for code that is generic over the kinds of calls. Each call type also has these methods itself, so the
/// trait is not needed to use them.
///
/// ```
/// use std::time::Duration;
/// use stubwright::CallOptions;
///
/// fn urgent<C: CallOptions>(call: C) -> C {
///     call.timeout(Duration::from_millis(100)).metadata("x-priority", "high")
/// }
///
/// # async fn example(channel: stubwright::Channel) -> stubwright::Result<()> {
/// # use stubwright::Prost;
/// let call = channel.unary_unary("/echo.Echo/Say", Prost, String::from("hello"));
/// let response: String = urgent(call).await?;
/// # drop(response);
/// # Ok(())
/// # }
/// ```
pub trait CallOptions: sealed::HasOptions + Sized {
    option_methods!(fn);
}

pub(crate) mod sealed {
    use super::Options;

    /// Has options.
    pub trait HasOptions {
        fn options(&mut self) -> &mut Options;
    }
}
