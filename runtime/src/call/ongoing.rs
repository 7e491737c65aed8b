//! The caller's handle of an exchange.

use std::sync::Arc;

use super::Exchange;
#[cfg(feature = "server")]
use super::Tie;
use crate::Status;

/// The caller's handle of an exchange. Dropping it cancels the call.
pub(crate) struct Ongoing {
    pub(crate) exchange: Arc<Exchange>,
    #[cfg(feature = "server")]
    pub(crate) _tie: Option<Tie>,
}

impl Ongoing {
    /// Creates the handle of a call without a parent.
    pub(crate) fn alone(exchange: Arc<Exchange>) -> Ongoing {
        Ongoing {
            exchange,
            #[cfg(feature = "server")]
            _tie: None,
        }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        // This does nothing if the call has ended.
        self.exchange
            .abandon(Status::cancelled("the call was dropped by its caller"));
    }
}
