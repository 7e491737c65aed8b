//! The record of a call with interceptors.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::panicked::{Panicked, panicked};
use super::{CallDetails, Exchange};
use crate::base::erasure::AnyMessage;
use crate::{Metadata, Result};

/// An interceptor's function that sees each message of one direction.
pub(crate) type Observer = Box<dyn FnMut(&mut dyn AnyMessage) -> Result<()> + Send>;

/// An interceptor's function that sees the initial metadata of a response.
pub(crate) type HeadObserver = Box<dyn FnMut(&mut Metadata) + Send>;

/// The record of a call with interceptors: its start, its messages and their observers.
pub(crate) struct Record {
    pub(crate) started: Instant,
    pub(crate) requests: Direction,
    pub(crate) responses: Direction,
    /// The initial metadata of the response.
    initial: Mutex<Metadata>,
    /// The observers of the initial metadata until it is shown, outermost first.
    heads: Mutex<Vec<HeadObserver>>,
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
            heads: Mutex::default(),
        }
    }

    /// Adds an observer of the initial metadata.
    pub(crate) fn observe_head(&self, observer: HeadObserver) {
        self.heads().push(observer);
    }

    /// Passes the initial metadata of the response to its observers, innermost first, unless it was passed or sent before. Empty
    /// metadata is passed only if it `will_be_sent`.
    ///
    /// # Errors
    /// Returns INTERNAL if an observer panics.
    pub(crate) fn show_head(&self, exchange: &Arc<Exchange>, will_be_sent: bool) -> Result<()> {
        // Observers may use the call, so no lock is held while they run.
        let mut observers = std::mem::take(&mut *self.heads());
        if observers.is_empty() {
            return Ok(());
        }
        let Some(mut metadata) = exchange.take_unsent_metadata(will_be_sent) else {
            return Ok(());
        };
        let shown = observers.iter_mut().rev().try_for_each(|observer| {
            let observe = || {
                observer(&mut metadata);
                Ok(())
            };
            catching(exchange.details(), observe)
        });
        self.initial().clone_from(&metadata);
        exchange.set_initial_metadata(metadata, false);
        shown
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
        if observers.is_empty() {
            return Ok(());
        }
        message.show(&mut |message| {
            observers
                .iter_mut()
                .try_for_each(|observer| catching(details, || observer(message)))
        })
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
        if observers.is_empty() {
            return Ok(());
        }
        message.show(&mut |message| {
            observers
                .iter_mut()
                .rev()
                .try_for_each(|observer| catching(details, || observer(message)))
        })
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

    fn heads(&self) -> MutexGuard<'_, Vec<HeadObserver>> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the observers at the end of the call. They may own the call's context, which owns this record.
    pub(crate) fn close(&self) {
        let heads = std::mem::take(&mut *self.heads());
        drop(heads);
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

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("requests", &self.requests)
            .field("responses", &self.responses)
            .finish_non_exhaustive()
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
fn catching(details: &CallDetails, observe: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(observe))
        .unwrap_or_else(|panic| Err(panicked(Panicked::Interceptor, details, panic.as_ref())))
}
