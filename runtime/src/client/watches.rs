//! Who watches what goes by in a call with interceptors.

use super::interceptor::HeadObserver;
use crate::call::Observer;

/// What an interceptor watches from the time that it lets its call go on.
#[derive(Default)]
pub(super) struct Watches {
    pub(super) requests: Vec<Observer>,
    pub(super) responses: Vec<Observer>,
    pub(super) heads: Vec<HeadObserver>,
}

/// Who looks at what goes by, with the level at which it does; in the order of the levels.
#[derive(Default)]
pub(super) struct Observers {
    pub(super) requests: Vec<(usize, Observer)>,
    pub(super) responses: Vec<(usize, Observer)>,
    pub(super) heads: Vec<(usize, HeadObserver)>,
}

impl Observers {
    /// The interceptor at `level` watches this much more, as a stream of requests if there is one; nobody behind it looks any
    /// more.
    pub(super) fn add(&mut self, level: usize, watches: &mut Watches, is_stream: bool) {
        self.requests.retain(|(other, _)| *other <= level);
        self.responses.retain(|(other, _)| *other <= level);
        self.heads.retain(|(other, _)| *other <= level);
        self.responses.extend(at(level, &mut watches.responses));
        self.heads.extend(at(level, &mut watches.heads));
        if is_stream {
            self.requests.extend(at(level, &mut watches.requests));
        }
    }
}

/// Observers with their level.
fn at<T>(level: usize, observers: &mut Vec<T>) -> impl Iterator<Item = (usize, T)> {
    observers.drain(..).map(move |observer| (level, observer))
}
