//! An attempt at a call with interceptors: an exchange with the server.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::requests::InterceptedRequests;
use super::state::InterceptedState;
use crate::Result;
use crate::call::{Exchange, Watch, wake};
use crate::client::call_head::CallHead;
use crate::client::feed::{Packing, send};

/// Makes an attempt, and waits for its end. Dropping the future cancels the attempt.
pub(crate) async fn attempt(state: &Arc<InterceptedState>, mut head: CallHead) -> Result<()> {
    let transport = &state.transport;
    if !transport.asks_credentials() {
        head.authorize().await?;
    }
    state.reset_counts();
    let (ongoing, packer) = head.open(&**transport)?;
    let exchange = Arc::clone(&ongoing.exchange);
    let mut attempt = Attempt::new(state, &exchange);
    let Some(mut requests) = InterceptedRequests::of_attempt(state) else {
        return state.check_replay();
    };
    let packing = Packing::new(packer, state.requests.compress_if());
    send(&mut *requests, packing, &exchange)?;
    let caller = state.begin_attempt(ongoing);
    transport.start(exchange);
    wake(caller);
    poll_fn(|context| attempt.poll_end(context)).await
}

/// An attempt for whose end an interceptor waits. Dropping it cancels the attempt.
struct Attempt {
    state: Arc<InterceptedState>,
    exchange: Arc<Exchange>,
    /// `None` once the end of the exchange has been noticed.
    over: Option<Watch>,
}

impl Attempt {
    fn new(state: &Arc<InterceptedState>, exchange: &Arc<Exchange>) -> Attempt {
        Attempt {
            state: Arc::clone(state),
            exchange: Arc::clone(exchange),
            over: Some(Watch::new(Arc::clone(exchange))),
        }
    }

    /// Waits until the caller has read the attempt to its end.
    fn poll_end(&mut self, context: &Context<'_>) -> Poll<Result<()>> {
        loop {
            if let Poll::Ready(result) = self.state.poll_end(context) {
                return Poll::Ready(result);
            }
            // If the caller may not be reading, don't wait for it unless there is something to read.
            let over = self.over.as_mut().filter(|_| self.state.is_detached());
            let Some(over) = over else {
                return Poll::Pending;
            };
            ready!(over.poll_over(context));
            self.over = None;
            let result = self.exchange.result().unwrap_or(Ok(()));
            if !self.state.end_unread(&self.exchange, result) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.state.abandon(&self.exchange);
    }
}
