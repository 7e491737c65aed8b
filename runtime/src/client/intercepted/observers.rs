//! The observers of the messages and the initial metadata of a call with interceptors.

use crate::call::{HeadObserver, Observer};

/// The observers that an interceptor has added since it last passed the call on.
#[derive(Default)]
pub(crate) struct Observers {
    pub(crate) requests: Vec<Observer>,
    pub(crate) responses: Vec<Observer>,
    pub(crate) heads: Vec<HeadObserver>,
}

/// The observers of all interceptors, each with the level of its interceptor, in the order of the levels.
#[derive(Default)]
pub(super) struct LeveledObservers {
    pub(super) requests: Vec<(usize, Observer)>,
    pub(super) responses: Vec<(usize, Observer)>,
    pub(super) heads: Vec<(usize, HeadObserver)>,
}

impl LeveledObservers {
    /// Adds the observers of the interceptor at `level`, and removes those of inner interceptors, which run again. Observers of
    /// requests are only added for a stream of requests.
    pub(super) fn add(&mut self, level: usize, observers: &mut Observers, is_stream: bool) {
        self.requests.retain(|(other, _)| *other <= level);
        self.responses.retain(|(other, _)| *other <= level);
        self.heads.retain(|(other, _)| *other <= level);
        self.responses.extend(at(level, &mut observers.responses));
        self.heads.extend(at(level, &mut observers.heads));
        if is_stream {
            self.requests.extend(at(level, &mut observers.requests));
        }
    }
}

/// Removes all observers from a list, and returns them with the level of their interceptor.
fn at<T>(level: usize, observers: &mut Vec<T>) -> impl Iterator<Item = (usize, T)> {
    observers.drain(..).map(move |observer| (level, observer))
}
