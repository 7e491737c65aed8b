//! The time limits of a server's connections (gRFC A9). There is no I/O and no clock: the caller passes the time.

use std::time::{Duration, Instant};

use crate::base::earliest;

/// The time limits of a connection. `None` means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LifetimeConfig {
    /// The time without open calls after which a connection is drained.
    pub(crate) max_idle: Option<Duration>,
    /// The age at which a connection is drained, with a jitter of a tenth.
    pub(crate) max_age: Option<Duration>,
    /// The time that open calls have to end after that.
    pub(crate) max_age_grace: Option<Duration>,
}

/// The stage of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Serve,
    /// Drain the connection: accept no new calls.
    Drain,
    /// Close the connection, whatever is open.
    Close,
}

/// The timer of one connection's life.
#[derive(Debug)]
pub(crate) struct Lifetime {
    max_idle: Option<Duration>,
    /// The time since which no call has been open.
    idle_since: Option<Instant>,
    drain_at: Option<Instant>,
    grace: Option<Duration>,
    stage: Stage,
}

impl Lifetime {
    /// Starts the timer. `jitter`, from -1 to 1, varies the maximum age, so that connections that began together do not end
    /// together.
    pub(crate) fn new(config: LifetimeConfig, now: Instant, jitter: f64) -> Lifetime {
        let age = config.max_age.map(|age| {
            let seconds = age.as_secs_f64() * (1.0 + 0.1 * jitter);
            Duration::try_from_secs_f64(seconds).unwrap_or(age)
        });
        Lifetime {
            max_idle: config.max_idle,
            idle_since: Some(now),
            drain_at: age.and_then(|age| now.checked_add(age)),
            grace: config.max_age_grace,
            stage: Stage::Serve,
        }
    }

    /// Notes whether calls are open.
    pub(crate) fn note(&mut self, now: Instant, has_calls: bool) {
        if has_calls {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(now);
        }
    }

    /// Returns the time of the next check.
    pub(crate) fn next(&self) -> Option<Instant> {
        match self.stage {
            Stage::Serve => earliest([self.drain_at, self.idle_until()]),
            Stage::Drain => self.drain_at,
            Stage::Close => None,
        }
    }

    /// Returns the stage that begins at `now`, or [`Serve`](Stage::Serve) if none does.
    pub(crate) fn check(&mut self, now: Instant) -> Stage {
        if self.next().is_none_or(|next| now < next) {
            return Stage::Serve;
        }
        match self.stage {
            Stage::Serve => {
                self.stage = Stage::Drain;
                // The grace only matters for open calls, and an idle connection has none.
                self.drain_at = self.grace.and_then(|grace| now.checked_add(grace));
            }
            Stage::Drain | Stage::Close => self.stage = Stage::Close,
        }
        self.stage
    }

    fn idle_until(&self) -> Option<Instant> {
        self.idle_since?.checked_add(self.max_idle?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_old_connection_is_drained_and_then_closed() {
        let start = Instant::now();
        let config = LifetimeConfig {
            max_age: Some(100 * SECOND),
            max_age_grace: Some(5 * SECOND),
            max_idle: None,
        };
        let mut life = Lifetime::new(config, start, 0.0);
        assert_eq!(life.check(start + 99 * SECOND), Stage::Serve);
        assert_eq!(life.check(start + 100 * SECOND), Stage::Drain);
        assert_eq!(life.check(start + 104 * SECOND), Stage::Serve);
        assert_eq!(life.check(start + 105 * SECOND), Stage::Close);
        assert_eq!(life.next(), None);
    }

    #[test]
    fn ages_are_spread_by_a_tenth() {
        let start = Instant::now();
        let config = LifetimeConfig {
            max_age: Some(100 * SECOND),
            ..LifetimeConfig::default()
        };
        assert_eq!(
            Lifetime::new(config, start, 1.0).next(),
            Some(start + 110 * SECOND)
        );
        assert_eq!(
            Lifetime::new(config, start, -1.0).next(),
            Some(start + 90 * SECOND)
        );
    }

    #[test]
    fn only_a_connection_without_calls_is_idle() {
        let start = Instant::now();
        let config = LifetimeConfig {
            max_idle: Some(10 * SECOND),
            ..LifetimeConfig::default()
        };
        let mut life = Lifetime::new(config, start, 0.0);
        life.note(start + SECOND, true);
        assert_eq!(life.next(), None);
        life.note(start + 2 * SECOND, false);
        life.note(start + 3 * SECOND, false);
        assert_eq!(life.next(), Some(start + 12 * SECOND));
        assert_eq!(life.check(start + 12 * SECOND), Stage::Drain);
        assert_eq!(life.next(), None);
    }

    #[test]
    fn without_limits_a_connection_lives_for_ever() {
        let start = Instant::now();
        let mut life = Lifetime::new(LifetimeConfig::default(), start, 0.0);
        assert_eq!(life.check(start + 1_000_000 * SECOND), Stage::Serve);
    }
}
