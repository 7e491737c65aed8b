//! Channels.

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

/// A channel to one or more servers, through which stubs make calls. The channel connects when a call needs a connection, and
/// reconnects when a connection is lost.
///
/// Clones are cheap handles of the same channel. The connections are closed once all clones have been dropped and all calls have
/// ended.
///
/// The connections run in the tokio runtime in which the channel was first used. When that runtime ends, they are lost, and their
/// calls end with UNAVAILABLE. The next call connects again, in its own runtime. Each `#[tokio::test]` has a runtime of its own. So
/// make a channel in each test, and keep no channel in a `static`.
#[derive(Clone)]
pub struct Channel {
    transport: Arc<dyn Transport>,
    /// `None` if the handle adds nothing.
    defaults: Option<Arc<CallDefaults>>,
}

impl Channel {
    /// Creates an unencrypted channel to a target. gRPC Python's `insecure_channel`. A target has one of these forms:
    ///
    /// | target | meaning |
    /// |---|---|
    /// | `host:port`, `dns:host:port`, `dns:///host:port` | the addresses of the host, as the system resolves its name |
    /// | `ipv4:10.0.0.1:5000,10.0.0.2:5000` | these addresses; each is the authority of the calls to it |
    /// | `ipv6:[::1]:5000,[::2]:5000` | these addresses |
    /// | `unix:relative/path`, `unix:///absolute/path` | a unix socket; the authority is `localhost` |
    /// | `unix-abstract:name` | a unix socket in Linux' abstract namespace; unprintable bytes of the name are percent-encoded |
    /// | `passthrough:///host:port` | one address; the name is resolved for each connection, as in grpc-go |
    ///
    /// The default port is 443, even without encryption. An IPv6 address may have a zone, which is the name or number of a network
    /// interface: `[fe80::1%eth0]:5000`. A URL such as `http://host:port` is not a target: leave out its scheme.
    ///
    /// By default all calls go to the first address that can be reached. [`load_balancing`](ChannelBuilder::load_balancing) changes
    /// this. Addresses are tried one after the other, IPv6 and IPv4 alternating. The next address is tried when an attempt fails,
    /// or 250 milliseconds after the attempt has begun ("Happy Eyeballs", RFC 8305). Names are resolved again when the channel
    /// leaves its idle state and when a connection is lost or cannot be made, but at most every 30 seconds.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the target has none of these forms. An unreachable server is not an error here: calls fail
    /// with UNAVAILABLE and the cause.
    #[doc(alias = "insecure_channel")]
    pub fn insecure(target: impl AsRef<str>) -> Result<Channel> {
        Channel::builder().build_insecure(target)
    }

    /// Creates a channel with credentials to a target. The channel uses TLS, or no encryption to a server on this machine with
    /// [`ChannelCredentials::local`]. gRPC Python's `secure_channel`.
    ///
    /// Over TLS, the server's certificate must be for the target's host, and must be signed by an authority that the credentials
    /// trust. The host of a unix socket is `localhost`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text is not a target, or if the client's key does not belong to its certificate. Returns
    /// FAILED_PRECONDITION if the credentials trust this system's authorities and the system has none, or if TLS has no
    /// cryptography provider ([`ChannelCredentials::tls`]). If the server cannot be reached or its certificate is not accepted,
    /// calls fail with UNAVAILABLE and the cause.
    #[doc(alias = "secure_channel")]
    pub fn secure(target: impl AsRef<str>, credentials: ChannelCredentials) -> Result<Channel> {
        Channel::builder().build_secure(target, credentials)
    }

    /// Creates a channel over a connection that is already open: a socket, or any other stream of bytes in both directions. The
    /// channel adds no encryption. It sends its HTTP/2 preface with the first call. A server closes the connection if the preface
    /// takes too long. Once the connection is closed, all calls fail with UNAVAILABLE. The default authority of calls is
    /// `localhost`.
    ///
    /// Give the other end to a server by [`Server::add_connection`](crate::Server::add_connection). To let a channel open such
    /// connections itself, use [`ChannelBuilder::connector`].
    #[must_use]
    pub fn over(connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Channel {
        Channel::builder().build_over(connection)
    }

    /// Returns a builder with default options.
    pub fn builder() -> ChannelBuilder {
        ChannelBuilder::default()
    }

    /// Creates a channel to a target.
    pub(super) fn to(
        target: Target,
        options: ChannelOptions,
        defaults: Option<CallDefaults>,
    ) -> Channel {
        // A resolver may return a service config, too.
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

    /// Creates a channel over another transport.
    #[cfg(feature = "server")]
    pub(crate) fn over_transport(transport: Arc<dyn Transport>) -> Channel {
        Channel {
            transport,
            defaults: None,
        }
    }

    /// Returns the state of the channel. If `try_to_connect` is set, an idle channel begins to connect, which requires a tokio
    /// runtime. A channel to handlers in this process is always ready. gRPC Python's `get_state`.
    #[doc(alias = "get_state")]
    pub fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        self.transport.state(try_to_connect)
    }

    /// Returns a stream of the channel's states: the current one, and then each change. gRPC Python's `subscribe`.
    ///
    /// ```no_run
    /// # async fn watch(channel: stubwright::Channel) {
    /// let mut states = channel.subscribe();
    /// while let Some(state) = states.next().await {
    ///     println!("{state}");
    /// }
    /// # }
    /// ```
    #[doc(alias = "wait_for_state_change")]
    #[doc(alias = "unsubscribe")]
    pub fn subscribe(&self) -> ConnectivityChanges {
        self.transport.subscribe()
    }

    /// Connects, and waits until the channel is ready. There is no time limit. gRPC Python's `channel_ready`.
    ///
    /// # Errors
    /// Returns CANCELLED if the channel is closed.
    #[doc(alias = "channel_ready_future")]
    #[doc(alias = "channel_ready")]
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

    /// Resets the back-off, so that the next attempt to connect begins at once. Use it when the program learns that the network
    /// is available again. gRPC's `ResetConnectBackoff`.
    pub fn reset_connect_backoff(&self) {
        self.transport.reset_connect_backoff();
    }

    /// Closes the channel and all its clones. New calls, and calls that wait for a connection, fail with CANCELLED. Calls that
    /// have a connection continue until they end or are dropped. Then the connections are closed.
    pub fn close(&self) {
        self.transport.close();
    }

    /// Returns the defaults of this handle for its calls.
    pub(crate) fn defaults(&self) -> Option<&CallDefaults> {
        self.defaults.as_deref()
    }

    /// Returns another handle of the same channel with changed defaults.
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
