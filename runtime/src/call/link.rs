//! What connects calls that run in other tasks to the task that owns their connection.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Waker};

use super::Exchange;
use super::pipe::remember;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::{Mutex, MutexGuard};

/// The list of calls that have something for their connection.
///
/// A call is put on it once, however much it has, and the connection takes the whole list at a time: what crosses tasks
/// crosses per call and in batches.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// The smallest window that a stream of the connection may have.
    window: usize,
    /// The connection's calls have so much to send that each is to hold back.
    crowded: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Arc<Exchange>>,
    /// How many of them are on the list for the first time.
    new: usize,
    /// How many new calls are taken, once the connection has met the peer's limit of streams.
    room: Option<usize>,
    waker: Option<Waker>,
    order: Order,
    /// New calls are not taken any more.
    refusing: bool,
    closed: bool,
}

/// What the owner of a connection asks of its task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    #[default]
    Serve,
    /// Take no new calls, finish those that are open, then close.
    Drain,
    /// Close now.
    Close,
}

impl Link {
    /// A link of a connection whose streams have a receive window of so many bytes, or more.
    pub(crate) fn new(window: u32) -> Link {
        Link {
            state: Mutex::default(),
            window: usize::try_from(window).unwrap_or(usize::MAX).max(1),
            crowded: AtomicBool::new(false),
        }
    }

    /// Puts a call on the list for the first time; gives it back when the connection takes no new calls, or has no room for
    /// one now.
    #[cfg(feature = "client")]
    pub(crate) fn submit(&self, exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        let waker = {
            let mut state = self.state();
            if state.refusing || state.closed {
                return Err(exchange);
            }
            match &mut state.room {
                None => {}
                Some(0) => return Err(exchange),
                Some(room) => *room -= 1,
            }
            state.new += 1;
            state.ready.push(exchange);
            state.waker.take()
        };
        wake(waker);
        Ok(())
    }

    /// The connection has streams for so many calls more, those on the list included; from now on no more are taken. Says
    /// whether calls may wait that found no room before.
    #[cfg(feature = "client")]
    pub(crate) fn set_room(&self, streams: usize) -> bool {
        let mut state = self.state();
        let was_full = state.room == Some(0);
        let room = streams.saturating_sub(state.new);
        state.room = Some(room);
        was_full && room > 0
    }

    /// Whether the peer's limit of streams is reached.
    #[cfg(feature = "client")]
    pub(crate) fn is_full(&self) -> bool {
        self.state().room == Some(0)
    }

    /// New calls are not taken any more; those that are on the connection go on.
    #[cfg(feature = "client")]
    pub(crate) fn refuse(&self) {
        self.state().refusing = true;
    }

    /// Puts a call on the list; gives it back when the connection is gone.
    pub(crate) fn schedule(&self, exchange: Arc<Exchange>) -> Result<(), Arc<Exchange>> {
        let waker = {
            let mut state = self.state();
            if state.closed {
                return Err(exchange);
            }
            state.ready.push(exchange);
            state.waker.take()
        };
        wake(waker);
        Ok(())
    }

    /// Tells the connection's task to end, softly or at once.
    pub(crate) fn order(&self, order: Order) {
        let waker = {
            let mut state = self.state();
            state.order = order;
            state.waker.take()
        };
        wake(waker);
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        let waker = self.state().waker.take();
        wake(waker);
    }

    /// Moves the list to `batch`, which is empty, and keeps the waker of the connection's task for what comes next.
    pub(crate) fn collect(&self, context: &Context<'_>, batch: &mut Vec<Arc<Exchange>>) -> Order {
        let mut state = self.state();
        std::mem::swap(&mut state.ready, batch);
        state.new = 0;
        remember(&mut state.waker, context);
        state.order
    }

    /// The connection is gone: nothing is taken any more. Returns what was still on the list.
    pub(crate) fn close(&self) -> Vec<Arc<Exchange>> {
        let mut state = self.state();
        state.closed = true;
        state.waker = None;
        std::mem::take(&mut state.ready)
    }

    /// What the peer can always send on a stream before we use some of it up.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// How many bytes that are used up, or that it waits for, a call may keep to itself. The other half of the window is what the
    /// connection has not told the peer.
    pub(crate) fn slack(&self) -> usize {
        self.window / 2
    }

    /// Says to the connection's calls whether there is so much to be sent that each is to hold back.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        // Nearly always it is as it was, and what others read is not to be written for nothing.
        if self.is_crowded() != crowded {
            self.crowded.store(crowded, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
