//! The timers of a connection: keepalive, its maximum age, and a peer that accepts no data.

use std::time::{Duration, Instant};

use super::keepalive::{Keepalive, KeepaliveConfig, Verdict};
use super::lifetime::{Lifetime, LifetimeConfig, Stage};
use crate::base::{TcpKeepalive, earliest};

/// The settings of a connection's timers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpkeepConfig {
    pub(crate) keepalive: KeepaliveConfig,
    /// The system's own probes of a silent peer, over TCP.
    pub(crate) tcp_keepalive: Option<TcpKeepalive>,
    pub(crate) lifetime: LifetimeConfig,
    /// The time after which a connection is closed if data waits to be sent and the peer accepts none.
    pub(crate) write_timeout: Duration,
}

/// An action that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    Ping,
    /// Accept no new calls.
    Drain,
    /// Close the connection for this reason.
    Close(&'static str),
}

/// The timers of one connection.
#[derive(Debug)]
pub(crate) struct Upkeep {
    keepalive: Keepalive,
    lifetime: Lifetime,
    write_timeout: Duration,
    /// The number of bytes that the peer had accepted when it stalled, and the time by which it must accept more.
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

    /// Restarts keepalive, because data was read or because reading is suspended. The peer is not blamed for silence while
    /// nothing is read.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.keepalive.heard(now);
    }

    /// Notes whether calls are open. The clock is read only if that has changed.
    pub(crate) fn note_calls(&mut self, has_calls: bool, clock: impl FnOnce() -> Instant) {
        if has_calls == self.has_calls {
            return;
        }
        self.has_calls = has_calls;
        self.lifetime.note(clock(), has_calls);
    }

    /// Notes that everything has been written.
    pub(crate) fn flushed(&mut self) {
        self.stalled = None;
    }

    /// Notes that the peer accepts no more data for now. `written` is the number of bytes that it has accepted. The clock is read
    /// only if that number has changed.
    pub(crate) fn stalled(&mut self, written: u64, clock: impl FnOnce() -> Instant) {
        if self.stalled.is_none_or(|(before, _)| before != written) {
            let until = clock().checked_add(self.write_timeout);
            self.stalled = until.map(|until| (written, until));
        }
    }

    /// Returns the time of the next check.
    pub(crate) fn next(&self) -> Option<Instant> {
        let stalled = self.stalled.map(|(_, until)| until);
        earliest([
            self.keepalive.next(self.has_calls),
            self.lifetime.next(),
            stalled,
        ])
    }

    /// Returns an action that is due. Call this until it returns `None`.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Duty> {
        if self.stalled.is_some_and(|(_, until)| until <= now) {
            return Some(Duty::Close("the peer accepts no data"));
        }
        match self.keepalive.check(now, self.has_calls) {
            Verdict::Fine => {}
            Verdict::Ping => return Some(Duty::Ping),
            Verdict::Dead => return Some(Duty::Close("keepalive: the peer does not answer")),
        }
        match self.lifetime.check(now) {
            Stage::Serve => None,
            Stage::Drain => Some(Duty::Drain),
            Stage::Close => Some(Duty::Close("the connection exceeded its maximum age")),
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
            tcp_keepalive: None,
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
