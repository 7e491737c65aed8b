//! The options of a channel.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::call_defaults::CallDefaults;
use super::channel::Channel;
use super::interceptor::ClientInterceptor;
use crate::base::authority::authority;
use crate::base::header::Header;
use crate::base::{TcpKeepalive, log};
use crate::call::retry_buffer::{Budget, PER_RPC_RETRY_BUFFER, RETRY_BUFFER};
use crate::channel::balance::load_balancing::LoadBalancing;
use crate::channel::connect::connector::Connector;
use crate::channel::connect::credentials::ChannelCredentials;
use crate::channel::options::{ChannelOptions, LIBRARY};
use crate::channel::resolve::names::Names;
use crate::channel::resolve::resolver::Resolver;
use crate::channel::resolve::service_config::ServiceConfig;
use crate::channel::resolve::target::Target;
use crate::{Compression, InvalidMetadata, Metadata, Result, http2};

/// Builds a [`Channel`] with options. Every option has a default.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ChannelBuilder {
    options: ChannelOptions,
    /// The resolver, if it is not the target's own.
    names: Option<Names>,
    authority: Option<String>,
    per_rpc_retry_buffer_size: Option<usize>,
    retry_buffer_size: Option<usize>,
    defaults: Option<CallDefaults>,
}

/// gRFC A8's minimum time between pings.
const MIN_KEEPALIVE_TIME: Duration = Duration::from_secs(10);

impl ChannelBuilder {
    /// Adds an interceptor for all calls. The interceptor that is added first is the outermost. By default there are none.
    /// [`Channel::with_interceptor`] adds an interceptor to an existing channel. gRPC Python's `interceptors`.
    #[doc(alias = "interceptors")]
    pub fn interceptor(mut self, interceptor: impl ClientInterceptor) -> ChannelBuilder {
        self.defaults().interceptors.push(interceptor);
        self
    }

    /// Sets the default `:authority` of calls, in place of the target's, for example for a proxy that routes by host. Over TLS, the
    /// server's certificate must be for this host, unless
    /// [`ChannelCredentials::server_name`](crate::ChannelCredentials::server_name) sets another name. If the text is not an
    /// authority, building the channel fails with INVALID_ARGUMENT. gRPC's `grpc.default_authority`.
    #[doc(alias = "grpc.default_authority")]
    pub fn authority(mut self, authority: impl Into<String>) -> ChannelBuilder {
        self.authority = Some(authority.into());
        self
    }

    /// Sets the default timeout of calls, counted from their start. By default there is none. It corresponds to gRPC's `timeout`
    /// for each call.
    pub fn timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.defaults().options.timeout = Some(timeout);
        self
    }

    /// Adds a pair to the metadata of all calls, except calls that set the same key. By default there are no pairs. If the pair is
    /// invalid, calls fail with INVALID_ARGUMENT.
    pub fn metadata(mut self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> ChannelBuilder {
        self.defaults()
            .options
            .add_metadata(key.as_ref(), value.as_ref());
        self
    }

    /// Adds several pairs to the metadata of all calls, like [`metadata`](ChannelBuilder::metadata). The pairs are other
    /// [`Metadata`], or an array, a slice or a vector of pairs.
    pub fn metadata_from(
        mut self,
        pairs: impl TryInto<Metadata, Error: Into<InvalidMetadata>>,
    ) -> ChannelBuilder {
        self.defaults().options.add_all_metadata(pairs);
        self
    }

    /// Sets the first part of the `user-agent`, usually the name of the program: `user_agent("app/1.2")` sends `user-agent:
    /// app/1.2 grpc-rust-stubwright/0.1.0`. By default only the library's name is sent. Characters outside printable ASCII are
    /// left out. gRPC's `grpc.primary_user_agent`.
    #[doc(alias = "grpc.primary_user_agent")]
    pub fn user_agent(mut self, program: impl AsRef<str>) -> ChannelBuilder {
        let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        let program: String = program.as_ref().chars().filter(printable).collect();
        let said = format!("{program} {LIBRARY}");
        self.options.user_agent = Header::new(b"user-agent", said.trim_start().as_bytes());
        self
    }

    /// Sets the maximum size of a request, in bytes, before compression. By default there is no limit. A larger request ends its
    /// call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_send_message_length`.
    #[doc(alias = "grpc.max_send_message_length")]
    pub fn max_send_message_length(mut self, bytes: usize) -> ChannelBuilder {
        self.defaults().options.max_send_message_length = Some(bytes);
        self
    }

    /// Sets the service config: timeouts, retries and more, for each method. By default a call is only retried if it has not
    /// reached a handler. gRPC's `grpc.service_config`.
    ///
    /// A load balancing policy in the config takes precedence over [`ChannelBuilder::load_balancing`], and a config from a
    /// [`Resolver`](crate::Resolver) takes precedence over this one.
    #[doc(alias = "grpc.service_config")]
    #[doc(alias = "grpc.experimental.enable_hedging")]
    pub fn service_config(mut self, config: ServiceConfig) -> ChannelBuilder {
        self.options.service_config = Some(config);
        self
    }

    /// Sets the maximum size of the requests that a call keeps for retries, in bytes. The requests are kept until the response
    /// begins. The default is 256 KiB (262,144). A call that has sent more is not retried. gRPC's `grpc.per_rpc_retry_buffer_size`.
    #[doc(alias = "grpc.per_rpc_retry_buffer_size")]
    pub fn per_rpc_retry_buffer_size(mut self, bytes: usize) -> ChannelBuilder {
        self.per_rpc_retry_buffer_size = Some(bytes);
        self
    }

    /// Sets the maximum size of the requests that all calls of the channel together keep for retries, in bytes. The default is 1
    /// MiB (1,048,576). Calls that keep up to 16 KiB do not count. A call that finds no room is not retried. The channel's limit of
    /// gRFC A6, grpc-java's `retryBufferSize`.
    pub fn retry_buffer_size(mut self, bytes: usize) -> ChannelBuilder {
        self.retry_buffer_size = Some(bytes);
        self
    }

    /// Sets the load balancing policy, which distributes calls to the addresses of the target. The default is
    /// [`LoadBalancing::pick_first`]: one server gets all calls. gRPC's `grpc.lb_policy_name`.
    ///
    /// ```
    /// # fn connect() -> stubwright::Result<()> {
    /// use stubwright::{Channel, LoadBalancing};
    ///
    /// let channel = Channel::builder()
    ///     .load_balancing(LoadBalancing::round_robin())
    ///     .build_insecure("dns:backend.example:5000")?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "grpc.lb_policy_name")]
    pub fn load_balancing(mut self, policy: LoadBalancing) -> ChannelBuilder {
        self.options.load_balancing = policy;
        self
    }

    /// Sets the maximum number of connections to one server. The default is 4.
    ///
    /// Calls share the first connection up to the server's limit of streams (MAX_CONCURRENT_STREAMS of HTTP/2). If calls wait
    /// because all connections have reached this limit, another connection is opened. A call uses the oldest connection with room.
    /// An additional connection is closed after a minute without calls.
    ///
    /// If the maximum is 1, calls above the limit wait until other calls have ended, as in most gRPC libraries. This suits servers
    /// that limit the streams of a client, rather than of a connection. A channel [over](Channel::over) an open connection has only
    /// this connection. `connectionScaling.maxConnectionsPerSubchannel` in a service config takes precedence (gRFC A105).
    pub fn max_connections_per_subchannel(mut self, connections: usize) -> ChannelBuilder {
        self.options.max_connections_per_subchannel = connections;
        self
    }

    /// Sets the name resolver, which finds the addresses of the servers, in place of the system's. A `Vec<Address>` is a resolver
    /// too. gRPC core's custom resolvers.
    ///
    /// For addresses without an authority, the target still determines the authority of calls and, on a secure channel, the name in
    /// the server's certificate.
    ///
    /// ```
    /// # fn connect() -> stubwright::Result<()> {
    /// use stubwright::{Address, Channel, LoadBalancing};
    ///
    /// // Two servers, each with a certificate for its own name.
    /// let servers = vec![
    ///     Address::new("10.0.0.1:5000")?.with_authority("a.example")?,
    ///     Address::new("10.0.0.2:5000")?.with_authority("b.example")?,
    /// ];
    /// let channel = Channel::builder()
    ///     .resolver(servers)
    ///     .load_balancing(LoadBalancing::round_robin())
    ///     .build_insecure("backend.example")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolver(mut self, resolver: impl Resolver) -> ChannelBuilder {
        self.names = Some(Names::Custom(Arc::new(resolver)));
        self
    }

    /// Sets whether calls wait, until their deadlines, while no server can be reached. If it is `false`, calls then fail at once
    /// with UNAVAILABLE and the cause. The default is the setting in the service config, or else `false`. gRPC's `wait_for_ready`,
    /// the opposite of "fail fast".
    pub fn wait_for_ready(mut self, wait_for_ready: bool) -> ChannelBuilder {
        self.defaults().options.wait_for_ready = Some(wait_for_ready);
        self
    }

    /// Sets the back-off after the first failed attempt to connect, counted from the beginning of the attempt. The default is 1
    /// second. The back-off grows by the factor 1.6 with each further failure in a row, and varies at random by up to 20 percent. A
    /// connection counts as a failed attempt if it ends before the back-off is over and has carried no call. gRPC's
    /// `grpc.initial_reconnect_backoff_ms`.
    #[doc(alias = "grpc.initial_reconnect_backoff_ms")]
    pub fn initial_reconnect_backoff(mut self, wait: Duration) -> ChannelBuilder {
        self.options.backoff.initial = wait;
        self
    }

    /// Sets the maximum back-off between attempts to connect. The default is 120 seconds. The back-off varies at random by up to 20
    /// percent. gRPC's `grpc.max_reconnect_backoff_ms`.
    #[doc(alias = "grpc.max_reconnect_backoff_ms")]
    pub fn max_reconnect_backoff(mut self, wait: Duration) -> ChannelBuilder {
        self.options.backoff.max = wait;
        self
    }

    /// Sets the timeout of an attempt to connect, from the lookup of the name to the server's first HTTP/2 frame. The default is
    /// 20 seconds. gRPC's MIN_CONNECT_TIMEOUT, `grpc.min_reconnect_backoff_ms`.
    #[doc(alias = "grpc.min_reconnect_backoff_ms")]
    pub fn min_connect_timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.options.min_connect_timeout = timeout;
        self
    }

    /// Sets the time without calls after which the channel closes its connections. The channel is then idle until the next call.
    /// The default is 30 minutes. With `None`, connections stay open. gRPC's `grpc.client_idle_timeout_ms`.
    #[doc(alias = "grpc.client_idle_timeout_ms")]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> ChannelBuilder {
        self.options.upkeep.lifetime.max_idle = timeout.into();
        self
    }

    /// Sets the maximum size of a response, in bytes, before and after decompression. The default is 4 MiB (4,194,304). A larger
    /// response ends its call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_receive_message_length`.
    #[doc(alias = "grpc.max_receive_message_length")]
    pub fn max_receive_message_length(mut self, bytes: usize) -> ChannelBuilder {
        self.defaults().options.max_receive_message_length = Some(bytes);
        self
    }

    /// Sets the maximum memory of a decoded response, in bytes. It includes the elements of lists and maps, which can take a hundred
    /// times more memory than encoded bytes: an empty message in a list has two bytes. A response that needs more ends its call with
    /// RESOURCE_EXHAUSTED, before the memory is allocated. The default is 32 MiB (33,554,432), or twice the maximum size of a
    /// response if that is more. Messages of prost without code of Stubwright count as 16 times their encoded size.
    pub fn max_message_memory(mut self, bytes: usize) -> ChannelBuilder {
        self.defaults().options.set_message_memory(bytes);
        self
    }

    /// Sets the default compression of requests. By default requests are not compressed. A server that cannot decompress them
    /// answers UNIMPLEMENTED. The server chooses the compression of responses. gRPC's `grpc.default_compression_algorithm`.
    #[doc(alias = "grpc.default_compression_algorithm")]
    pub fn compression(mut self, compression: Compression) -> ChannelBuilder {
        self.defaults().options.compression = Some(compression);
        self
    }

    /// Sets the time of silence after which the channel pings the server while calls are open. By default there are no pings. The
    /// time counts from the last bytes that were read. A new call does not restart the time, so a call that starts after a longer
    /// silence sends a ping at once. gRPC's `grpc.keepalive_time_ms` (gRFC A8).
    ///
    /// By default, servers allow one ping every five minutes. They close the connection of a client that pings more often, with the
    /// message `too_many_pings`. The channel then logs this (feature `tracing`) and doubles the time for later connections. Other
    /// gRPC libraries enforce a minimum of 10 seconds. This library accepts a shorter time, and logs it.
    #[doc(alias = "grpc.keepalive_time_ms")]
    pub fn keepalive_time(mut self, time: Duration) -> ChannelBuilder {
        self.options.upkeep.keepalive.time = Some(time);
        self
    }

    /// Sets the time within which a server must respond to a keepalive ping. If the server does not respond, the connection is
    /// closed, and its calls end with UNAVAILABLE. The default is 20 seconds. gRPC's `grpc.keepalive_timeout_ms`.
    ///
    /// If pings are sent, this time is also the limit for data that the server's system does not acknowledge (`TCP_USER_TIMEOUT`,
    /// on Linux only; gRFC A18).
    #[doc(alias = "grpc.keepalive_timeout_ms")]
    pub fn keepalive_timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.options.upkeep.keepalive.timeout = timeout;
        self
    }

    /// Sets the keepalive of TCP for the connections that the channel opens itself. By default it is off.
    pub fn tcp_keepalive(mut self, keepalive: TcpKeepalive) -> ChannelBuilder {
        self.options.upkeep.tcp_keepalive = Some(keepalive);
        self
    }

    /// Sets whether keepalive pings are sent while no call is open. The default is `false`. gRPC's
    /// `grpc.keepalive_permit_without_calls`.
    #[doc(alias = "grpc.keepalive_permit_without_calls")]
    pub fn keepalive_permit_without_calls(mut self, permit: bool) -> ChannelBuilder {
        self.options.upkeep.keepalive.without_calls = permit;
        self
    }

    /// Sets all limits and windows of HTTP/2 at once. Call this method before the methods of this builder that set a single limit,
    /// because it replaces what they have set.
    pub fn limits(mut self, limits: http2::Config) -> ChannelBuilder {
        self.options.http2 = limits;
        self
    }

    /// Sets the maximum size of a response's metadata, in bytes as HTTP/2 counts them: the names, the values, and 32 for each pair.
    /// The default is 16 KiB (16,384). The limit is advertised to servers. A call whose response exceeds the limit fails with
    /// RESOURCE_EXHAUSTED. gRPC's `grpc.max_metadata_size`.
    #[doc(alias = "grpc.max_metadata_size")]
    #[doc(alias = "grpc.absolute_max_metadata_size")]
    pub fn max_metadata_size(mut self, bytes: u32) -> ChannelBuilder {
        self.options.http2.max_header_list_size = bytes;
        self
    }

    /// Sets the time after which a connection is closed if data waits to be sent and the server accepts none of it. The default is
    /// 20 seconds. Other gRPC libraries use TCP_USER_TIMEOUT for this.
    pub fn write_timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.options.upkeep.write_timeout = timeout;
        self
    }

    /// Sets the function that opens the channel's connections, in place of the system's sockets. Use it to connect through a proxy,
    /// over another transport, or in a test.
    ///
    /// The function is called for each connection with the address, `host:port` or `unix:path`. It must complete within
    /// [`min_connect_timeout`](ChannelBuilder::min_connect_timeout). A secure channel uses TLS over the returned connection. If the
    /// function fails, calls fail with UNAVAILABLE and the function's error.
    ///
    /// The channel does not look up the name: the function gets the host and port of the target. `round_robin` then has one
    /// address, unless the target or a [`resolver`](ChannelBuilder::resolver) lists more. The channel sets no options of the
    /// returned socket: [`tcp_keepalive`](ChannelBuilder::tcp_keepalive) does not apply, and the function itself should turn on
    /// TCP_NODELAY.
    ///
    /// ```
    /// # fn connect() -> stubwright::Result<()> {
    /// use stubwright::Channel;
    /// use tokio::net::TcpStream;
    ///
    /// // All connections lead to one proxy, which routes by the authority.
    /// let channel = Channel::builder()
    ///     .connector(|_address| TcpStream::connect("proxy.example:3128"))
    ///     .build_insecure("backend.example:5000")?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "grpc.http_proxy")]
    #[doc(alias = "grpc.address_http_proxy")]
    #[doc(alias = "grpc.socket_mutator")]
    #[doc(alias = "grpc.socket_factory")]
    #[doc(alias = "grpc.tcp_receive_buffer_size")]
    #[doc(alias = "grpc.dscp")]
    pub fn connector<C, Fut, I>(mut self, connect: C) -> ChannelBuilder
    where
        C: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<I>> + Send + 'static,
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.options.connector = Connector::function(connect);
        self
    }

    /// Creates a channel with these options over a connection that is already open, like [`Channel::over`].
    #[must_use]
    pub fn build_over(
        self,
        connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Channel {
        self.build(Target::open(connection))
    }

    /// Creates an unencrypted channel to a target with these options, like [`Channel::insecure`].
    ///
    /// # Errors
    /// Fails like [`Channel::insecure`]. Also returns INVALID_ARGUMENT for an invalid [`authority`](ChannelBuilder::authority).
    pub fn build_insecure(self, target: impl AsRef<str>) -> Result<Channel> {
        let target = self.target(target.as_ref())?;
        Ok(self.build(target))
    }

    /// Creates a channel to a target with credentials and these options, like [`Channel::secure`].
    ///
    /// # Errors
    /// Fails like [`Channel::secure`]. Also returns INVALID_ARGUMENT for an invalid [`authority`](ChannelBuilder::authority).
    pub fn build_secure(
        mut self,
        target: impl AsRef<str>,
        credentials: ChannelCredentials,
    ) -> Result<Channel> {
        let mut target = self.target(target.as_ref())?;
        if let Some(name) = credentials.name() {
            target.authority = authority(name)?;
            target.has_fixed_authority = true;
        }
        target.security = credentials.security(target.host())?;
        if let Some(credentials) = credentials.into_call_credentials() {
            self.defaults().options.credentials = Some(credentials);
        }
        if let Some(host) = &self.authority {
            // The builder's authority takes precedence over the name in the credentials.
            target.authority = authority(host)?;
        }
        Ok(self.build(target))
    }

    fn defaults(&mut self) -> &mut CallDefaults {
        self.defaults.get_or_insert_default()
    }

    fn target(&self, target: &str) -> Result<Target> {
        let mut target = Target::parse(target)?;
        if let Some(host) = &self.authority {
            target.authority = authority(host)?;
            target.has_fixed_authority = true;
        }
        Ok(target)
    }

    fn build(mut self, mut target: Target) -> Channel {
        let config = self.options.service_config.as_ref();
        if let Some(policy) = config.and_then(ServiceConfig::load_balancing) {
            self.options.load_balancing = policy;
        }
        if let Some(most) = config.and_then(ServiceConfig::max_connections_per_subchannel) {
            self.options.max_connections_per_subchannel = most;
        }
        if let Some(names) = self.names {
            target.names = names;
        } else if matches!(self.options.connector, Connector::Function(_)) {
            // The connector gets the name itself, which may be known only where the connections lead.
            target.names = target.names.unresolved();
        }
        if let Some(time) = self.options.upkeep.keepalive.time {
            if time < MIN_KEEPALIVE_TIME {
                log::short_keepalive_time(&target, time);
            }
        }
        self.options.retry_buffer = Arc::new(Budget::new(
            self.per_rpc_retry_buffer_size
                .unwrap_or(PER_RPC_RETRY_BUFFER),
            self.retry_buffer_size.unwrap_or(RETRY_BUFFER),
        ));
        Channel::to(target, self.options, self.defaults)
    }
}
