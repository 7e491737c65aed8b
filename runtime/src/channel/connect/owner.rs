//! The owner of connections, and the events that it is told.

use std::sync::Arc;
use std::time::Duration;

use crate::Status;
use crate::call::{Exchange, Link};
use crate::channel::resolve::address::Address;

/// Owns connections, and hears what becomes of them. A connection is known by the number of the attempt that made it.
pub(crate) trait Owner: Send + Sync {
    /// Takes an event of an attempt, or of its connection.
    fn hear(&self, attempt: u64, news: ConnectionNews);

    /// Sends calls that wait, because a connection that was full has room again.
    fn has_room(&self);

    /// Lets later connections ping less, because the peer has closed one that pinged after this much silence.
    fn ping_less(&self, keepalive_time: Option<Duration>);

    /// Takes back a call that the peer has not seen.
    fn take_back(&self, exchange: Arc<Exchange>);
}

/// An event of an attempt to connect, or of the connection that it has made.
#[derive(Debug)]
pub(crate) enum ConnectionNews {
    /// The attempt has failed.
    Failed(Status),
    /// Calls can go out on the connection.
    Connected { address: Address, link: Arc<Link> },
    /// The server has reported its health.
    Health(Health),
    /// The connection has had no calls for so long that it closes.
    Unused,
    /// The connection takes no more calls, or is closed, by the peer's doing.
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
    /// No call, or none that the peer has looked at.
    Nothing,
    /// Only calls that were open when the connection was lost, and that the peer had not answered.
    Unanswered,
    /// A call that the peer has answered, or is about to.
    Calls,
}

/// The health of a server.
#[derive(Clone, Debug)]
pub(crate) enum Health {
    /// The server has not answered yet.
    Unknown,
    Serving,
    /// The server is not well, or has stopped answering.
    Failing(Status),
}
