//! The options of a channel.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::channel::Channel;
use super::interceptor::ClientInterceptor;
use super::overlay::Overlay;
use crate::base::header::Header;
use crate::base::log;
use crate::call::retry_buffer::{Budget, PER_RPC_RETRY_BUFFER, RETRY_BUFFER};
use crate::channel::balance::load_balancing::LoadBalancing;
use crate::channel::connect::address::Address;
use crate::channel::connect::connector::Connector;
use crate::channel::connect::credentials::ChannelCredentials;
use crate::channel::options::{ChannelOptions, LIBRARY};
use crate::channel::resolve::names::{Names, Resolver};
use crate::channel::resolve::service_config::ServiceConfig;
use crate::channel::resolve::target::{Target, authority};
use crate::{Compression, Result, http2};

/// Sets the options of a [`Channel`]; every option has a default that serves.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ChannelBuilder {
    options: ChannelOptions,
    /// In the place of the target's own.
    names: Option<Names>,
    authority: Option<String>,
    retry_buffer_size: Option<usize>,
    overlay: Option<Overlay>,
}

/// gRFC A8's least time between pings.
const MIN_KEEPALIVE_TIME: Duration = Duration::from_secs(10);

impl ChannelBuilder {
    /// Puts an interceptor around all calls, inside those that were added before: the first one is the outermost. By default
    /// there are none. [`Channel::with_interceptor`] puts one around the calls of a channel that is there already. gRPC
    /// Python's `interceptors`.
    pub fn interceptor(mut self, interceptor: impl ClientInterceptor) -> ChannelBuilder {
        self.overlay().interceptors.push(interceptor);
        self
    }

    /// The host that calls are for which name no other, HTTP/2's `:authority`, in the place of the target's: a proxy that routes
    /// by host finds the backend by it. Over TLS the server's certificate has to be for it, unless
    /// [`ChannelCredentials::server_name`](crate::ChannelCredentials::server_name) names another. What cannot be one is an error
    /// when the channel is made, INVALID_ARGUMENT. gRPC's `grpc.default_authority`.
    pub fn authority(mut self, authority: impl Into<String>) -> ChannelBuilder {
        self.authority = Some(authority.into());
        self
    }

    /// The time that calls have that say nothing else, from their start; by default they take as long as they take. gRPC's
    /// `timeout`, for all calls.
    pub fn timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.overlay().defaults.timeout = Some(timeout);
        self
    }

    /// Adds a pair to the metadata that is sent with all calls but those that have pairs of their own with its key; by default there
    /// is none. A pair that cannot be sent fails the calls with INVALID_ARGUMENT.
    pub fn metadata(mut self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> ChannelBuilder {
        self.overlay()
            .defaults
            .add_metadata(key.as_ref(), value.as_ref());
        self
    }

    /// What servers are told of the program, before what they are told of this library: `user_agent("app/1.2")` makes
    /// `user-agent: app/1.2 grpc-rust-stubwright/0.1.0`. By default there is nothing before it; characters that are not
    /// printable ASCII are left out. gRPC's `grpc.primary_user_agent`.
    pub fn user_agent(mut self, program: impl AsRef<str>) -> ChannelBuilder {
        let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        let program: String = program.as_ref().chars().filter(printable).collect();
        let said = format!("{program} {LIBRARY}");
        self.options.user_agent = Header::new(b"user-agent", said.trim_start().as_bytes());
        self
    }

    /// The largest message that is sent, in bytes, before compression; by default there is no limit. A larger one ends its call
    /// with RESOURCE_EXHAUSTED. gRPC's `grpc.max_send_message_length`.
    pub fn max_send_message_length(mut self, bytes: usize) -> ChannelBuilder {
        self.overlay().defaults.max_send_message_length = Some(bytes);
        self
    }

    /// How the methods of the services are called: time-outs, retries and more. By default calls are made again only when they
    /// have never come to a server's handler. gRPC's `grpc.service_config`.
    ///
    /// The config's way of load balancing, if it has one, takes the place of [`ChannelBuilder::load_balancing`].
    pub fn service_config(mut self, config: ServiceConfig) -> ChannelBuilder {
        self.options.service_config = Some(config);
        self
    }

    /// How much of its request a call keeps until the head of the response comes, in bytes, so that it can be sent again; the
    /// default is 256 KiB (262,144). A call that has sent more is not made again. gRPC's `grpc.per_rpc_retry_buffer_size`.
    pub fn per_rpc_retry_buffer_size(mut self, bytes: usize) -> ChannelBuilder {
        self.overlay().replay_buffer_size = Some(bytes);
        self
    }

    /// How much all calls of the channel together keep of their requests, in bytes, not counting calls that keep up to 16 KiB;
    /// the default is 1 MiB (1,048,576). A call that finds no room is not made again. gRFC A6's limit of a channel, grpc-java's
    /// `retryBufferSize`.
    pub fn retry_buffer_size(mut self, bytes: usize) -> ChannelBuilder {
        self.retry_buffer_size = Some(bytes);
        self
    }

    /// How calls are spread over the servers, when the target has several addresses; the default is
    /// [`LoadBalancing::PickFirst`]: all go to one. gRPC's `grpc.lb_policy_name`.
    ///
    /// ```
    /// # fn connect() -> stubwright::Result<()> {
    /// use stubwright::{Channel, LoadBalancing};
    ///
    /// let channel = Channel::builder()
    ///     .load_balancing(LoadBalancing::RoundRobin)
    ///     .insecure("dns:backend.example:5000")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_balancing(mut self, policy: LoadBalancing) -> ChannelBuilder {
        self.options.load_balancing = policy;
        self
    }

    /// How many connections there may be to one server; the default is 4. All calls share the first as long as the server's limit
    /// of streams, HTTP/2's MAX_CONCURRENT_STREAMS, allows; when calls wait for it on all that there are, one more is made. The
    /// oldest that has room takes a call, and one that was made beside others is closed when it has had none for a minute.
    ///
    /// With 1 calls wait until others have ended, as they do in most gRPCs; that is the way for servers whose limit is meant for
    /// a client and not for a connection. A channel [over](Channel::over) an open connection has that one and no other. gRPC's
    /// `connectionScaling.maxConnectionsPerSubchannel` (gRFC A105); the service config's takes the place of this.
    pub fn max_connections_per_subchannel(mut self, connections: usize) -> ChannelBuilder {
        self.options.max_connections_per_subchannel = connections;
        self
    }

    /// What finds the addresses of the servers, in the place of what the target stands for. The target still says the
    /// authority of calls, and whom the certificate of a secure channel has to be for. By default the system is asked. gRPC core's
    /// custom resolvers.
    pub fn resolver(mut self, resolver: impl Resolver) -> ChannelBuilder {
        self.names = Some(Names::Custom(Arc::new(resolver)));
        self
    }

    /// Whether calls that say nothing else wait for ready: they wait while no server can be reached, until their deadlines. The
    /// default is `false`: such a call fails at once with UNAVAILABLE and the cause. gRPC's `wait_for_ready`, "fail fast" the
    /// other way round.
    pub fn wait_for_ready(mut self, wait_for_ready: bool) -> ChannelBuilder {
        self.overlay().defaults.wait_for_ready = Some(wait_for_ready);
        self
    }

    /// The wait after the first failed attempt to connect, counted from the beginning of the attempt, give or take a fifth;
    /// the default is 1 second. Each further attempt in a row waits 1.6 times as long. A connection that ends before this wait
    /// would have been over, and has carried no call, counts as a failed attempt. gRPC's `grpc.initial_reconnect_backoff_ms`.
    pub fn initial_reconnect_backoff(mut self, wait: Duration) -> ChannelBuilder {
        self.options.backoff.initial = wait;
        self
    }

    /// The longest wait between attempts to connect, give or take a fifth; the default is 120 seconds. gRPC's
    /// `grpc.max_reconnect_backoff_ms`.
    pub fn max_reconnect_backoff(mut self, wait: Duration) -> ChannelBuilder {
        self.options.backoff.max = wait;
        self
    }

    /// The time that an attempt to connect has, from looking up the name to the server's first words in HTTP/2; the default is
    /// 20 seconds. gRPC's MIN_CONNECT_TIMEOUT, `grpc.min_reconnect_backoff_ms`.
    pub fn min_connect_timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.options.min_connect_timeout = timeout;
        self
    }

    /// A channel without calls for so long closes its connections, and is idle until the next call; the default is 30
    /// minutes, `None` is never. gRPC's `grpc.client_idle_timeout_ms`.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> ChannelBuilder {
        self.options.upkeep.lifetime.max_idle = timeout.into();
        self
    }

    /// The largest message that is taken from the server, in bytes, before and after decompression; the default is 4 MiB
    /// (4,194,304). A larger one ends its call with RESOURCE_EXHAUSTED. gRPC's `grpc.max_receive_message_length`.
    pub fn max_receive_message_length(mut self, bytes: usize) -> ChannelBuilder {
        self.overlay().defaults.max_receive_message_length = Some(bytes);
        self
    }

    /// How the requests of calls are compressed that say nothing else; by default they go as they are. A server that cannot
    /// read it answers UNIMPLEMENTED. What the server may send does not depend on it. gRPC's
    /// `grpc.default_compression_algorithm`.
    pub fn compression(mut self, compression: Compression) -> ChannelBuilder {
        self.overlay().defaults.compression = Some(compression);
        self
    }

    /// Pings the server when it has sent nothing for this long and calls are open; by default it is never pinged. The clock runs
    /// from the last bytes that were read, and no call restarts it: a call that starts after a longer silence sends the ping.
    /// gRPC's `grpc.keepalive_time_ms` (gRFC A8).
    ///
    /// Servers allow a ping every five minutes unless they are told otherwise, and close the connection of a client that pings more
    /// often, with the message `too_many_pings`. That is logged (feature `tracing`), and the channel's later connections wait twice
    /// as long, to whichever server they lead. Other gRPCs never ping more often than every 10 seconds; a shorter time is used as it
    /// is, and logged.
    pub fn keepalive_time(mut self, time: Duration) -> ChannelBuilder {
        self.options.upkeep.keepalive.time = Some(time);
        self
    }

    /// A server that does not answer a keepalive ping within this is gone: its calls end with UNAVAILABLE; the default is 20
    /// seconds. gRPC's `grpc.keepalive_timeout_ms`.
    pub fn keepalive_timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.options.upkeep.keepalive.timeout = timeout;
        self
    }

    /// Whether keepalive pings are sent while no call is open; the default is `false`. gRPC's
    /// `grpc.keepalive_permit_without_calls`.
    pub fn keepalive_without_calls(mut self, permit: bool) -> ChannelBuilder {
        self.options.upkeep.keepalive.without_calls = permit;
        self
    }

    /// All limits and windows of HTTP/2 at once, each of which has a default of its own. Options of this builder that set one of them count if they come after.
    pub fn limits(mut self, limits: http2::Config) -> ChannelBuilder {
        self.options.http2 = limits;
        self
    }

    /// The largest metadata that is taken with a response, in bytes as HTTP/2 counts them (names, values, and 32 for each
    /// pair); the default is 16 KiB (16,384), and servers are told. A call over it fails with RESOURCE_EXHAUSTED. gRPC's
    /// `grpc.max_metadata_size`.
    pub fn max_metadata_size(mut self, bytes: u32) -> ChannelBuilder {
        self.options.http2.max_header_list_size = bytes;
        self
    }

    /// A server that takes nothing of what waits for it for so long is given up; the default is 20 seconds. What TCP_USER_TIMEOUT is to
    /// other gRPCs.
    pub fn write_timeout(mut self, timeout: Duration) -> ChannelBuilder {
        self.options.upkeep.write_timeout = timeout;
        self
    }

    /// What makes the connections of the channel, in the place of the system's sockets: a way through a proxy, a transport
    /// that is no socket, a test that counts. The function is called with the address, `host:port` or `unix:path`, whenever a
    /// connection is needed, and has 20 seconds. What it gives is then secured if the channel is. Its error is the cause that
    /// calls fail with, by UNAVAILABLE.
    ///
    /// ```
    /// # fn connect() -> stubwright::Result<()> {
    /// use stubwright::Channel;
    /// use tokio::net::TcpStream;
    ///
    /// // All connections lead to one proxy, which routes by the authority.
    /// let channel = Channel::builder()
    ///     .connector(|_address| TcpStream::connect("proxy.example:3128"))
    ///     .insecure("backend.example:5000")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connector<C, Fut, I>(mut self, connect: C) -> ChannelBuilder
    where
        C: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<I>> + Send + 'static,
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.options.connector = Connector::function(connect);
        self
    }

    /// A channel with these options over a connection that is open already.
    ///
    /// As [`Channel::over`].
    #[must_use]
    pub fn over(self, connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Channel {
        self.build(Target::open(connection))
    }

    /// A channel with these options to `host:port`, or to the unix socket `unix:path`, without encryption.
    ///
    /// # Errors
    /// As [`Channel::insecure`].
    pub fn insecure(self, target: impl AsRef<str>) -> Result<Channel> {
        let target = self.target(target.as_ref())?;
        Ok(self.build(target))
    }

    /// A channel with these options to `host:port`, or to the unix socket `unix:path`, secured by these credentials.
    ///
    /// # Errors
    /// As [`Channel::secure`].
    pub fn secure(
        mut self,
        target: impl AsRef<str>,
        credentials: ChannelCredentials,
    ) -> Result<Channel> {
        let mut target = self.target(target.as_ref())?;
        credentials.secure(&mut target)?;
        if let Some(credentials) = credentials.into_call_credentials() {
            self.overlay().defaults.credentials = Some(credentials);
        }
        if let Some(host) = &self.authority {
            // Whatever the certificate is for.
            target.authority = authority(host)?;
        }
        Ok(self.build(target))
    }

    fn overlay(&mut self) -> &mut Overlay {
        self.overlay.get_or_insert_default()
    }

    fn target(&self, target: &str) -> Result<Target> {
        let mut target = Target::parse(target)?;
        if let Some(host) = &self.authority {
            target.authority = authority(host)?;
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
        } else if let (Names::Dns(name), Connector::Function(_)) =
            (&target.names, &self.options.connector)
        {
            // Whoever makes the connections is told the name: it may mean something where they lead.
            target.names = Names::Known(Arc::new([Address::Tcp(Arc::clone(name))]));
        }
        if let Some(time) = self.options.upkeep.keepalive.time {
            if time < MIN_KEEPALIVE_TIME {
                log::short_keepalive_time(&target, time);
            }
        }
        let kept = self
            .overlay
            .as_ref()
            .and_then(|overlay| overlay.replay_buffer_size);
        self.options.retry_buffer = Arc::new(Budget::new(
            kept.unwrap_or(PER_RPC_RETRY_BUFFER),
            self.retry_buffer_size.unwrap_or(RETRY_BUFFER),
        ));
        Channel::to(target, self.options, self.overlay)
    }
}
