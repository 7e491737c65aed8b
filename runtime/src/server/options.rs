//! The options of a server.

use std::sync::Arc;
use std::time::Duration;

use super::handlers::Method;
use super::inline_polling::InlinePolling;
use super::interceptor::{ServerInterceptor, ServerInterceptors};
use super::method_options::{MethodOptions, NamedOptions};
use super::response_compression::ResponseCompression;
use super::rules::Rules;
use super::slots::Slots;
use super::start::failed;
use crate::base::{TcpKeepalive, wire};
use crate::http2;
use crate::transport::{KeepaliveConfig, LifetimeConfig, UpkeepConfig};

/// Builds a [`Server`](crate::Server) with options. Every option has a default.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerBuilder {
    pub(super) options: Options,
}

/// The options that all calls of a server share.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The rules for methods without options of their own.
    pub(crate) rules: Rules,
    pub(crate) named: NamedOptions,
    pub(crate) slots: Option<Arc<Slots>>,
    pub(crate) inline_polling: InlinePolling,
    pub(crate) interceptors: ServerInterceptors,
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
            interceptors: ServerInterceptors::default(),
            http2: http2::Config::default(),
            upkeep: UpkeepConfig {
                keepalive: KeepaliveConfig {
                    time: Some(Duration::from_secs(2 * 60 * 60)),
                    timeout: Duration::from_secs(20),
                    // Otherwise the connection of a client that vanished would be kept for ever.
                    without_calls: true,
                },
                tcp_keepalive: None,
                lifetime: LifetimeConfig::default(),
                write_timeout: Duration::from_secs(20),
            },
        }
    }
}

impl Options {
    /// Returns the handler of unknown methods, with everything that the server puts around handlers, or `None` if there are no
    /// interceptors.
    pub(crate) fn around_unknown(&self) -> Option<Method> {
        if self.interceptors.is_empty() && !self.named.have_interceptors() {
            return None;
        }
        let unknown = Method::new(|context| failed(wire::unknown_method(context.path())));
        Some(self.around_unregistered(unknown))
    }

    /// Returns the method `/package.Service/Method` with everything that the server puts around handlers.
    pub(crate) fn around(&self, path: &str, method: Method) -> Method {
        let interceptors = self.named.interceptors(path, &self.interceptors);
        self.limited(interceptors.around(method))
    }

    /// Returns the handler of methods that are not registered, with everything that the server puts around handlers. If services
    /// have interceptors of their own, they are looked up for each call.
    pub(crate) fn around_unregistered(&self, method: Method) -> Method {
        if !self.named.have_interceptors() {
            return self.limited(self.interceptors.around(method));
        }
        let (named, servers) = (self.named.clone(), self.interceptors.clone());
        let handler = method.start;
        self.limited(Method::new(move |context| {
            let interceptors = named.interceptors(context.method(), &servers);
            interceptors.start(handler.clone(), context)
        }))
    }

    /// Returns a method whose calls count against the server's limit.
    fn limited(&self, method: Method) -> Method {
        match &self.slots {
            Some(slots) => slots.around(method),
            None => method,
        }
    }
}

impl ServerBuilder {
    /// Adds an interceptor around all handlers. The first one that is added is the outermost. By default there are none.
    /// [`MethodOptions::interceptor`] adds one around the handlers of one service or method. gRPC Python's `interceptors`.
    #[doc(alias = "grpc.authorization_policy_provider")]
    #[doc(alias = "interceptors")]
    pub fn interceptor(mut self, interceptor: impl ServerInterceptor) -> ServerBuilder {
        self.options.interceptors.push(interceptor);
        self
    }

    /// Sets the maximum size of a received message, in bytes, before and after decompression. A larger message ends its call with
    /// RESOURCE_EXHAUSTED. The default is 4 MiB (4,194,304). gRPC's `grpc.max_receive_message_length`.
    #[doc(alias = "grpc.max_receive_message_length")]
    pub fn max_receive_message_length(mut self, bytes: usize) -> ServerBuilder {
        self.options.rules.limits.request = bytes;
        self
    }

    /// Sets the maximum size of a sent message, in bytes, before compression. A larger message ends its call with
    /// RESOURCE_EXHAUSTED. By default there is no limit. gRPC's `grpc.max_send_message_length`.
    #[doc(alias = "grpc.max_send_message_length")]
    pub fn max_send_message_length(mut self, bytes: usize) -> ServerBuilder {
        self.options.rules.limits.response = bytes;
        self
    }

    /// Sets the maximum duration of a call from its arrival, even if its client allows more. A call that takes longer ends with
    /// DEADLINE_EXCEEDED. It works like the client's deadline: handlers see the earlier of the two. By default there is no limit.
    pub fn timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.rules.timeout = Some(timeout);
        self
    }

    /// Sets options for the calls of one method, `/package.Service/Method`, or of all methods of a service,
    /// `package.Service`. They override the server's options, and a method's override its service's.
    /// [`Server::start`](crate::Server::start) fails if there is no method or service with this name.
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

    /// Sets the maximum number of concurrent calls, over all connections. A call over the limit fails at once with
    /// RESOURCE_EXHAUSTED, before interceptors run and before its body is read. A call counts until its handler has ended or is
    /// dropped, and as long as it has [offloaded](crate::offload()) computations that run. By default there is no limit. gRPC
    /// Python's `maximum_concurrent_rpcs`.
    #[doc(alias = "maximum_concurrent_rpcs")]
    pub fn max_concurrent_rpcs(mut self, calls: usize) -> ServerBuilder {
        self.options.slots = Some(Arc::new(Slots::new(calls)));
        self
    }

    /// Sets the compression of messages to clients that accept it: the same for all, or
    /// [`AsRequest`](ResponseCompression::AsRequest). By default messages are not compressed. A servicer overrides it for one call
    /// by [`ServicerContext::set_compression`](crate::ServicerContext::set_compression). It does not restrict what clients may
    /// send. gRPC's `grpc.default_compression_algorithm`.
    #[doc(alias = "grpc.default_compression_algorithm")]
    pub fn compression(mut self, compression: impl Into<ResponseCompression>) -> ServerBuilder {
        self.options.rules.compression = compression.into();
        self
    }

    /// Sets the maximum number of concurrent calls on one connection. It is advertised to clients, which usually let further
    /// calls wait or use another connection. A call over the limit is refused. The default is 1,000. gRPC's
    /// `grpc.max_concurrent_streams`.
    #[doc(alias = "grpc.max_concurrent_streams")]
    pub fn max_concurrent_streams(mut self, streams: u32) -> ServerBuilder {
        self.options.http2.max_concurrent_streams = streams;
        self
    }

    /// Sets where handlers are polled for the first time: by their connection's task or in a task of their own. The default is
    /// [`InlinePolling::Adaptive`].
    ///
    /// Wherever it is polled, a handler must not compute for long between two awaits. Use [`offload`](crate::offload()) for that.
    pub fn inline_polling(mut self, polling: InlinePolling) -> ServerBuilder {
        self.options.inline_polling = polling;
        self
    }

    /// Sets the time of silence after which a client is pinged, whether or not it has open calls. The default is two hours.
    /// gRPC's `grpc.keepalive_time_ms`.
    #[doc(alias = "grpc.keepalive_time_ms")]
    pub fn keepalive_time(mut self, time: Duration) -> ServerBuilder {
        self.options.upkeep.keepalive.time = Some(time);
        self
    }

    /// Sets the time within which a client must respond to a keepalive ping. If it does not, its connection is closed and its
    /// calls are cancelled. The default is 20 seconds. gRPC's `grpc.keepalive_timeout_ms`.
    ///
    /// On Linux the system's own limit for data that is not acknowledged, `TCP_USER_TIMEOUT`, is the same (gRFC A18).
    #[doc(alias = "grpc.keepalive_timeout_ms")]
    pub fn keepalive_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.upkeep.keepalive.timeout = timeout;
        self
    }

    /// Sets TCP's own keepalive for the connections that the server accepts. By default it is off.
    pub fn tcp_keepalive(mut self, keepalive: TcpKeepalive) -> ServerBuilder {
        self.options.upkeep.tcp_keepalive = Some(keepalive);
        self
    }

    /// Sets the minimum time between pings of a client while the server sends it nothing. A ping that comes sooner is a ping
    /// strike. The default is five minutes. gRPC's `grpc.http2.min_ping_interval_without_data_ms`.
    #[doc(alias = "grpc.http2.min_ping_interval_without_data_ms")]
    pub fn min_ping_interval_without_data(mut self, interval: Duration) -> ServerBuilder {
        self.options.http2.pings.min_interval = interval;
        self
    }

    /// Sets the number of ping strikes that are tolerated. One more closes the connection with ENHANCE_YOUR_CALM and
    /// `too_many_pings`. The default is 2, and 0 tolerates any number. gRPC's `grpc.http2.max_ping_strikes`.
    #[doc(alias = "grpc.http2.max_ping_strikes")]
    pub fn max_ping_strikes(mut self, strikes: u32) -> ServerBuilder {
        self.options.http2.pings.max_strikes = strikes;
        self
    }

    /// Sets whether clients may ping just as often while they have no open calls. The default is `false`, which allows one ping
    /// every two hours then. gRPC's `grpc.keepalive_permit_without_calls`.
    #[doc(alias = "grpc.keepalive_permit_without_calls")]
    pub fn keepalive_permit_without_calls(mut self, permit: bool) -> ServerBuilder {
        self.options.http2.pings.permit_without_calls = permit;
        self
    }

    /// Sets the time without calls after which a connection is closed. It is closed by GOAWAY, so that no call is lost. By
    /// default, and with `None`, connections stay open. gRPC's `grpc.max_connection_idle_ms`.
    #[doc(alias = "grpc.max_connection_idle_ms")]
    pub fn max_connection_idle(mut self, idle: impl Into<Option<Duration>>) -> ServerBuilder {
        self.options.upkeep.lifetime.max_idle = idle.into();
        self
    }

    /// Sets the maximum age of a connection, with a jitter of a tenth. An older connection accepts no new calls, and is closed
    /// once its open calls have ended. By default there is no limit. gRPC's `grpc.max_connection_age_ms`.
    #[doc(alias = "grpc.max_connection_age_ms")]
    pub fn max_connection_age(mut self, age: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_age = Some(age);
        self
    }

    /// Sets the time that open calls have to end once their connection has reached its maximum age. By default there is no limit.
    /// gRPC's `grpc.max_connection_age_grace_ms`.
    #[doc(alias = "grpc.max_connection_age_grace_ms")]
    pub fn max_connection_age_grace(mut self, grace: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_age_grace = Some(grace);
        self
    }

    /// Sets the time after which a connection is closed if data waits to be sent and the client accepts none. The default is 20
    /// seconds.
    pub fn write_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.upkeep.write_timeout = timeout;
        self
    }

    /// Sets the time that a client has after connecting to send HTTP/2's preface, including the TLS handshake. The default is 10
    /// seconds.
    #[doc(alias = "grpc.server_handshake_timeout_ms")]
    pub fn handshake_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.http2.handshake_timeout = timeout;
        self
    }

    /// Sets all limits and windows of HTTP/2 at once. Methods of this builder that set one of them must be called afterwards.
    pub fn limits(mut self, limits: http2::Config) -> ServerBuilder {
        self.options.http2 = limits;
        self
    }

    /// Sets the maximum size of a call's metadata, in bytes as HTTP/2 counts them: names, values, and 32 for each pair. It is
    /// advertised to clients. A call over the limit fails with RESOURCE_EXHAUSTED. The default is 16 KiB (16,384). gRPC's
    /// `grpc.max_metadata_size`.
    #[doc(alias = "grpc.max_metadata_size")]
    #[doc(alias = "grpc.absolute_max_metadata_size")]
    pub fn max_metadata_size(mut self, bytes: u32) -> ServerBuilder {
        self.options.http2.max_header_list_size = bytes;
        self
    }
}
