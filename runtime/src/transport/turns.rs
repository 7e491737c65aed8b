//! A limit on the handlers that compute at the same time for one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::call::Link;

/// The maximum time for which a call waits for a turn while a thread of the runtime is idle. It needs an idle thread, because
/// only such a thread checks timers.
const PATIENCE: Duration = Duration::from_millis(1);

/// The turns of a connection's handlers that compute. At a time, there are as many turns as the runtime has threads.
///
/// More turns would gain nothing, and the connection's own work would wait for all of them: responses that are ready, bytes that
/// have arrived, deadlines that have passed. Between two turns the runtime should check its sockets and timers, which it does
/// when a thread is idle.
///
/// A handler keeps its turn until its first poll ends. In `block_in_place` it does not occupy a thread of the runtime. Then a
/// thread is idle although all turns are taken, and the number of turns is raised.
#[derive(Debug)]
pub(crate) struct Turns {
    shared: Arc<Shared>,
    /// The number of threads of the runtime.
    threads: usize,
    /// The current number of turns.
    most: usize,
    /// Set if the runtime has been able to check its sockets since the last turn was given.
    has_yielded: bool,
    /// The time by which waiting calls get a turn. Set while calls wait.
    patience: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    taken: AtomicUsize,
    /// Set while calls wait for a turn.
    awaited: AtomicBool,
    link: Arc<Link>,
}

impl Turns {
    /// Creates the turns of a connection on a runtime with `threads` threads. `link` wakes the connection's task.
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
            has_yielded: true,
            patience: None,
        }
    }

    /// Returns the number of threads of the runtime.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Returns whether a handler that computes has a turn.
    pub(crate) fn are_taken(&self) -> bool {
        self.shared.taken.load(Ordering::SeqCst) > 0
    }

    /// Returns a turn for a waiting call, if one is free now.
    pub(crate) fn take(&mut self) -> Option<Turn> {
        // Set this before counting turns, so that a turn that ends meanwhile wakes the connection.
        self.shared.awaited.store(true, Ordering::SeqCst);
        if !self.has_yielded || self.is_over() {
            return None;
        }
        self.shared.taken.fetch_add(1, Ordering::SeqCst);
        Some(Turn(Arc::clone(&self.shared)))
    }

    /// Notes that calls still wait, and whether others were given turns.
    pub(crate) fn await_more(&mut self, gave_some: bool, now: Instant) {
        if gave_some {
            self.has_yielded = false;
        }
        if gave_some || self.patience.is_none() {
            self.patience = now.checked_add(PATIENCE);
        }
    }

    /// Notes that no call waits any more.
    pub(crate) fn await_none(&mut self) {
        self.shared.awaited.store(false, Ordering::SeqCst);
        self.patience = None;
        self.most = self.threads;
    }

    /// Returns whether calls only wait for the runtime to check its sockets.
    pub(crate) fn want_yield(&self) -> bool {
        self.patience.is_some() && !self.has_yielded && !self.is_over()
    }

    /// Notes that the runtime has been able to check its sockets.
    pub(crate) fn note_yield(&mut self) {
        self.has_yielded = true;
    }

    /// Returns the time at which to call [`due`](Turns::due).
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.patience
    }

    /// Returns whether waiting calls may have a turn because their wait has lasted long enough.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        let is_due = self.patience.is_some_and(|patience| patience <= now);
        if is_due {
            self.patience = now.checked_add(PATIENCE);
            self.has_yielded = true;
            self.most = self.most.saturating_add(self.threads);
        }
        is_due
    }

    /// Returns whether all turns are taken.
    fn is_over(&self) -> bool {
        self.shared.taken.load(Ordering::SeqCst) >= self.most
    }
}

/// The turn of a handler that computes. Dropping it ends the turn.
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
