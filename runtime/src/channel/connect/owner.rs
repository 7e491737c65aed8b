//! What a connection tells of itself.

use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use crate::Status;
use crate::call::{Exchange, Link};

/// Owns connections, and hears what becomes of them. A connection is known by the number of the attempt that made it.
pub(crate) trait Owner: Send + Sync {
    /// An attempt to connect has failed.
    fn failed(&self, attempt: u64, status: Status);

    /// An attempt has succeeded: calls can go out on the connection.
    fn connected(&self, attempt: u64, address: Address, link: Arc<Link>);

    /// The connection takes no more calls, or is closed, by the peer's doing.
    fn lost(&self, attempt: u64, loss: Loss);

    /// The connection has had no calls for so long that it closes.
    fn unused(&self, attempt: u64);

    /// The connection was full and has room for calls again.
    fn has_room(&self);

    /// The peer has closed a connection that pinged it after so much silence, because it pinged too often.
    fn ping_less(&self, keepalive_time: Option<Duration>);

    /// Takes back a call that the peer has not seen.
    fn take_back(&self, exchange: Arc<Exchange>);
}

/// How a connection has come to its end.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) carried: Carried,
    pub(crate) cause: Status,
}

/// What a connection has carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// No call, or none that the peer has looked at.
    Nothing,
    /// Calls that were open when it was lost, and of which the peer has said nothing.
    Unanswered,
    /// A call that the peer has answered, or is about to.
    Calls,
}
