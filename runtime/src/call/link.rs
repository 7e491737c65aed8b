//! The link between calls that run in other tasks and the task that owns their connection.

use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Waker};

use super::Exchange;
use super::peer::Peer;
use super::pipe::remember;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::base::sync::{Mutex, MutexGuard};

/// The link of a connection: the list of calls that have something for it.
///
/// A call is put on the list once, however much it has, and the connection takes the whole list at a time: tasks communicate once
/// per call and in batches.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// The other end of the connection, once it is known.
    peer: OnceLock<Peer>,
    /// The smallest window that a stream of the connection may have.
    window: usize,
    /// The connection's calls have so much to send that each must wait.
    crowded: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Arc<Exchange>>,
    /// The number of calls that are on the list for the first time.
    new: usize,
    /// The number of new calls that are taken, once the connection has reached the peer's limit of streams.
    room: Option<usize>,
    waker: Option<Waker>,
    order: Order,
    /// New calls are not taken any more.
    refusing: bool,
    closed: bool,
}

/// An order from the owner of a connection to its task.
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
    /// Makes the link of a connection whose streams have a receive window of at least this many bytes.
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

    /// Puts a call on the list for the first time. Returns it when the connection takes no new calls, or has no room for one now.
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

    /// Limits new calls to this many, including those on the list. Returns whether calls may be waiting that found no room
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

    /// Returns whether a new call would be taken now.
    #[cfg(feature = "client")]
    pub(crate) fn takes_calls(&self) -> bool {
        let state = self.state();
        !state.refusing && !state.closed && state.room != Some(0)
    }

    /// Takes no new calls from now on; those on the connection go on.
    #[cfg(feature = "client")]
    pub(crate) fn refuse(&self) {
        self.state().refusing = true;
    }

    /// Puts a call on the list. Returns it when the connection is gone.
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

    /// Moves the list to `batch`, which is empty, and keeps the waker of the connection's task for what comes next.
    pub(crate) fn collect(&self, context: &Context<'_>, batch: &mut Vec<Arc<Exchange>>) -> Order {
        let mut state = self.state();
        std::mem::swap(&mut state.ready, batch);
        state.new = 0;
        remember(&mut state.waker, context);
        state.order
    }

    /// Closes the link: the connection is gone, and takes nothing any more. Returns the calls that were still on the list.
    pub(crate) fn close(&self) -> Vec<Arc<Exchange>> {
        let mut state = self.state();
        state.closed = true;
        state.waker = None;
        std::mem::take(&mut state.ready)
    }

    /// Returns how much the peer can always send on a stream before we use some of it up, in bytes.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// Returns how many bytes that it has used up, or waits for, a call may keep to itself. The connection may keep the other
    /// half of the window from the peer.
    pub(crate) fn slack(&self) -> usize {
        self.window / 2
    }

    /// Sets whether the connection's calls have so much to send that each must wait.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        // It rarely changes, and writing would slow down the threads that read it.
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
