//! What a connection does by the clock alone: keepalive, its life's end, the end of a peer that takes nothing.

use std::time::{Duration, Instant};

use super::keepalive::{Keepalive, KeepaliveConfig, Verdict};
use super::lifetime::{Lifetime, LifetimeConfig, Stage};

/// The clock's part in a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpkeepConfig {
    pub(crate) keepalive: KeepaliveConfig,
    pub(crate) lifetime: LifetimeConfig,
    /// A peer that takes nothing of what waits for it for so long is given up.
    pub(crate) write_timeout: Duration,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    Ping,
    /// Take no new calls.
    Drain,
    /// Close, for this reason.
    Close(&'static str),
}

/// A connection's view of the clock.
#[derive(Debug)]
pub(crate) struct Upkeep {
    keepalive: Keepalive,
    lifetime: Lifetime,
    write_timeout: Duration,
    /// How much had been written when the peer stopped taking more, and until when it has to take some.
    stalled: Option<(u64, Instant)>,
    has_calls: bool,
}

impl Upkeep {
    pub(crate) fn new(config: UpkeepConfig, now: Instant, jitter: f64) -> Upkeep {
        Upkeep {
            keepalive: Keepalive::new(config.keepalive, now),
            lifetime: Lifetime::new(config.lifetime, now, jitter),
            write_timeout: config.write_timeout,
            stalled: None,
            has_calls: false,
        }
    }

    /// Something was read, or nothing is read for now: a silence that is not the peer's does not count against it.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.keepalive.heard(now);
    }

    /// Takes note of whether calls are open; the clock is read only when that has changed.
    pub(crate) fn note_calls(&mut self, has_calls: bool, clock: impl FnOnce() -> Instant) {
        if has_calls == self.has_calls {
            return;
        }
        self.has_calls = has_calls;
        self.lifetime.note(clock(), has_calls);
    }

    /// Everything has been written.
    pub(crate) fn flushed(&mut self) {
        self.stalled = None;
    }

    /// The peer does not take more now; `written` counts what it has taken. The clock is read only when that has changed.
    pub(crate) fn stalled(&mut self, written: u64, clock: impl FnOnce() -> Instant) {
        if self.stalled.is_none_or(|(before, _)| before != written) {
            let until = clock().checked_add(self.write_timeout);
            self.stalled = until.map(|until| (written, until));
        }
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Instant> {
        let stalled = self.stalled.map(|(_, until)| until);
        [
            self.keepalive.next(self.has_calls),
            self.lifetime.next(),
            stalled,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is due; to be asked until nothing is.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Duty> {
        if self.stalled.is_some_and(|(_, until)| until <= now) {
            return Some(Duty::Close("the peer takes nothing"));
        }
        match self.keepalive.check(now, self.has_calls) {
            Verdict::Fine => {}
            Verdict::Ping => return Some(Duty::Ping),
            Verdict::Dead => return Some(Duty::Close("keepalive: the peer does not answer")),
        }
        match self.lifetime.check(now) {
            Stage::Serve => None,
            Stage::Drain => Some(Duty::Drain),
            Stage::Close => Some(Duty::Close("the connection is over its age")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_peer_that_takes_nothing_is_given_up_and_one_that_takes_a_little_is_not() {
        let start = Instant::now();
        let config = UpkeepConfig {
            keepalive: KeepaliveConfig {
                time: None,
                timeout: SECOND,
                without_calls: false,
            },
            lifetime: LifetimeConfig::default(),
            write_timeout: 20 * SECOND,
        };
        let mut upkeep = Upkeep::new(config, start, 0.0);
        assert_eq!(upkeep.next(), None);
        upkeep.stalled(100, || start);
        upkeep.stalled(100, || unreachable!("nothing has changed"));
        assert_eq!(upkeep.due(start + 19 * SECOND), None);
        upkeep.stalled(101, || start + 19 * SECOND);
        assert_eq!(upkeep.next(), Some(start + 39 * SECOND));
        assert_eq!(upkeep.due(start + 20 * SECOND), None);
        assert!(matches!(
            upkeep.due(start + 39 * SECOND),
            Some(Duty::Close(_))
        ));
        upkeep.flushed();
        assert_eq!(upkeep.next(), None);
    }
}
