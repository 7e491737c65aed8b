//! An exchange as its caller holds it.

use std::sync::Arc;

use super::Exchange;
#[cfg(feature = "server")]
use super::Tie;
use crate::Status;

/// An exchange as its caller holds it. Dropping it cancels the call.
pub(crate) struct Ongoing {
    pub(crate) exchange: Arc<Exchange>,
    #[cfg(feature = "server")]
    pub(crate) _tie: Option<Tie>,
}

impl Ongoing {
    /// Makes a call that depends on no other.
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
        // Does nothing to a call that has ended.
        self.exchange
            .abandon(Status::cancelled("the call was dropped by its caller"));
    }
}
