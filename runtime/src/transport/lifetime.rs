//! How long a server keeps a connection (gRFC A9). Pure: time comes in.

use std::time::{Duration, Instant};

/// How long a server keeps a connection; `None` is for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LifetimeConfig {
    /// Without a call for so long, it is drained.
    pub(crate) max_idle: Option<Duration>,
    /// Of this age, give or take a tenth, it is drained.
    pub(crate) max_age: Option<Duration>,
    /// Calls that are open then have so long to end.
    pub(crate) max_age_grace: Option<Duration>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Serve,
    /// Take no new calls.
    Drain,
    /// Close, whatever is open.
    Close,
}

/// The life of one connection.
#[derive(Debug)]
pub(crate) struct Lifetime {
    max_idle: Option<Duration>,
    /// Since when no call has been open.
    idle_since: Option<Instant>,
    drain_at: Option<Instant>,
    grace: Option<Duration>,
    stage: Stage,
}

impl Lifetime {
    /// `jitter`, from -1 to 1, spreads the ages: connections that came together do not go together.
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

    /// Takes note of whether calls are open.
    pub(crate) fn note(&mut self, now: Instant, has_calls: bool) {
        if has_calls {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(now);
        }
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Instant> {
        match self.stage {
            Stage::Serve => [self.drain_at, self.idle_until()]
                .into_iter()
                .flatten()
                .min(),
            Stage::Drain => self.drain_at,
            Stage::Close => None,
        }
    }

    /// Looks at the clock; says what is new.
    pub(crate) fn check(&mut self, now: Instant) -> Stage {
        if self.next().is_none_or(|next| now < next) {
            return Stage::Serve;
        }
        match self.stage {
            Stage::Serve => {
                self.stage = Stage::Drain;
                // An idle connection has nothing that the grace could cut off.
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
