//! The calls that a server receives from within its process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Status;
use crate::base::{Outcome, clock};
use crate::call::{Exchange, Order};

/// The calls that a server receives from within its process, over its in-process channels. Stopping the server ends them like the
/// calls of connections.
#[derive(Debug, Default)]
pub(crate) struct InProcessCalls {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    order: Order,
    /// The calls whose handlers are pending.
    calls: HashMap<u64, Arc<Exchange>>,
    last: u64,
}

impl InProcessCalls {
    /// Returns whether new calls are accepted.
    pub(crate) fn are_taken(&self) -> bool {
        self.state().order == Order::Serve
    }

    /// Tracks a call whose handler is pending until the call is over.
    pub(crate) fn keep(self: &Arc<Self>, exchange: &Arc<Exchange>) {
        let key = {
            let mut state = self.state();
            if state.order == Order::Close {
                drop(state);
                return cut_off(exchange);
            }
            state.last += 1;
            let key = state.last;
            state.calls.insert(key, Arc::clone(exchange));
            key
        };
        let calls = Arc::clone(self);
        if !exchange.add_done_callback(Box::new(move |_| calls.remove(key))) {
            self.remove(key);
        }
    }

    /// Stops accepting new calls.
    pub(super) fn drain(&self) {
        self.state().order = Order::Drain;
    }

    /// Ends the remaining calls.
    pub(super) fn close(&self) {
        let calls = {
            let mut state = self.state();
            state.order = Order::Close;
            std::mem::take(&mut state.calls)
        };
        for exchange in calls.into_values() {
            cut_off(&exchange);
        }
    }

    /// Waits until no call is left.
    pub(super) async fn empty(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state().calls.is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn remove(&self, key: u64) {
        let call = self.state().calls.remove(&key);
        drop(call);
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut_off(exchange: &Arc<Exchange>) {
    let why = Status::unavailable("the server was stopped");
    let why = exchange.details().cut_off(why, clock::now());
    exchange.conclude(Outcome::local(why));
}
