//! The wakers of a change to the state of a call, to be woken once the lock is released.

use std::task::Waker;

use super::extras::Done;
use crate::call::Link;
use crate::call::pipe::{Pipe, ReadState};

/// The wakers of a change.
#[derive(Default)]
pub(super) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// Set if the connection must handle the call.
    pub(super) connection: bool,
    /// Callbacks for the end of the call.
    pub(super) done: Option<Box<Done>>,
}

impl Wakes {
    pub(super) fn add(&mut self, waker: Option<Waker>) {
        if self.first.is_none() {
            self.first = waker;
        } else {
            self.more.extend(waker);
        }
    }

    pub(super) fn extend(&mut self, wakers: impl IntoIterator<Item = Option<Waker>>) {
        for waker in wakers {
            self.add(waker);
        }
    }

    /// Counts bytes of a pipe as consumed, and tells the connection once there are enough of them.
    pub(super) fn release(&mut self, pipe: &mut Pipe, bytes: usize, link: Option<&Link>) {
        if bytes > 0 {
            self.add(pipe.release(bytes));
            self.connection |= link.is_some_and(|link| pipe.released() > link.slack());
        }
    }

    /// Tells the connection that a reader waits, if the window may be too small for what the reader needs.
    pub(super) fn want(&mut self, pipe: &mut Pipe, reader: ReadState, link: Option<&Link>) {
        self.connection |= link.is_some_and(|link| pipe.want(reader, link.slack()));
    }

    /// Wakes all of them. Most changes have no wakers.
    #[inline]
    pub(super) fn wake(self) {
        let Some(first) = self.first else {
            return;
        };
        first.wake();
        for waker in self.more {
            waker.wake();
        }
    }
}
