//! The limit of a server's concurrent calls.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::handlers::Method;
use crate::Status;
use crate::helpers::offload::Counted;

/// A number of slots for concurrent calls.
#[derive(Debug)]
pub(crate) struct Slots {
    all: usize,
    free: AtomicUsize,
}

impl Slots {
    pub(crate) fn new(all: usize) -> Slots {
        Slots {
            all,
            free: AtomicUsize::new(all),
        }
    }

    /// Returns a method whose calls take one slot each. A call takes it before its interceptors run, and returns it once its
    /// handler and the computations that it offloaded have ended or were dropped. A call that finds no free slot fails at once.
    pub(crate) fn around(self: &Arc<Self>, method: Method) -> Method {
        let slots = Arc::clone(self);
        let handler = method.start;
        Method::new(move |context| match slots.take() {
            Some(slot) => {
                let handler = handler.clone();
                Box::pin(async move {
                    // The slot is free before the caller learns of the end.
                    Counted::new(slot, async { handler.call_now(context).await }).await
                })
            }
            None => Box::pin(ready(Err(Status::resource_exhausted(format!(
                "the server already has its maximum of {} concurrent calls",
                slots.all
            ))))),
        })
    }

    fn take(self: &Arc<Self>) -> Option<Slot> {
        self.free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                free.checked_sub(1)
            })
            .ok()?;
        Some(Slot(Arc::clone(self)))
    }
}

/// The slot of one call. Dropping it frees the slot.
struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}
