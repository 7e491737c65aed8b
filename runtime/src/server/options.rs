//! The options of a server.

use std::sync::Arc;
use std::time::Duration;

use super::handlers::Method;
use super::interceptor::{Chain, ServerInterceptor};
use super::method_options::{MethodOptions, NamedOptions, Rules};
use super::pace::InlinePolling;
use super::slots::Slots;
use super::start::failed;
use crate::base::wire;
use crate::transport::{KeepaliveConfig, LifetimeConfig, UpkeepConfig};
use crate::{Compression, http2};

/// Sets the options of a [`Server`](crate::Server); every option has a default that serves.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerBuilder {
    pub(super) options: Options,
}

/// What all calls of a server share.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What holds for the calls of methods that have no options of their own.
    pub(crate) rules: Rules,
    pub(crate) named: NamedOptions,
    pub(crate) slots: Option<Arc<Slots>>,
    pub(crate) inline_polling: InlinePolling,
    pub(crate) interceptors: Chain,
    pub(crate) http2: http2::Config,
    pub(crate) upkeep: UpkeepConfig,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            rules: Rules::default(),
            named: NamedOptions::default(),
            slots: None,
            inline_polling: InlinePolling::default(),
            interceptors: Chain::default(),
            http2: http2::Config::default(),
            upkeep: UpkeepConfig {
                keepalive: KeepaliveConfig {
                    time: Some(Duration::from_secs(2 * 60 * 60)),
                    timeout: Duration::from_secs(20),
                    // A client that vanished would be kept for ever.
                    without_calls: true,
                },
                lifetime: LifetimeConfig::default(),
                write_timeout: Duration::from_secs(20),
            },
        }
    }
}

impl Options {
    /// What answers the calls of unknown methods, with all that the server puts around its handlers; `None` where that is no
    /// interceptor.
    pub(crate) fn around_unknown(&self) -> Option<Method> {
        let unknown = Method::new(|context| failed(wire::unknown_method(context.path())));
        (!self.interceptors.is_empty()).then(|| self.around(unknown))
    }

    /// A method with all that the server puts around its handlers.
    pub(crate) fn around(&self, method: Method) -> Method {
        let method = self.interceptors.around(method);
        match &self.slots {
            Some(slots) => slots.around(method),
            None => method,
        }
    }
}

impl ServerBuilder {
    /// Puts an interceptor around all handlers, inside those that were added before: the first one is the outermost. By
    /// default there are none. gRPC Python's `interceptors`.
    pub fn interceptor(mut self, interceptor: impl ServerInterceptor) -> ServerBuilder {
        self.options.interceptors.push(interceptor);
        self
    }

    /// The largest message that is taken from a client, in bytes, before and after decompression; the default is 4 MiB
    /// (4,194,304). A larger one ends its call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_receive_message_length`.
    pub fn max_receive_message_length(mut self, bytes: usize) -> ServerBuilder {
        self.options.rules.limits.request = bytes;
        self
    }

    /// The largest message that is sent to a client, in bytes, before compression; by default there is no limit. A larger one
    /// ends its call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_send_message_length`.
    pub fn max_send_message_length(mut self, bytes: usize) -> ServerBuilder {
        self.options.rules.limits.response = bytes;
        self
    }

    /// The time that a call may take from its arrival, whatever its client allows it; by default it is as long as the client
    /// says. Then it ends with DEADLINE_EXCEEDED. It is a deadline like the client's: handlers see the earlier of the two.
    pub fn timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.rules.timeout = Some(timeout);
        self
    }

    /// Options for the calls of one method, `/package.Service/Method`, or of all methods of one service, `package.Service`, in
    /// the place of the server's. A method's own are before its service's. A name that nothing registered has makes
    /// [`Server::start`](crate::Server::start) fail.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use stubwright::{MethodOptions, Server};
    ///
    /// let server = Server::builder()
    ///     .method_options("files.Files", MethodOptions::new().timeout(Duration::from_secs(60)))
    ///     .method_options("/files.Files/Upload", MethodOptions::new().max_receive_message_length(64 << 20))
    ///     .build();
    /// # drop(server);
    /// ```
    pub fn method_options(
        mut self,
        name: impl AsRef<str>,
        options: MethodOptions,
    ) -> ServerBuilder {
        self.options.named.insert(name.as_ref(), options);
        self
    }

    /// The number of calls that the server works on at a time, over all connections; by default there is no limit. A call
    /// over it fails at once with RESOURCE_EXHAUSTED, before interceptors and anything of its body; a call counts until its
    /// handler has ended or is dropped, and as long as work runs that it has given to [`offload`](crate::offload()). gRPC Python's `maximum_concurrent_rpcs`.
    pub fn max_concurrent_rpcs(mut self, calls: usize) -> ServerBuilder {
        self.options.slots = Some(Arc::new(Slots::new(calls)));
        self
    }

    /// How messages are compressed that are sent to clients which say that they can read it; by default they go as they are.
    /// A servicer sets it for one call by [`ServicerContext::set_compression`](crate::ServicerContext::set_compression).
    /// What clients may send does not depend on it. gRPC's `grpc.default_compression_algorithm`.
    pub fn compression(mut self, compression: Compression) -> ServerBuilder {
        self.options.rules.compression = compression;
        self
    }

    /// The number of calls that one connection may have open at a time, advertised to the client, whose further calls as a rule
    /// wait or use another connection; the default is 1,000. A call over it is refused. gRPC's `grpc.max_concurrent_streams`.
    pub fn max_concurrent_streams(mut self, streams: u32) -> ServerBuilder {
        self.options.http2.max_concurrent_streams = streams;
        self
    }

    /// Where a handler is polled for the first time: by its connection or in a task of its own; the default is
    /// [`InlinePolling::Adaptive`].
    ///
    /// A handler must not compute for long between two awaits, wherever it is polled: [`offload`](crate::offload()) is for that.
    pub fn inline_polling(mut self, polling: InlinePolling) -> ServerBuilder {
        self.options.inline_polling = polling;
        self
    }

    /// A client that has been silent for so long is pinged, whether or not it has calls open; the default is two hours.
    /// gRPC's `grpc.keepalive_time_ms`.
    pub fn keepalive_time(mut self, time: Duration) -> ServerBuilder {
        self.options.upkeep.keepalive.time = Some(time);
        self
    }

    /// A client that does not answer a keepalive ping within this is gone: its connection is closed and its calls are
    /// cancelled; the default is 20 seconds. gRPC's `grpc.keepalive_timeout_ms`.
    pub fn keepalive_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.upkeep.keepalive.timeout = timeout;
        self
    }

    /// A client may ping once in so long while the server sends it nothing; the default is five minutes. Pings that come
    /// sooner are strikes. gRPC's `grpc.http2.min_ping_interval_without_data_ms`.
    pub fn min_ping_interval_without_data(mut self, interval: Duration) -> ServerBuilder {
        self.options.http2.pings.min_interval = interval;
        self
    }

    /// So many strikes are forgiven, then the connection is closed with ENHANCE_YOUR_CALM and `too_many_pings`; the
    /// default is 2, and 0 forgives all. gRPC's `grpc.http2.max_ping_strikes`.
    pub fn max_ping_strikes(mut self, strikes: u32) -> ServerBuilder {
        self.options.http2.pings.max_strikes = strikes;
        self
    }

    /// Whether clients may ping as often while they have no call open; the default is `false`, which makes it every two
    /// hours. gRPC's `grpc.keepalive_permit_without_calls`.
    pub fn keepalive_permit_without_calls(mut self, permit: bool) -> ServerBuilder {
        self.options.http2.pings.permit_without_calls = permit;
        self
    }

    /// A connection without a call for so long is closed, with the announcement that lets no call be lost; by default it
    /// stays. gRPC's `grpc.max_connection_idle_ms`.
    pub fn max_connection_idle(mut self, idle: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_idle = Some(idle);
        self
    }

    /// A connection of this age, give or take a tenth, takes no new calls and is closed when those that are open have
    /// ended; by default it stays. gRPC's `grpc.max_connection_age_ms`.
    pub fn max_connection_age(mut self, age: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_age = Some(age);
        self
    }

    /// The calls of a connection that is over its age, or idle no more, have so long to end; the default is as long as they
    /// take. gRPC's `grpc.max_connection_age_grace_ms`.
    pub fn max_connection_age_grace(mut self, grace: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_age_grace = Some(grace);
        self
    }

    /// A client that takes nothing of what waits for it for so long is cut off; the default is 20 seconds.
    pub fn write_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.upkeep.write_timeout = timeout;
        self
    }

    /// A client that has connected and has not said what HTTP/2 begins with after so long is cut off, the handshake of TLS
    /// included; the default is 10 seconds.
    pub fn handshake_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.http2.handshake_timeout = timeout;
        self
    }

    /// All limits and windows of HTTP/2 at once. Options of this builder that set one of them count if they come after.
    pub fn limits(mut self, limits: http2::Config) -> ServerBuilder {
        self.options.http2 = limits;
        self
    }

    /// The largest metadata that is taken with a call, in bytes as HTTP/2 counts them (names, values, and 32 for each
    /// pair); the default is 16 KiB (16,384), and clients are told. A call over it fails with RESOURCE_EXHAUSTED. gRPC's
    /// `grpc.max_metadata_size`.
    pub fn max_metadata_size(mut self, bytes: u32) -> ServerBuilder {
        self.options.http2.max_header_list_size = bytes;
        self
    }
}
