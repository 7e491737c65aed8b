//! A call that has been started, for uses other than reading.

use std::sync::Arc;

use super::intercepted::state::InterceptedState;
use crate::call::Exchange;
use crate::{Result, Status};

/// A handle of a started call, which can cancel it but does not read it.
#[derive(Clone)]
pub struct Started(Kind);

#[derive(Clone)]
enum Kind {
    Plain(Arc<Exchange>),
    Intercepted(Arc<InterceptedState>),
}

impl Started {
    pub(crate) fn plain(exchange: &Arc<Exchange>) -> Started {
        Started(Kind::Plain(Arc::clone(exchange)))
    }

    pub(crate) fn intercepted(state: &Arc<InterceptedState>) -> Started {
        Started(Kind::Intercepted(Arc::clone(state)))
    }

    /// Ends the call on both sides. Does nothing if the call has ended.
    pub(crate) fn cancel(&self, status: Status) {
        match &self.0 {
            Kind::Plain(exchange) => exchange.abandon(status),
            Kind::Intercepted(state) => state.cancel(status),
        }
    }

    /// Returns the result of the call, or the reason why it takes no more requests. Returns `None` while it takes
    /// requests.
    pub(crate) fn over(&self) -> Option<Result<()>> {
        match &self.0 {
            Kind::Plain(exchange) => exchange.result().or_else(|| exchange.over().map(Err)),
            Kind::Intercepted(state) => state.over(),
        }
    }
}
