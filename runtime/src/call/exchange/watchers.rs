//! The wakers of tasks that wait for a call to be over.

use std::task::Waker;

/// The tasks that wait for the end of a call.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// The wakers, in the order of their keys.
    pub(super) wakers: Vec<(u64, Waker)>,
    last: u64,
}

impl Watchers {
    /// Removes and returns all wakers.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waker> {
        self.wakers.drain(..).map(|(_, waker)| waker)
    }

    /// Stores a waker, in place of the one with this key.
    pub(super) fn set(&mut self, key: &mut Option<u64>, waker: &Waker) {
        match key.and_then(|key| self.find(key)) {
            Some(kept) if kept.will_wake(waker) => {}
            Some(kept) => kept.clone_from(waker),
            None => {
                self.last += 1;
                *key = Some(self.last);
                self.wakers.push((self.last, waker.clone()));
            }
        }
    }

    fn find(&mut self, key: u64) -> Option<&mut Waker> {
        let place = self.wakers.binary_search_by_key(&key, |(key, _)| *key);
        let (_, waker) = self.wakers.get_mut(place.ok()?)?;
        Some(waker)
    }

    /// Removes and returns the waker with this key.
    pub(super) fn remove(&mut self, key: u64) -> Option<Waker> {
        let place = self.wakers.binary_search_by_key(&key, |(key, _)| *key);
        Some(self.wakers.remove(place.ok()?).1)
    }
}
