//! The deadlines of a connection's calls, and a timer for the earliest of them.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// The deadlines of many calls, earliest first. `K` is the key of a call.
#[derive(Debug)]
pub(crate) struct Deadlines<K>(BTreeSet<(Instant, K)>);

impl<K: Ord + Copy> Deadlines<K> {
    pub(crate) fn new() -> Deadlines<K> {
        Deadlines(BTreeSet::new())
    }

    pub(crate) fn insert(&mut self, deadline: Instant, key: K) {
        self.0.insert((deadline, key));
    }

    pub(crate) fn remove(&mut self, deadline: Instant, key: K) {
        self.0.remove(&(deadline, key));
    }

    /// Returns the earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|&(deadline, _)| deadline)
    }

    /// Removes and returns a call whose deadline has passed.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<K> {
        let &(deadline, key) = self.0.first()?;
        (deadline <= now).then(|| {
            self.0.pop_first();
            key
        })
    }
}

/// A tokio timer that is only reset if it must fire earlier.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Waits until the time `when`.
    pub(crate) fn poll(&mut self, when: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let Some(when) = when else {
            return Poll::Pending;
        };
        let when = tokio::time::Instant::from_std(when);
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(when)));
        // A timer that fires too early is harmless, because it is then reset.
        if when < sleep.deadline() {
            sleep.as_mut().reset(when);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if when <= sleep.deadline() {
                self.0 = None;
                return Poll::Ready(());
            }
            sleep.as_mut().reset(when);
        }
        Poll::Pending
    }
}
