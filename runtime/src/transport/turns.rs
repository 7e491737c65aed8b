//! How many handlers that compute run for a connection at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::call::Link;

/// Calls wait for no turn longer than this while a thread of the runtime has nothing to do. Only such a thread looks at timers.
const PATIENCE: Duration = Duration::from_millis(1);

/// The turns of a connection's handlers that compute: as many at a time as the runtime has threads to take them.
///
/// More would gain nothing, and what the connection has to do would wait behind all of them: answers that are ready, bytes that
/// have come, deadlines that have passed. Between two turns the runtime is to look at its sockets and timers, which it does when a
/// thread has nothing else to do.
///
/// A handler keeps its turn until its first poll has ended. It may spend it without the thread, in `block_in_place`; then there is
/// a thread with nothing to do although all turns are taken, and there are more turns.
#[derive(Debug)]
pub(crate) struct Turns {
    shared: Arc<Shared>,
    /// How many threads the runtime has.
    threads: usize,
    /// How many turns there are.
    most: usize,
    /// The runtime has had time to look at its sockets since the last turn was given.
    rested: bool,
    /// Calls wait for a turn, and get one then at the latest.
    patience: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    taken: AtomicUsize,
    /// Calls wait for a turn.
    awaited: AtomicBool,
    link: Arc<Link>,
}

impl Turns {
    /// The turns of a connection whose task is reached by `link`, on a runtime with so many threads.
    pub(crate) fn new(link: Arc<Link>, threads: usize) -> Turns {
        let threads = threads.max(1);
        Turns {
            shared: Arc::new(Shared {
                taken: AtomicUsize::new(0),
                awaited: AtomicBool::new(false),
                link,
            }),
            threads,
            most: threads,
            rested: true,
            patience: None,
        }
    }

    /// How many threads the runtime has.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Whether a handler that computes has a turn.
    pub(crate) fn are_taken(&self) -> bool {
        self.shared.taken.load(Ordering::SeqCst) > 0
    }

    /// Gives a turn to a call that waits, if it is time.
    pub(crate) fn take(&mut self) -> Option<Turn> {
        // Before the turns are counted: one that ends meanwhile wakes the connection.
        self.shared.awaited.store(true, Ordering::SeqCst);
        if !self.rested || self.is_over() {
            return None;
        }
        self.shared.taken.fetch_add(1, Ordering::SeqCst);
        Some(Turn(Arc::clone(&self.shared)))
    }

    /// Some calls still wait, after turns were given to others or not.
    pub(crate) fn await_more(&mut self, gave_some: bool, now: Instant) {
        if gave_some {
            self.rested = false;
        }
        if gave_some || self.patience.is_none() {
            self.patience = now.checked_add(PATIENCE);
        }
    }

    /// No call waits any more.
    pub(crate) fn await_none(&mut self) {
        self.shared.awaited.store(false, Ordering::SeqCst);
        self.patience = None;
        self.most = self.threads;
    }

    /// Whether a call waits for nothing but that the runtime has had time to look at its sockets.
    pub(crate) fn want_rest(&self) -> bool {
        self.patience.is_some() && !self.rested && !self.is_over()
    }

    /// The runtime has had time to look at its sockets.
    pub(crate) fn rest(&mut self) {
        self.rested = true;
    }

    /// When to call [`due`](Turns::due).
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.patience
    }

    /// Looks at the clock; whether calls that wait may have a turn now.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        let is_due = self.patience.is_some_and(|patience| patience <= now);
        if is_due {
            self.patience = now.checked_add(PATIENCE);
            self.rested = true;
            self.most = self.most.saturating_add(self.threads);
        }
        is_due
    }

    /// Whether all turns are taken.
    fn is_over(&self) -> bool {
        self.shared.taken.load(Ordering::SeqCst) >= self.most
    }
}

/// The turn of a handler that computes; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Shared>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
        if self.0.awaited.load(Ordering::SeqCst) {
            self.0.link.wake();
        }
    }
}
