//! Subchannels, as policies see them.

use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::mpsc::UnboundedSender;

use crate::Status;
use crate::base::Chunks;
use crate::call::listener::{CallListener, Listening, both};
use crate::call::{Exchange, Link};
use crate::channel::resolve::address::Address;

/// The connections to one server. A policy creates a subchannel by
/// [`Helper::create_subchannel`](crate::balancing::Helper::create_subchannel).
///
/// A subchannel has no connections before [`Subchannel::connect`] is called. Clones refer to the same subchannel. When the last
/// clone is dropped, its connections are closed once their calls have ended.
#[derive(Clone)]
pub struct Subchannel(Arc<Handle>);

/// The options of a new subchannel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewSubchannel {
    pub(crate) addresses: Arc<[Address]>,
    pub(crate) has_health_check: bool,
}

impl NewSubchannel {
    /// Creates the options of a subchannel to one server. `addresses` are all addresses of this server. Each connection of the
    /// subchannel goes to the first address that answers.
    pub fn new(addresses: impl IntoIterator<Item = Address>) -> NewSubchannel {
        NewSubchannel {
            addresses: addresses.into_iter().collect(),
            has_health_check: false,
        }
    }

    /// Lets the subchannel fail while its server is unhealthy. Use this in policies that can choose other servers.
    ///
    /// A server is unhealthy if it reports so and the service config has a `healthCheckConfig`, or if
    /// `outlier_detection_experimental` finds that too many of its calls fail.
    #[must_use]
    pub fn with_health_check(mut self) -> NewSubchannel {
        self.has_health_check = true;
        self
    }
}

/// The state of a subchannel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubchannelState {
    /// There is no connection, and no attempt to connect. The subchannel is new, its connection was lost, or the back-off after a
    /// failed attempt is over.
    Idle,
    /// An attempt to connect is in progress, or the server's health is not known yet.
    Connecting,
    /// The server can take calls.
    Ready(ReadySubchannel),
    /// The last attempt to connect failed and its back-off is not over, or the server is unhealthy.
    TransientFailure(Status),
}

#[derive(Debug)]
struct Handle {
    id: u64,
    commands: UnboundedSender<Command>,
}

/// A request of a policy about a subchannel, with the subchannel's number.
#[derive(Debug)]
pub(crate) enum Command {
    Connect(u64),
    UpdateAddresses(u64, Arc<[Address]>),
    /// The last handle was dropped.
    Drop(u64),
}

impl Subchannel {
    pub(crate) fn new(id: u64, commands: UnboundedSender<Command>) -> Subchannel {
        Subchannel(Arc::new(Handle { id, commands }))
    }

    pub(crate) fn downgrade(&self) -> WeakSubchannel {
        WeakSubchannel(Arc::downgrade(&self.0))
    }

    /// Connects the subchannel if it is idle. If its connection was closed by the channel's
    /// [`idle_timeout`](crate::ChannelBuilder::idle_timeout), the subchannel connects once the channel is used again.
    pub fn connect(&self) {
        // A closed channel needs no connections.
        drop(self.0.commands.send(Command::Connect(self.0.id)));
    }

    /// Replaces the addresses of the server. Connections to other addresses are closed once their calls have ended.
    pub fn update_addresses(&self, addresses: impl IntoIterator<Item = Address>) {
        let addresses = addresses.into_iter().collect();
        let command = Command::UpdateAddresses(self.0.id, addresses);
        drop(self.0.commands.send(command));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.commands.send(Command::Drop(self.id)));
    }
}

impl PartialEq for Subchannel {
    fn eq(&self, other: &Subchannel) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Subchannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subchannel").field(&self.0.id).finish()
    }
}

/// A subchannel that a policy may have dropped.
#[derive(Clone, Debug)]
pub(crate) struct WeakSubchannel(Weak<Handle>);

impl WeakSubchannel {
    pub(crate) fn upgrade(&self) -> Option<Subchannel> {
        self.0.upgrade().map(Subchannel)
    }

    /// Returns whether this is a handle of `subchannel`.
    pub(crate) fn is(&self, subchannel: &Subchannel) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&subchannel.0))
    }
}

/// A subchannel that can take calls, with its current connections.
#[derive(Clone)]
pub struct ReadySubchannel {
    links: Arc<Links>,
    listener: Option<Arc<dyn CallListener>>,
}

/// The connections to one server. A call takes the oldest one that has room, so that surplus connections become unused.
#[derive(Debug)]
struct Links {
    oldest: Arc<Link>,
    /// The other connections. Usually there are none.
    more: Vec<Arc<Link>>,
}

impl ReadySubchannel {
    /// Creates a ready subchannel from its connections, the oldest first. Returns `None` if there are none.
    pub(crate) fn new(links: impl IntoIterator<Item = Arc<Link>>) -> Option<ReadySubchannel> {
        let mut links = links.into_iter();
        Some(ReadySubchannel {
            links: Arc::new(Links {
                oldest: links.next()?,
                more: links.collect(),
            }),
            listener: None,
        })
    }

    /// Returns the same subchannel with one more listener for the ends of its calls.
    #[must_use]
    pub fn with_listener(&self, listener: Arc<dyn CallListener>) -> ReadySubchannel {
        let listener = match self.listener.clone() {
            Some(first) => both(first, listener),
            None => listener,
        };
        ReadySubchannel {
            links: Arc::clone(&self.links),
            listener: Some(listener),
        }
    }

    /// Returns the number of open calls.
    pub fn open_calls(&self) -> usize {
        // Each call holds its link.
        let all = self.links.all().map(Arc::strong_count);
        all.sum::<usize>().saturating_sub(self.links.more.len() + 1)
    }

    /// Returns whether one of the connections can take another call now. Returns `false` if all connections have reached the
    /// server's limit of streams.
    pub fn has_room(&self) -> bool {
        self.links.all().any(|link| link.takes_calls())
    }

    /// Gives a call to a connection. Returns the call if no connection takes it.
    pub(crate) fn submit(&self, mut exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        if let Some(listener) = &self.listener {
            exchange.listen(Listening::new(Arc::clone(listener)));
        }
        for link in self.links.all() {
            exchange.attach(0, Arc::clone(link));
            match link.submit(exchange) {
                Ok(()) => return Ok(()),
                // The connection is full, or going away and not removed yet.
                Err(back) => exchange = back,
            }
        }
        exchange.detach(Chunks::default());
        Err(exchange)
    }
}

impl Links {
    fn all(&self) -> impl Iterator<Item = &Arc<Link>> {
        std::iter::once(&self.oldest).chain(&self.more)
    }
}

impl fmt::Debug for ReadySubchannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadySubchannel")
            .field("connections", &(self.links.more.len() + 1))
            .finish_non_exhaustive()
    }
}
