//! Calls of which something has come that nobody waited for.

use std::sync::Arc;

use super::Exchange;

/// The calls of a connection of which something has come while nobody waited for it: what is still unread after two turns of
/// the connection's task gets buffers of its own. One turn may be too few, for a reader that was woken runs beside it.
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
