//! Calls that limits count, and with them the work that they give to other threads.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// What a limit counts by: it is free again when the last clone is dropped.
type Place = Arc<dyn Any + Send + Sync>;

thread_local! {
    /// The places of the call that is polled on this thread.
    static PLACES: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

pin_project! {
    /// A part of a call that takes a place of a limit until it ends or is dropped, and until the work ends that it has offloaded. What
    /// computes on another thread cannot be stopped: a call that is cancelled would else make room for the next, whose work comes on
    /// top.
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
        // Also when the part panics.
        let _polled = Polled;
        this.part.poll(context)
    }
}

/// The innermost part is polled as long as this lives.
struct Polled;

impl Drop for Polled {
    fn drop(&mut self) {
        let place = PLACES.with_borrow_mut(Vec::pop);
        drop(place);
    }
}

/// The places of the call that is polled here: whoever holds them is counted with it.
pub(super) fn places() -> Vec<Place> {
    PLACES.with_borrow(Vec::clone)
}
