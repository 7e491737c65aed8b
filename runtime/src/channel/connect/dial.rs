//! Attempts to connect, and the connections that they make.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::owner::{ConnectionNews, Owner};
use super::request_head::RequestHeads;
use crate::Status;
use crate::channel::connect::connection::{ClientRole, connection};
use crate::channel::connect::connector::Connected;
use crate::channel::connect::origin::Origin;
use crate::channel::connect::race::race;
use crate::channel::connect::security::Security;
use crate::channel::options::ChannelOptions;
use crate::channel::resolve::address::Address;
use crate::channel::resolve::target::Target;
use crate::transport::{Driver, Socket, host_of};

/// The time without calls after which an additional connection is closed.
const SURPLUS_IDLE: Duration = Duration::from_secs(60);

/// An attempt to connect. It does not keep the channel alive.
pub(crate) struct Dial {
    pub(crate) owner: Weak<dyn Owner>,
    pub(crate) attempt: u64,
    pub(crate) target: Target,
    pub(crate) addresses: Arc<[Address]>,
    pub(crate) options: ChannelOptions,
}

/// The error of a channel with local credentials that was given a remote connection.
const NOT_LOCAL: &str = "local credentials are for servers on this machine, and this is neither a loopback address nor a unix \
                         socket";

/// A hint for connections without encryption that end before HTTP/2 begins.
const MAY_BE_TLS: &str = "; if the server speaks TLS, as it seems, Channel::secure is for it";

impl Dial {
    /// Shortens the idle time of a connection that is made because others are full: it is closed soon after its last call.
    pub(crate) fn beside_others(mut self) -> Dial {
        let max_idle = &mut self.options.upkeep.lifetime.max_idle;
        *max_idle = Some(max_idle.map_or(SURPLUS_IDLE, |most| most.min(SURPLUS_IDLE)));
        self
    }

    /// Connects, and drives the connection to its end. This function tells the channel of a failure. The connection itself tells
    /// the channel of its success.
    pub(crate) async fn run(self) {
        let attempt = self.attempt;
        let limit = self.options.min_connect_timeout;
        let addresses: Vec<Address> = self.addresses.to_vec();
        let attempts = addresses.into_iter().map(|address| self.open(address));
        let opened = timeout(limit, race(attempts)).await;
        let cause = match opened {
            Ok(Ok(driver)) => return driver.await,
            Ok(Err(causes)) => causes.join("; "),
            Err(_) => format!("no connection was made within {limit:?}"),
        };
        let status = Status::unavailable(format!("cannot connect to {}: {cause}", self.target));
        if let Some(owner) = self.owner.upgrade() {
            owner.hear(attempt, ConnectionNews::Failed(status));
        }
    }

    /// Opens a connection. The error is a text, which names the address unless the target does.
    async fn open(&self, address: Address) -> Result<Driver<ClientRole>, String> {
        let opened = self.open_and_greet(&address).await;
        opened.map_err(|cause| {
            let address = address.to_string();
            if address == self.target.to_string() {
                return cause;
            }
            format!("{address}: {cause}")
        })
    }

    /// Opens a connection, and waits for the server's first frames.
    async fn open_and_greet(&self, address: &Address) -> Result<Driver<ClientRole>, String> {
        let target = &self.target;
        let ChannelOptions {
            connector, upkeep, ..
        } = &self.options;
        let io = connector.connect(&address.endpoint, upkeep).await;
        let Connected {
            io,
            mut peer,
            is_local,
        } = io.map_err(|error| error.to_string())?;
        let own_authority = address.authority.as_ref();
        let own_authority = own_authority.filter(|_| !target.has_fixed_authority);
        let own_host = own_authority.and_then(|own| std::str::from_utf8(own.value()).ok());
        let own_host = own_host.map(host_of);
        let security = match &address.credentials {
            None => target.security.naming(own_host),
            Some(credentials) => credentials.security(own_host.unwrap_or(target.host())),
        };
        let security = security.map_err(|status| status.message().to_owned())?;
        let (io, hosts) = match &security {
            Security::Insecure => (io, None),
            Security::Local => {
                if !is_local {
                    return Err(NOT_LOCAL.to_owned());
                }
                if let Some(auth) = peer.local_auth() {
                    peer = peer.with_auth(auth);
                }
                (io, None)
            }
            #[cfg(feature = "tls-no-provider")]
            Security::Tls(tls) => {
                let secured = tls.secure(io).await;
                let (io, auth, hosts) = secured.map_err(|error| error.to_string())?;
                peer = peer.with_auth(auth);
                (io, Some(hosts))
            }
        };
        let (sender, mut greeting) = oneshot::channel();
        let origin = Origin {
            channel: Weak::clone(&self.owner),
            attempt: self.attempt,
            address: address.clone(),
            budget: Arc::clone(&self.options.retry_buffer),
            peer,
        };
        let socket = Socket::new(io);
        let authority = own_authority.unwrap_or(&target.authority).clone();
        let heads = RequestHeads::new(&security, authority, hosts, &self.options);
        let mut driver = connection(socket, heads, origin, &self.options, sender);
        poll_fn(|context| {
            let ended = Pin::new(&mut driver).poll(context).is_ready();
            match Pin::new(&mut greeting).poll(context) {
                Poll::Ready(Ok(greeted)) => Poll::Ready(greeted.map_err(|why| {
                    let hint = if security.is_encrypted() {
                        ""
                    } else {
                        MAY_BE_TLS
                    };
                    format!("{}{hint}", why.message())
                })),
                // A driver that ends has sent the reason.
                Poll::Pending if !ended => Poll::Pending,
                _ => Poll::Ready(Err("the connection ended".to_owned())),
            }
        })
        .await?;
        Ok(driver)
    }
}
