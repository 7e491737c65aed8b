//! What becomes of a call when an attempt at it has ended.

use std::fmt;
use std::sync::Arc;

use super::Exchange;
use crate::base::{Chunks, Outcome};

/// Decides what becomes of calls whose attempts have ended.
pub(crate) trait RetryPolicy: fmt::Debug + Send + Sync {
    /// Ends the call with the outcome of its attempt, or makes it again. `sent` is what was sent of the request, if it can be sent
    /// again.
    fn attempt_ended(&self, exchange: Arc<Exchange>, outcome: Outcome, sent: Option<Chunks>);
}

impl Exchange {
    /// Ends an attempt at the call, and with it the call unless its retry policy makes it again. `sent` gives what was sent of the
    /// request, if it can be sent again.
    pub(crate) fn end_attempt(
        self: Arc<Self>,
        outcome: Outcome,
        sent: impl FnOnce() -> Option<Chunks>,
    ) {
        match self.details().retry_policy.clone() {
            Some(policy) => policy.attempt_ended(self, outcome, sent()),
            None => self.conclude(outcome),
        }
    }
}
