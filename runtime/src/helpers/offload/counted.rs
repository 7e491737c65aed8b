//! Calls that count for a limit, together with the computations that they offload.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// A place within a limit. It is free again once its last clone is dropped.
type Place = Arc<dyn Any + Send + Sync>;

thread_local! {
    /// The places of the call that is being polled on this thread.
    static PLACES: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

pin_project! {
    /// A part of a call that holds a place within a limit. The place is free once the part has ended or been dropped, and every
    /// computation that it offloaded has ended. A running computation cannot be stopped, so without this a cancelled call would
    /// make room for the next, whose computation would come on top.
    pub(crate) struct Counted<F> {
        place: Place,
        #[pin]
        part: F,
    }
}

impl<F: Future> Counted<F> {
    pub(crate) fn new(place: impl Send + Sync + 'static, part: F) -> Counted<F> {
        let place = Arc::new(place);
        Counted { place, part }
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        PLACES.with_borrow_mut(|places| places.push(Arc::clone(this.place)));
        // The guard also works if the part panics.
        let _polled = Polled;
        this.part.poll(context)
    }
}

/// Marks the innermost part as being polled.
struct Polled;

impl Drop for Polled {
    fn drop(&mut self) {
        let place = PLACES.with_borrow_mut(Vec::pop);
        drop(place);
    }
}

/// Returns the places of the call that is being polled. A computation that holds them counts as a part of the call.
pub(super) fn places() -> Vec<Place> {
    PLACES.with_borrow(Vec::clone)
}
