//! Transports, which carry calls.

use std::fmt;
use std::sync::Arc;

use super::connectivity::{ChannelConnectivity, ConnectivityChanges};
use super::{CallDetails, Exchange};
use crate::base::header::Header;
use crate::{Result, Status};

/// Carries calls to where they are answered.
pub(crate) trait Transport: fmt::Debug + Send + Sync {
    /// Adds to the details of a call what the transport says of it, before the call is made.
    ///
    /// # Errors
    /// Why the call cannot be made.
    fn prepare(&self, call: &mut CallDetails) -> Result<()>;

    /// Sets a call on its way. Its response and its end come through the exchange.
    fn start(&self, exchange: Arc<Exchange>);

    /// Returns the authority of calls that don't name their own.
    fn authority(&self) -> Option<Header>;

    /// Returns whether the transport asks the credentials of a call for metadata. If not, it is done before the call is made.
    fn asks_credentials(&self) -> bool;

    /// Returns the state. With `try_to_connect` a transport that is idle begins to connect.
    fn state(&self, try_to_connect: bool) -> ChannelConnectivity;

    /// Returns the states from now on.
    fn subscribe(&self) -> ConnectivityChanges;

    /// Lets the next attempt to connect begin at once.
    fn reset_connect_backoff(&self);

    /// Takes no more calls.
    fn close(&self);
}

/// Returns the status of calls over a closed channel.
pub(crate) fn closed() -> Status {
    Status::cancelled("the channel is closed")
}

/// Returns the status of calls outside a tokio runtime.
pub(crate) fn no_runtime() -> Status {
    Status::failed_precondition("a call over a channel needs a tokio runtime around it")
}
