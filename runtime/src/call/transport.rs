//! Transports, which carry calls.

use std::fmt;
use std::sync::Arc;

use super::connectivity::{ChannelConnectivity, ConnectivityChanges};
use super::{CallDetails, Exchange};
use crate::base::header::Header;
use crate::{Result, Status};

/// A transport, which carries calls to their handlers.
pub(crate) trait Transport: fmt::Debug + Send + Sync {
    /// Completes the details of a call before the call is started.
    ///
    /// # Errors
    /// Returns a status if the call cannot be made.
    fn prepare(&self, call: &mut CallDetails) -> Result<()>;

    /// Starts a call. Its response and its end arrive through the exchange.
    fn start(&self, exchange: Arc<Exchange>);

    /// Returns the authority of calls that don't set their own.
    fn authority(&self) -> Option<Header>;

    /// Returns whether the transport asks the credentials of a call for metadata. If not, they are asked before the call is
    /// started.
    fn asks_credentials(&self) -> bool;

    /// Returns the state. With `try_to_connect`, an idle transport begins to connect.
    fn state(&self, try_to_connect: bool) -> ChannelConnectivity;

    /// Returns a stream of the states from now on.
    fn subscribe(&self) -> ConnectivityChanges;

    /// Resets the back-off, so that the next attempt to connect begins at once.
    fn reset_connect_backoff(&self);

    /// Closes the transport, which accepts no more calls.
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
