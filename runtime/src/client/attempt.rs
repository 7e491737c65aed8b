//! An attempt at a call with interceptors.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::passage::Passage;
use crate::Result;
use crate::call::{Exchange, Watch};

/// An attempt that an interceptor waits for. To drop it is to give it up.
pub(super) struct Attempt {
    passage: Arc<Passage>,
    exchange: Arc<Exchange>,
    /// Until it was noticed that the exchange is over.
    over: Option<Watch>,
}

impl Attempt {
    pub(super) fn new(passage: &Arc<Passage>, exchange: &Arc<Exchange>) -> Attempt {
        Attempt {
            passage: Arc::clone(passage),
            exchange: Arc::clone(exchange),
            over: Some(Watch::new(Arc::clone(exchange))),
        }
    }

    /// Waits until the caller has read the attempt to its end.
    pub(super) fn poll_end(&mut self, context: &Context<'_>) -> Poll<Result<()>> {
        loop {
            if let Poll::Ready(result) = self.passage.poll_end(context) {
                return Poll::Ready(result);
            }
            // A caller that may not read is not waited for where there is nothing to read.
            let over = self.over.as_mut().filter(|_| self.passage.is_detached());
            let Some(over) = over else {
                return Poll::Pending;
            };
            ready!(over.poll_over(context));
            self.over = None;
            let outcome = self.exchange.outcome();
            let result = outcome.map_or(Ok(()), |outcome| outcome.result);
            if !self.passage.unread(&self.exchange, result) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.passage.abandon(&self.exchange);
    }
}
