//! What is kept of a call that has interceptors, while it runs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::CallDetails;
use super::panicked::{Panicked, panicked};
use crate::Result;
use crate::base::erasure::AnyMessage;

/// What an interceptor does with each message of one direction.
pub(crate) type Observer = Box<dyn FnMut(&mut dyn AnyMessage) -> Result<()> + Send>;

/// What is kept of a call that has interceptors: when it began, how many messages it has, and who looks at them.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) started: Instant,
    pub(crate) requests: Direction,
    pub(crate) responses: Direction,
}

/// The messages of one direction. The caller's interceptors are asked in the order in which a message meets them.
#[derive(Default)]
pub(crate) struct Direction {
    count: AtomicU64,
    observers: Mutex<Vec<Observer>>,
}

impl Record {
    pub(crate) fn new() -> Record {
        Record {
            started: Instant::now(),
            requests: Direction::default(),
            responses: Direction::default(),
        }
    }

    /// A request on its way inward: whoever was there first meets it first.
    ///
    /// # Errors
    /// The first error of an observer; INTERNAL when one panics.
    pub(crate) fn request(
        &self,
        details: &CallDetails,
        message: &mut dyn AnyMessage,
    ) -> Result<()> {
        self.requests.count.fetch_add(1, Ordering::Relaxed);
        let mut observers = self.requests.observers();
        observers
            .iter_mut()
            .try_for_each(|observer| show(details, observer, message))
    }

    /// A response on its way outward: whoever was there first meets it last.
    ///
    /// # Errors
    /// As [`Record::request`].
    pub(crate) fn response(
        &self,
        details: &CallDetails,
        message: &mut dyn AnyMessage,
    ) -> Result<()> {
        self.responses.count.fetch_add(1, Ordering::Relaxed);
        let mut observers = self.responses.observers();
        observers
            .iter_mut()
            .rev()
            .try_for_each(|observer| show(details, observer, message))
    }

    /// The call is over: nobody looks at its messages any more. What observers hold may hold this record.
    pub(crate) fn close(&self) {
        for direction in [&self.requests, &self.responses] {
            let observers = std::mem::take(&mut *direction.observers());
            drop(observers);
        }
    }
}

impl Direction {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observers().push(observer);
    }

    fn observers(&self) -> MutexGuard<'_, Vec<Observer>> {
        self.observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direction")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// A panic ends here: a request stream may have been moved to a task that is not ours.
fn show(
    details: &CallDetails,
    observer: &mut Observer,
    message: &mut dyn AnyMessage,
) -> Result<()> {
    catch_unwind(AssertUnwindSafe(|| observer(message)))
        .unwrap_or_else(|panic| Err(panicked(Panicked::Interceptor, details, panic.as_ref())))
}
