//! The channel: what stubs call over.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use super::builder::ChannelBuilder;
use super::overlay::Overlay;
use crate::base::Outcome;
use crate::base::header::Header;
use crate::call::{Exchange, MessageLimits, Peer};
use crate::channel::connect::authorization::unprotected;
use crate::channel::connect::credentials::ChannelCredentials;
use crate::channel::connectivity::{ChannelConnectivity, ConnectivityChanges};
use crate::channel::core::{Remote, closed};
use crate::channel::options::{self, ChannelOptions};
use crate::channel::resolve::service_config::MethodConfig;
use crate::channel::resolve::target::Target;
#[cfg(feature = "server")]
use crate::in_process::local::Local;
use crate::retry::hedging::hedge;
#[cfg(feature = "server")]
use crate::server::{Handlers, InsideCalls, MethodTable};
use crate::{Compression, Result};

/// The way to a server. It connects when the first call needs it, and again when the connection is lost.
///
/// A clone is the same channel and costs next to nothing. When the last clone is dropped and its last call has ended, the
/// connection is closed.
#[derive(Clone)]
pub struct Channel {
    way: Way,
    /// `None` where there is nothing to add, as with most channels.
    overlay: Option<Arc<Overlay>>,
}

#[derive(Clone)]
enum Way {
    Remote(Arc<Remote>),
    #[cfg(feature = "server")]
    InProcess(Arc<Local>),
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

    pub(crate) fn new(
        target: Target,
        options: ChannelOptions,
        overlay: Option<Overlay>,
    ) -> Channel {
        Channel {
            way: Way::Remote(Arc::new(Remote::new(target, options))),
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
            way: Way::InProcess(Arc::new(Local::new(methods, calls))),
            overlay: None,
        }
    }

    /// The state of the channel. With `try_to_connect` a channel that is idle begins to connect, as a call would make it; that
    /// needs a tokio runtime around it. A channel to handlers in this process is always ready. gRPC Python's `get_state`.
    pub fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        match &self.way {
            Way::Remote(remote) => remote.state(try_to_connect),
            #[cfg(feature = "server")]
            Way::InProcess(local) => local.state(),
        }
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
        match &self.way {
            Way::Remote(remote) => remote.subscribe(),
            #[cfg(feature = "server")]
            Way::InProcess(local) => local.subscribe(),
        }
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
        match &self.way {
            Way::Remote(remote) => remote.reset_backoff(),
            #[cfg(feature = "server")]
            Way::InProcess(_) => {}
        }
    }

    /// Closes the channel, and all its clones with it: new calls, and those that wait for a connection, fail with CANCELLED.
    /// Calls that are on a connection go on; to drop one is to cancel it. The connections are closed when their last calls
    /// have ended.
    pub fn close(&self) {
        match &self.way {
            Way::Remote(remote) => remote.close(),
            #[cfg(feature = "server")]
            Way::InProcess(local) => local.close(),
        }
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
            way: self.way.clone(),
            overlay: Some(Arc::new(overlay)),
        }
    }

    /// Whether the servers are handlers in this process.
    pub(crate) fn is_in_process(&self) -> bool {
        match &self.way {
            Way::Remote(_) => false,
            #[cfg(feature = "server")]
            Way::InProcess(_) => true,
        }
    }

    /// How much of a stream of requests is kept for sending it again, in bytes.
    pub(crate) fn per_rpc_retry_buffer_size(&self) -> usize {
        match &self.way {
            Way::Remote(remote) => remote.options().per_rpc_retry_buffer_size,
            #[cfg(feature = "server")]
            Way::InProcess(_) => options::PER_RPC_RETRY_BUFFER,
        }
    }

    /// Sets a call on its way, by what the service config says of its method.
    pub(crate) fn start(&self, exchange: Arc<Exchange>, method: Option<&MethodConfig>) {
        match &self.way {
            Way::Remote(remote)
                if exchange.details().credentials.is_some() && !remote.target().is_private() =>
            {
                exchange.conclude(Outcome::local(unprotected()));
            }
            Way::Remote(remote) => match method.and_then(|method| method.hedging.as_ref()) {
                Some(policy) => hedge(remote, exchange, Arc::clone(policy)),
                None => remote.start(exchange),
            },
            #[cfg(feature = "server")]
            Way::InProcess(local) => local.start(exchange),
        }
    }

    /// The authority of calls that name none of their own.
    pub(crate) fn authority(&self) -> Option<Header> {
        match &self.way {
            Way::Remote(remote) => Some(remote.authority()),
            #[cfg(feature = "server")]
            Way::InProcess(_) => None,
        }
    }

    /// How a method is called, by the channel's service config.
    pub(crate) fn method_config(&self, path: &Header) -> Option<&MethodConfig> {
        match &self.way {
            Way::Remote(remote) => {
                let config = remote.options().service_config.as_ref()?;
                let path = std::str::from_utf8(path.value()).ok()?;
                config.method(path).map(|method| &**method)
            }
            #[cfg(feature = "server")]
            Way::InProcess(_) => None,
        }
    }

    /// How the requests of a call are compressed that wants this, or nothing particular.
    pub(crate) fn compression(&self, wanted: Option<Compression>) -> Compression {
        match &self.way {
            Way::Remote(remote) => wanted.unwrap_or(remote.options().compression),
            #[cfg(feature = "server")]
            Way::InProcess(_) => Compression::Identity,
        }
    }

    /// Whether a call waits for ready that wants this, or nothing particular.
    pub(crate) fn wait_for_ready(&self, wanted: Option<bool>) -> bool {
        match &self.way {
            Way::Remote(remote) => wanted.unwrap_or(remote.options().wait_for_ready),
            #[cfg(feature = "server")]
            Way::InProcess(_) => false,
        }
    }

    /// What holds for a call of the method at `path`: its largest messages, and its deadline, of which its caller says `response`
    /// and `deadline`.
    pub(crate) fn terms(
        &self,
        path: &Header,
        response: Option<usize>,
        deadline: Option<Instant>,
    ) -> (MessageLimits, Option<Instant>) {
        #[cfg(not(feature = "server"))]
        let _ = path;
        match &self.way {
            Way::Remote(remote) => {
                let limits = MessageLimits {
                    request: usize::MAX,
                    response: response.unwrap_or(remote.options().max_receive_message_length),
                };
                (limits, deadline)
            }
            #[cfg(feature = "server")]
            Way::InProcess(local) => local.terms(path, response, deadline),
        }
    }

    /// The largest message that is sent by a call that says nothing of it.
    pub(crate) fn max_send_message_length(&self) -> usize {
        match &self.way {
            Way::Remote(remote) => remote.options().max_send_message_length,
            #[cfg(feature = "server")]
            Way::InProcess(_) => usize::MAX,
        }
    }

    /// Who is at the other end, as far as it is known before a connection.
    pub(crate) fn peer(&self) -> Peer {
        match &self.way {
            Way::Remote(_) => Peer::unknown(),
            #[cfg(feature = "server")]
            Way::InProcess(_) => Peer::in_process(),
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Remote(remote) => f.debug_tuple("Channel").field(remote).finish(),
            #[cfg(feature = "server")]
            Way::InProcess(_) => f.write_str("Channel(in-process)"),
        }
    }
}
