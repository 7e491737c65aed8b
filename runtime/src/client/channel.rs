//! The channel: what stubs call through.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::builder::ChannelBuilder;
use super::call_defaults::CallDefaults;
use crate::Result;
use crate::call::connectivity::{ChannelConnectivity, ConnectivityChanges};
use crate::call::transport::{Transport, closed};
use crate::channel::connect::credentials::ChannelCredentials;
use crate::channel::core::ChannelCore;
use crate::channel::options::ChannelOptions;
use crate::channel::resolve::target::Target;
use crate::retry::Retrying;

/// A channel to a server, or to several: what stubs call through. It connects when the first call needs it, and again when the
/// connection is lost.
///
/// A clone is a handle of the same channel and costs next to nothing. When the last clone has been dropped and its last call has
/// ended, the connections are closed.
#[derive(Clone)]
pub struct Channel {
    transport: Arc<dyn Transport>,
    /// `None` if the handle adds nothing.
    defaults: Option<Arc<CallDefaults>>,
}

impl Channel {
    /// Makes a channel without encryption to a target. gRPC Python's `insecure_channel`. A target is one of these:
    ///
    /// | target | where it leads |
    /// |---|---|
    /// | `host:port`, `dns:host:port`, `dns:///host:port` | the addresses that the system finds for the name |
    /// | `ipv4:10.0.0.1:5000,10.0.0.2:5000` | these addresses; each is the authority of the calls that go to it, the first that of the others |
    /// | `ipv6:[::1]:5000,[::2]:5000` | these addresses |
    /// | `unix:relative/path`, `unix:///absolute/path` | a unix socket, whose authority is `localhost` |
    /// | `unix-abstract:name` | a unix socket in Linux' abstract namespace; unprintable bytes of its name are percent-encoded |
    /// | `passthrough:///host:port` | one address, which is looked up for each connection, as in grpc-go |
    ///
    /// The default port is 443, without encryption too. An IPv6 address may have a zone, the name or the number of a network
    /// interface: `[fe80::1%eth0]:5000`. A URL such as `http://host:port` is no target: leave the scheme out.
    ///
    /// By default all calls go to the first address that can be reached; [`load_balancing`](ChannelBuilder::load_balancing)
    /// spreads them. Addresses are tried in turn, the next one after a failure or after 250 milliseconds, IPv6 and IPv4
    /// alternating ("Happy Eyeballs", RFC 8305). Names are looked up again when the channel leaves its idle state, and when a
    /// connection is lost or cannot be made, at most every 30 seconds.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the target is none of these. If there is no server, the first call fails with UNAVAILABLE and the
    /// cause.
    pub fn insecure(target: impl AsRef<str>) -> Result<Channel> {
        Channel::builder().build_insecure(target)
    }

    /// Makes a channel with credentials to a target: over TLS to `example.org:443` or to a unix socket, whose host is
    /// `localhost`, or to a server on this machine. Over TLS the server's certificate must be for the host and be signed by an
    /// authority that the credentials trust. gRPC Python's `secure_channel`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the text is no target, or the credentials do not fit together; FAILED_PRECONDITION when they trust
    /// the authorities of this system and it has none. If there is no server, or its certificate is refused, the first call fails
    /// with UNAVAILABLE and the cause.
    pub fn secure(target: impl AsRef<str>, credentials: ChannelCredentials) -> Result<Channel> {
        Channel::builder().build_secure(target, credentials)
    }

    /// Makes a channel over a connection that is open already, a socket or anything else that carries bytes both ways, without
    /// encryption of its own. HTTP/2 begins with the first call, and servers limit the time until then. Once the connection is
    /// closed all calls fail with UNAVAILABLE. The default authority of calls is `localhost`.
    ///
    /// A server takes the other end by [`Server::add_connection`](crate::Server::add_connection). [`ChannelBuilder::connector`]
    /// makes a channel open such connections itself.
    #[must_use]
    pub fn over(connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Channel {
        Channel::builder().build_over(connection)
    }

    /// Returns a builder with default options.
    pub fn builder() -> ChannelBuilder {
        ChannelBuilder::default()
    }

    /// A channel to a target.
    pub(super) fn to(
        target: Target,
        options: ChannelOptions,
        defaults: Option<CallDefaults>,
    ) -> Channel {
        // A resolver may say how calls are made, too.
        let has_config = options.service_config.is_some() || target.names.may_have_config();
        let budget = Arc::clone(&options.retry_buffer);
        let window = options.http2.smallest_window();
        let core = ChannelCore::new(target, options);
        let transport: Arc<dyn Transport> = if has_config {
            let configs: Arc<ChannelCore> = Arc::clone(&core);
            Retrying::new(core, configs, budget, window)
        } else {
            core
        };
        Channel {
            transport,
            defaults: defaults.map(Arc::new),
        }
    }

    /// A channel over another transport.
    #[cfg(feature = "server")]
    pub(crate) fn over_transport(transport: Arc<dyn Transport>) -> Channel {
        Channel {
            transport,
            defaults: None,
        }
    }

    /// Returns the state of the channel. With `try_to_connect` an idle channel begins to connect, as for a call, which needs a
    /// tokio runtime around it. A channel to handlers in this process is always ready. gRPC Python's `get_state`.
    pub fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        self.transport.state(try_to_connect)
    }

    /// Returns the states of the channel as a stream: the present one, then each that follows. gRPC Python's `subscribe`.
    ///
    /// ```no_run
    /// # async fn watch(channel: stubwright::Channel) {
    /// let mut states = channel.subscribe();
    /// while let Some(state) = states.next().await {
    ///     println!("{state}");
    /// }
    /// # }
    /// ```
    pub fn subscribe(&self) -> ConnectivityChanges {
        self.transport.subscribe()
    }

    /// Connects, and waits until the channel is ready, without a limit of time. gRPC Python's `channel_ready`.
    ///
    /// # Errors
    /// CANCELLED when the channel is closed.
    pub async fn ready(&self) -> Result<()> {
        let mut states = self.subscribe();
        while let Some(state) = states.next().await {
            match state {
                ChannelConnectivity::Ready => return Ok(()),
                ChannelConnectivity::Idle => drop(self.state(true)),
                _ => {}
            }
        }
        Err(closed())
    }

    /// Lets the next attempt to connect begin at once, as if none had failed: for a program that learns that its network is back.
    /// gRPC's `ResetConnectBackoff`.
    pub fn reset_connect_backoff(&self) {
        self.transport.reset_connect_backoff();
    }

    /// Closes the channel and all its clones: new calls, and those that wait for a connection, fail with CANCELLED. Calls on a
    /// connection go on until they end or are dropped; then the connections are closed.
    pub fn close(&self) {
        self.transport.close();
    }

    /// Returns what this handle adds to the calls that are made through it.
    pub(crate) fn defaults(&self) -> Option<&CallDefaults> {
        self.defaults.as_deref()
    }

    /// Returns another handle of the same channel, with changed defaults.
    pub(crate) fn with_defaults(&self, change: impl FnOnce(&mut CallDefaults)) -> Channel {
        let mut defaults = self.defaults.as_deref().cloned().unwrap_or_default();
        change(&mut defaults);
        Channel {
            transport: Arc::clone(&self.transport),
            defaults: Some(Arc::new(defaults)),
        }
    }

    /// Returns the transport of the calls.
    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.transport).finish()
    }
}
