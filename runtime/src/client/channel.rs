//! The channel: what stubs call over.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::builder::ChannelBuilder;
use super::overlay::Overlay;
use crate::Result;
use crate::base::header::Header;
use crate::call::Exchange;
use crate::call::retry_buffer::PER_RPC_RETRY_BUFFER;
use crate::channel::connect::credentials::ChannelCredentials;
use crate::channel::connectivity::{ChannelConnectivity, ConnectivityChanges};
use crate::channel::options::ChannelOptions;
use crate::channel::pool::Pool;
use crate::channel::resolve::target::Target;
use crate::channel::transport::{Transport, closed};
#[cfg(feature = "server")]
use crate::in_process::InProcess;
use crate::retry::Retrying;
#[cfg(feature = "server")]
use crate::server::{Handlers, InsideCalls, MethodTable};

/// The way to a server. It connects when the first call needs it, and again when the connection is lost.
///
/// A clone is the same channel and costs next to nothing. When the last clone is dropped and its last call has ended, the
/// connection is closed.
#[derive(Clone)]
pub struct Channel {
    transport: Arc<dyn Transport>,
    /// `None` where there is nothing to add, as with most channels.
    overlay: Option<Arc<Overlay>>,
}

impl Channel {
    /// A channel without encryption to a target. gRPC Python's `insecure_channel`. A target is one of these:
    ///
    /// | target | where it leads |
    /// |---|---|
    /// | `host:port`, `dns:host:port`, `dns:///host:port` | the addresses that the system finds for the name |
    /// | `ipv4:10.0.0.1:5000,10.0.0.2:5000` | these addresses; the first is the authority |
    /// | `ipv6:[::1]:5000,[::2]:5000` | these addresses |
    /// | `unix:relative/path`, `unix:///absolute/path` | a unix socket, whose authority is `localhost` |
    /// | `unix-abstract:name` | a unix socket in Linux' abstract namespace; what is not printable in its name is percent-encoded |
    /// | `passthrough:///host:port` | grpc-go's: one address, which is looked up each time that it is connected to |
    ///
    /// Without a port it is 443, also for connections without encryption. An IPv6 address may have a zone, the name or the number
    /// of a network interface: `[fe80::1%eth0]:5000`. A URL such as `http://host:port` is no target: leave the scheme out.
    ///
    /// Of several addresses the first that can be reached has all calls, unless
    /// [`load_balancing`](ChannelBuilder::load_balancing) says otherwise. They are tried one after the other, the next when one
    /// fails or after 250 milliseconds, IPv6 and IPv4 by turns ("Happy Eyeballs", RFC 8305). Names are looked up again when
    /// the channel wakes, and when a connection is lost or cannot be made, at most every 30 seconds.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the target is none of these. Whether there is a server shows at the first call, which fails
    /// with UNAVAILABLE and the cause if there is none.
    pub fn insecure(target: impl AsRef<str>) -> Result<Channel> {
        Channel::builder().insecure(target)
    }

    /// A channel that is secured by these credentials: over TLS to `example.org:443`, or to a unix socket, whose host is `localhost`; or
    /// to a server on this machine. Over TLS the server's certificate has to be for the host and signed by an authority that the
    /// credentials trust. gRPC Python's `secure_channel`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the target is no target, or the credentials do not fit together; FAILED_PRECONDITION
    /// when they trust this system's authorities and it has none. What goes wrong on the way to the server, a refused
    /// certificate included, shows at the first call, which fails with UNAVAILABLE and the cause.
    pub fn secure(target: impl AsRef<str>, credentials: ChannelCredentials) -> Result<Channel> {
        Channel::builder().secure(target, credentials)
    }

    /// A channel over a connection that is open already, a socket or anything else that carries bytes both ways, without
    /// encryption of its own. HTTP/2 begins on it with the first call, which servers wait for a limited time. Once it is
    /// closed all calls fail with UNAVAILABLE. The authority of calls that name none is `localhost`.
    ///
    /// A server takes the other end by [`Server::add_connection`](crate::Server::add_connection). For a channel that makes such
    /// connections itself there is [`ChannelBuilder::connector`].
    #[must_use]
    pub fn over(connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Channel {
        Channel::builder().over(connection)
    }

    /// Options for a channel.
    pub fn builder() -> ChannelBuilder {
        ChannelBuilder::default()
    }

    /// A channel to a target.
    pub(super) fn to(target: Target, options: ChannelOptions, overlay: Option<Overlay>) -> Channel {
        let config = options.service_config.clone();
        let budget = Arc::clone(&options.retry_buffer);
        let window = options.http2.smallest_window();
        let pool: Arc<dyn Transport> = Arc::new(Pool::new(target, options));
        let transport = match config {
            Some(config) => Arc::new(Retrying::new(pool, config, budget, window)),
            None => pool,
        };
        Channel {
            transport,
            overlay: overlay.map(Arc::new),
        }
    }

    /// A channel to handlers in this process: no sockets and no HTTP/2, the same messages, metadata, deadlines and
    /// statuses. For tests, and for services that live in one process.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn in_process(handlers: Handlers) -> Channel {
        let mut methods = MethodTable::default();
        methods.add(handlers);
        Channel::to_methods(Arc::new(methods), None)
    }

    /// A channel to the methods of a server in this process, which has its calls in view.
    #[cfg(feature = "server")]
    pub(crate) fn to_server(methods: Arc<MethodTable>, calls: Arc<InsideCalls>) -> Channel {
        Channel::to_methods(methods, Some(calls))
    }

    #[cfg(feature = "server")]
    fn to_methods(methods: Arc<MethodTable>, calls: Option<Arc<InsideCalls>>) -> Channel {
        Channel {
            transport: Arc::new(InProcess::new(methods, calls)),
            overlay: None,
        }
    }

    /// The state of the channel. With `try_to_connect` a channel that is idle begins to connect, as a call would make it; that
    /// needs a tokio runtime around it. A channel to handlers in this process is always ready. gRPC Python's `get_state`.
    pub fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        self.transport.state(try_to_connect)
    }

    /// The states of the channel from now on, as a stream: the present one, then each that it changes to. gRPC Python's
    /// `subscribe`.
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

    /// Connects, and waits until the channel is ready, however long that takes. gRPC Python's `channel_ready`.
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

    /// Lets the next attempt to connect begin at once, as if none had failed: for a program that learns that its network is
    /// back. gRPC's `ResetConnectBackoff`.
    pub fn reset_connect_backoff(&self) {
        self.transport.reset_connect_backoff();
    }

    /// Closes the channel, and all its clones with it: new calls, and those that wait for a connection, fail with CANCELLED.
    /// Calls that are on a connection go on; to drop one is to cancel it. The connections are closed when their last calls
    /// have ended.
    pub fn close(&self) {
        self.transport.close();
    }

    /// What this handle adds to the calls that are made over it.
    pub(crate) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_deref()
    }

    /// Another handle of the same channel.
    pub(crate) fn with_overlay(&self, change: impl FnOnce(&mut Overlay)) -> Channel {
        let mut overlay = self.overlay.as_deref().cloned().unwrap_or_default();
        change(&mut overlay);
        Channel {
            transport: Arc::clone(&self.transport),
            overlay: Some(Arc::new(overlay)),
        }
    }

    /// What carries the calls.
    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// How much of a stream of requests is kept for sending it again, in bytes.
    pub(crate) fn per_rpc_retry_buffer_size(&self) -> usize {
        let said = self
            .overlay()
            .and_then(|overlay| overlay.replay_buffer_size);
        said.unwrap_or(PER_RPC_RETRY_BUFFER)
    }

    /// Sets a call on its way.
    pub(crate) fn start(&self, exchange: Arc<Exchange>) {
        self.transport.start(exchange);
    }

    /// The authority of calls that name none of their own.
    pub(crate) fn authority(&self) -> Option<Header> {
        self.transport.authority()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.transport).finish()
    }
}
