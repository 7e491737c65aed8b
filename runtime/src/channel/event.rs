//! Events for a channel's manager.

use super::connect::owner::ConnectionNews;
use super::resolve::resolver::Resolution;
use crate::Status;

/// An event for a channel's manager.
#[derive(Debug)]
pub(crate) enum ManagerEvent {
    /// Calls wait for a connection, or the program has asked for one.
    Wanted,
    /// The resolver has returned a result.
    Resolved(Result<Resolution, Status>),
    /// The resolver has announced that the addresses have changed.
    NamesChanged,
    /// An event of an attempt to connect, or of its connection.
    Connection { attempt: u64, news: ConnectionNews },
    /// The program has reset the back-off.
    ResetBackoff,
}
