//! How many calls a server works on at a time.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::handlers::Method;
use crate::Status;
use crate::helpers::offload::Counted;

/// Room for a number of calls at a time.
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

    /// A method whose calls take a slot each, from before their interceptors until their handlers, and what they have offloaded, have
    /// ended or are dropped. One that finds none fails at once.
    pub(crate) fn around(self: &Arc<Self>, method: Method) -> Method {
        let slots = Arc::clone(self);
        let handler = method.start;
        Method::new(move |context| match slots.take() {
            Some(slot) => {
                let handler = handler.clone();
                Box::pin(async move {
                    // It is free again before the caller hears of the end.
                    Counted::new(slot, async { handler.call_now(context).await }).await
                })
            }
            None => Box::pin(ready(Err(Status::resource_exhausted(format!(
                "the server works on {} calls already, its maximum",
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

/// Room for one call, which goes back when it is dropped.
struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}
