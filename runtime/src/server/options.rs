//! The options of a server.

use std::num::NonZeroUsize;
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
    /// Adds an interceptor around all handlers. The interceptor that is added first is the outermost. By default there are no
    /// interceptors. [`MethodOptions::interceptor`] adds an interceptor around the handlers of one service or method only. gRPC
    /// Python's `interceptors`.
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

    /// Sets the maximum memory of a decoded request, in bytes. It includes the elements of lists and maps, which can take a hundred
    /// times more memory than encoded bytes: an empty message in a list has two bytes. A request that needs more ends its call with
    /// RESOURCE_EXHAUSTED, before the memory is allocated. The default is 32 MiB (33,554,432), or twice the maximum size of a
    /// request if that is more. Messages of prost without code of Stubwright count as 16 times their encoded size.
    pub fn max_message_memory(mut self, bytes: usize) -> ServerBuilder {
        let bytes = NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN);
        self.options.rules.limits.request_memory = Some(bytes);
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
    /// DEADLINE_EXCEEDED. [`ServicerContext::deadline`](crate::ServicerContext::deadline) returns the end of this duration or the
    /// client's deadline, whichever is earlier. By default there is no limit.
    pub fn timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.rules.timeout = Some(timeout);
        self
    }

    /// Sets options for the calls of one method, `/package.Service/Method`, or of all methods of a service, `package.Service`. The
    /// options of a service override those of the server, and the options of a method override those of its service.
    /// [`Server::start`](crate::Server::start) fails if no method or service with this name is registered.
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
    /// RESOURCE_EXHAUSTED, before interceptors run and before its body is read. A call counts until its handler and all
    /// computations that the handler has [offloaded](crate::offload()) have ended. By default there is no limit. gRPC Python's
    /// `maximum_concurrent_rpcs`.
    #[doc(alias = "maximum_concurrent_rpcs")]
    pub fn max_concurrent_rpcs(mut self, calls: usize) -> ServerBuilder {
        self.options.slots = Some(Arc::new(Slots::new(calls)));
        self
    }

    /// Sets the compression of responses to clients that accept it. This is either a [`Compression`](crate::Compression) for all
    /// calls, or [`AsRequest`](ResponseCompression::AsRequest). By default responses are not compressed.
    /// [`ServicerContext::set_compression`](crate::ServicerContext::set_compression) overrides this option for one call. The option
    /// does not restrict how clients may compress their requests. gRPC's `grpc.default_compression_algorithm`.
    #[doc(alias = "grpc.default_compression_algorithm")]
    pub fn compression(mut self, compression: impl Into<ResponseCompression>) -> ServerBuilder {
        self.options.rules.compression = compression.into();
        self
    }

    /// Sets the maximum number of concurrent calls on one connection. The server tells clients this limit. They usually let further
    /// calls wait, or open another connection. A call over the limit is refused. The default is 1,000. gRPC's
    /// `grpc.max_concurrent_streams`.
    #[doc(alias = "grpc.max_concurrent_streams")]
    pub fn max_concurrent_streams(mut self, streams: u32) -> ServerBuilder {
        self.options.http2.max_concurrent_streams = streams;
        self
    }

    /// Sets where handlers are polled for the first time: by their connection's task or in a task of their own. The default is
    /// [`InlinePolling::Adaptive`].
    ///
    /// In either place, a handler must not compute for long between two awaits. Use [`offload`](crate::offload()) for long
    /// computations.
    pub fn inline_polling(mut self, polling: InlinePolling) -> ServerBuilder {
        self.options.inline_polling = polling;
        self
    }

    /// Sets the time without data from a client after which the server pings it, whether or not the client has open calls. The
    /// default is two hours. gRPC's `grpc.keepalive_time_ms`.
    #[doc(alias = "grpc.keepalive_time_ms")]
    pub fn keepalive_time(mut self, time: Duration) -> ServerBuilder {
        self.options.upkeep.keepalive.time = Some(time);
        self
    }

    /// Sets the time within which a client must respond to a keepalive ping. If no response arrives, the server closes the
    /// connection and cancels its calls. The default is 20 seconds. gRPC's `grpc.keepalive_timeout_ms`.
    ///
    /// On Linux this also sets the socket option `TCP_USER_TIMEOUT`, the time that sent data may stay unacknowledged (gRFC A18).
    #[doc(alias = "grpc.keepalive_timeout_ms")]
    pub fn keepalive_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.upkeep.keepalive.timeout = timeout;
        self
    }

    /// Sets the keepalive of TCP for the connections that the server accepts. By default TCP keepalive is off.
    pub fn tcp_keepalive(mut self, keepalive: TcpKeepalive) -> ServerBuilder {
        self.options.upkeep.tcp_keepalive = Some(keepalive);
        self
    }

    /// Sets the minimum time that a client must leave between two pings if the server sends it no data meanwhile. A ping that comes
    /// sooner counts as a ping strike. The default is five minutes. gRPC's `grpc.http2.min_ping_interval_without_data_ms`.
    #[doc(alias = "grpc.http2.min_ping_interval_without_data_ms")]
    pub fn min_ping_interval_without_data(mut self, interval: Duration) -> ServerBuilder {
        self.options.http2.pings.min_interval = interval;
        self
    }

    /// Sets the number of ping strikes that the server tolerates from a client. The next strike closes the connection with the
    /// HTTP/2 error ENHANCE_YOUR_CALM and the text `too_many_pings`. The default is 2, and 0 tolerates any number. gRPC's
    /// `grpc.http2.max_ping_strikes`.
    #[doc(alias = "grpc.http2.max_ping_strikes")]
    pub fn max_ping_strikes(mut self, strikes: u32) -> ServerBuilder {
        self.options.http2.pings.max_strikes = strikes;
        self
    }

    /// Sets whether a client without open calls may ping as often as a client with open calls. The default is `false`, which allows
    /// a client without open calls one ping every two hours. gRPC's `grpc.keepalive_permit_without_calls`.
    #[doc(alias = "grpc.keepalive_permit_without_calls")]
    pub fn keepalive_permit_without_calls(mut self, permit: bool) -> ServerBuilder {
        self.options.http2.pings.permit_without_calls = permit;
        self
    }

    /// Sets the time without calls after which the server closes a connection. It closes the connection by HTTP/2's GOAWAY, so that
    /// no call is lost. By default, and with `None`, there is no limit. gRPC's `grpc.max_connection_idle_ms`.
    #[doc(alias = "grpc.max_connection_idle_ms")]
    pub fn max_connection_idle(mut self, idle: impl Into<Option<Duration>>) -> ServerBuilder {
        self.options.upkeep.lifetime.max_idle = idle.into();
        self
    }

    /// Sets the maximum age of a connection. The actual maximum of each connection is up to a tenth shorter or longer, at random. A
    /// connection that reaches it accepts no new calls, and is closed once its open calls have ended. By default there is no limit.
    /// gRPC's `grpc.max_connection_age_ms`.
    #[doc(alias = "grpc.max_connection_age_ms")]
    pub fn max_connection_age(mut self, age: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_age = Some(age);
        self
    }

    /// Sets the time that open calls have to end after their connection has reached its maximum age. Calls that are still open then
    /// are cut off. By default there is no limit. gRPC's `grpc.max_connection_age_grace_ms`.
    #[doc(alias = "grpc.max_connection_age_grace_ms")]
    pub fn max_connection_age_grace(mut self, grace: Duration) -> ServerBuilder {
        self.options.upkeep.lifetime.max_age_grace = Some(grace);
        self
    }

    /// Sets the time that data for a client may wait without any of it being accepted. After this time, the server closes the
    /// connection. The default is 20 seconds.
    pub fn write_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.upkeep.write_timeout = timeout;
        self
    }

    /// Sets the time within which a client must complete the TLS handshake, if any, and send the HTTP/2 preface. It begins when the
    /// server accepts the connection. The default is 10 seconds.
    #[doc(alias = "grpc.server_handshake_timeout_ms")]
    pub fn handshake_timeout(mut self, timeout: Duration) -> ServerBuilder {
        self.options.http2.handshake_timeout = timeout;
        self
    }

    /// Sets all limits and windows of HTTP/2 at once. Call this method before the methods of this builder that set a single
    /// limit, because it replaces what they have set.
    pub fn limits(mut self, limits: http2::Config) -> ServerBuilder {
        self.options.http2 = limits;
        self
    }

    /// Sets the maximum size of a call's metadata, in bytes as HTTP/2 counts them: names, values, and 32 for each pair. The server
    /// tells clients this limit. A call over the limit fails with RESOURCE_EXHAUSTED. The default is 16 KiB (16,384). gRPC's
    /// `grpc.max_metadata_size`.
    #[doc(alias = "grpc.max_metadata_size")]
    #[doc(alias = "grpc.absolute_max_metadata_size")]
    pub fn max_metadata_size(mut self, bytes: u32) -> ServerBuilder {
        self.options.http2.max_header_list_size = bytes;
        self
    }
}
