//! Calls with data that nobody waited for.

use std::sync::Arc;

use super::Exchange;

/// The calls of a connection whose data came while nobody waited for it. What is still unread after two turns of the connection's
/// task is copied into buffers of its own. One turn may be too few, as a reader that was woken runs at the same time.
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
