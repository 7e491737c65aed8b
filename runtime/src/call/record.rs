//! The record of a call with interceptors.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::CallDetails;
use super::panicked::{Panicked, panicked};
use crate::base::erasure::AnyMessage;
use crate::{Metadata, Result};

/// An interceptor's function that sees each message of one direction.
pub(crate) type Observer = Box<dyn FnMut(&mut dyn AnyMessage) -> Result<()> + Send>;

/// The record of a call with interceptors: its start, its messages and their observers.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) started: Instant,
    pub(crate) requests: Direction,
    pub(crate) responses: Direction,
    /// The initial metadata of the response.
    initial: Mutex<Metadata>,
}

/// The messages of one direction, and their observers, outermost first.
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
            initial: Mutex::default(),
        }
    }

    /// Passes a request to the observers, outermost first.
    ///
    /// # Errors
    /// Returns the first error of an observer, or INTERNAL if one panics.
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

    /// Passes a response to the observers, innermost first.
    ///
    /// # Errors
    /// Fails like [`Record::request`].
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

    /// Adds initial metadata of the response.
    pub(crate) fn add_initial_metadata(&self, metadata: Metadata) {
        self.initial().merge(metadata);
    }

    /// Returns the initial metadata that has been set so far.
    pub(crate) fn initial_metadata(&self) -> Metadata {
        self.initial().clone()
    }

    fn initial(&self) -> MutexGuard<'_, Metadata> {
        self.initial.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the observers at the end of the call. They may own the call's context, which owns this record.
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

/// Calls an observer, and catches its panic, because a request stream may be read in a task of the user's.
fn show(
    details: &CallDetails,
    observer: &mut Observer,
    message: &mut dyn AnyMessage,
) -> Result<()> {
    catch_unwind(AssertUnwindSafe(|| observer(message)))
        .unwrap_or_else(|panic| Err(panicked(Panicked::Interceptor, details, panic.as_ref())))
}
