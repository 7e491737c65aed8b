//! The link between calls, which run in other tasks, and the task of their connection.

use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Waker};

use super::Exchange;
use super::peer::Peer;
use super::pipe::{remember, wake};
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::{Mutex, MutexGuard};

/// The link of a connection: the list of calls that need its attention.
///
/// A call is on the list at most once, and the connection takes the whole list at a time. So tasks communicate in batches, and at
/// most once for each call.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// The other end of the connection, once it is known.
    peer: OnceLock<Peer>,
    /// The smallest window that a stream of the connection may have.
    window: usize,
    /// Set if the connection is crowded: its calls have queued more than its limit, so each must wait before it sends more.
    crowded: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Arc<Exchange>>,
    /// The number of calls on the list that are new.
    new: usize,
    /// The number of new calls that have room. Set once the connection has reached the peer's limit of streams.
    room: Option<usize>,
    waker: Option<Waker>,
    order: Order,
    /// Set if new calls are no longer accepted.
    refusing: bool,
    closed: bool,
}

/// An order from the owner of a connection to its task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Serve calls.
    #[default]
    Serve,
    /// Accept no new calls, finish the open ones, and then close.
    Drain,
    /// Close now.
    Close,
}

impl Link {
    /// Creates the link of a connection whose streams have a receive window of at least `window` bytes.
    pub(crate) fn new(window: u32) -> Link {
        Link {
            state: Mutex::default(),
            peer: OnceLock::new(),
            window: usize::try_from(window).unwrap_or(usize::MAX).max(1),
            crowded: AtomicBool::new(false),
        }
    }

    /// Sets the other end of the connection.
    #[cfg(feature = "client")]
    pub(crate) fn set_peer(&self, peer: Peer) {
        // The other end never changes.
        drop(self.peer.set(peer));
    }

    /// Returns the other end of the connection, if it is known.
    #[cfg(feature = "client")]
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.peer.get()
    }

    /// Adds a new call to the list. Returns it if the connection accepts no new calls, or has no room for one now.
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

    /// Limits the number of new calls, including those on the list. Returns whether calls may be waiting that found no room
    /// before.
    #[cfg(feature = "client")]
    pub(crate) fn set_room(&self, streams: usize) -> bool {
        let mut state = self.state();
        let was_full = state.room == Some(0);
        let room = streams.saturating_sub(state.new);
        state.room = Some(room);
        was_full && room > 0
    }

    /// Returns whether the peer's limit of streams is reached.
    #[cfg(feature = "client")]
    pub(crate) fn is_full(&self) -> bool {
        self.state().room == Some(0)
    }

    /// Returns whether a new call would be accepted now.
    #[cfg(feature = "client")]
    pub(crate) fn takes_calls(&self) -> bool {
        let state = self.state();
        !state.refusing && !state.closed && state.room != Some(0)
    }

    /// Accepts no new calls from now on. Calls on the connection continue.
    #[cfg(feature = "client")]
    pub(crate) fn refuse(&self) {
        self.state().refusing = true;
    }

    /// Adds a call to the list. Returns it if the connection is closed.
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

    /// Gives an order to the connection's task.
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

    /// Moves the list to `batch`, which must be empty. Registers the connection's task to be woken for the next call.
    pub(crate) fn collect(&self, context: &Context<'_>, batch: &mut Vec<Arc<Exchange>>) -> Order {
        let mut state = self.state();
        std::mem::swap(&mut state.ready, batch);
        state.new = 0;
        remember(&mut state.waker, context);
        state.order
    }

    /// Closes the link, because the connection is closed. Returns the calls that were still on the list.
    pub(crate) fn close(&self) -> Vec<Arc<Exchange>> {
        let mut state = self.state();
        state.closed = true;
        state.waker = None;
        std::mem::take(&mut state.ready)
    }

    /// Returns the number of bytes that the peer can always send on a stream before any of them is consumed.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// Returns the number of bytes that a call may have consumed, or may need, before it must tell the connection. The connection
    /// may delay the other half of the window itself.
    pub(crate) fn slack(&self) -> usize {
        self.window / 2
    }

    /// Sets whether the connection is crowded.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        // The value rarely changes, and a write would slow down the threads that read it.
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
