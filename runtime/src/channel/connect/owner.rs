//! The owner of connections, and the events that it is told.

use std::sync::Arc;
use std::time::Duration;

use crate::Status;
use crate::call::{Exchange, Link};
use crate::channel::resolve::address::Address;

/// The owner of connections, which receives their events. A connection is identified by the number of the attempt that
/// opened it.
pub(crate) trait Owner: Send + Sync {
    /// Handles an event of an attempt, or of its connection.
    fn hear(&self, attempt: u64, news: ConnectionNews);

    /// Sends waiting calls, because a full connection has room again.
    fn has_room(&self);

    /// Lets later connections ping less, because the peer has closed a connection that pinged after this time of
    /// silence.
    fn ping_less(&self, keepalive_time: Option<Duration>);

    /// Takes back a call that the peer has not processed.
    fn take_back(&self, exchange: Arc<Exchange>);
}

/// An event of an attempt to connect, or of its connection.
#[derive(Debug)]
pub(crate) enum ConnectionNews {
    /// The attempt has failed.
    Failed(Status),
    /// The connection accepts calls.
    Connected { address: Address, link: Arc<Link> },
    /// The server has reported its health.
    Health(Health),
    /// The connection is closing because it had no calls for a while.
    Unused,
    /// The peer has closed the connection, or accepts no more calls on it.
    Lost(Loss),
}

/// The end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) carried: Carried,
    pub(crate) cause: Status,
}

/// The calls that a connection has carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// No call, or none that the peer has processed.
    Nothing,
    /// Only calls that were open when the connection was lost, and that the peer had not answered.
    Unanswered,
    /// A call to which the peer has responded or will respond.
    Calls,
}

/// The health of a server.
#[derive(Clone, Debug)]
pub(crate) enum Health {
    /// The server has not answered yet.
    Unknown,
    Serving,
    /// The server is unhealthy, or has stopped responding.
    Failing(Status),
}
