//! Calls with unread data.

use std::sync::Arc;

use super::Exchange;

/// The calls of a connection that received data while no reader waited for it. Data that is still unread after two turns of the
/// connection's task is copied out of the connection's read buffers. One turn is too short, because a reader that was just woken
/// may run at the same time.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    new: Vec<Arc<Exchange>>,
    old: Vec<Arc<Exchange>>,
}

impl Unread {
    pub(crate) fn push(&mut self, exchange: &Arc<Exchange>) {
        self.new.push(Arc::clone(exchange));
    }

    /// Begins a turn.
    #[inline]
    pub(crate) fn set_aside(&mut self) {
        if !self.new.is_empty() || !self.old.is_empty() {
            for exchange in self.old.drain(..) {
                exchange.set_aside();
            }
            std::mem::swap(&mut self.new, &mut self.old);
        }
    }
}
