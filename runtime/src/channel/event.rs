//! What a channel's manager has to know.

use std::sync::Arc;

use super::balance::health::Health;
use super::connect::address::Address;
use super::connect::owner::Loss;
use crate::Status;
use crate::call::Link;

/// Something that a channel's manager has to know.
#[derive(Debug)]
pub(crate) enum Event {
    /// Calls wait for a connection, or somebody asks for one.
    Wanted,
    /// Names are resolved, or cannot be.
    Resolved(Result<Arc<[Address]>, Status>),
    /// Names are to be resolved again.
    NamesChanged,
    /// An attempt has come to a connection.
    Connected {
        attempt: u64,
        address: Address,
        link: Arc<Link>,
    },
    /// An attempt has failed.
    Failed { attempt: u64, status: Status },
    /// A connection has had no calls for so long that it closes.
    Unused { attempt: u64 },
    /// A connection takes no more calls, or is closed, by the peer's doing.
    Lost { attempt: u64, loss: Loss },
    /// A server has said how it is, on this connection.
    Health { number: u64, health: Health },
    /// Failures so far are to count no more.
    ResetBackoff,
}
