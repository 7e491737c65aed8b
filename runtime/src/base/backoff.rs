//! Exponential back-off, of attempts to connect ("gRPC Connection Backoff Protocol") and of retries (gRFC A6).

use std::time::Duration;

/// gRPC's JITTER.
const JITTER: f64 = 0.2;

/// The initial and the maximum back-off, and its growth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackoffConfig {
    /// gRPC's INITIAL_BACKOFF.
    pub(crate) initial: Duration,
    /// gRPC's MAX_BACKOFF.
    pub(crate) max: Duration,
    /// gRPC's MULTIPLIER: the factor for each further failure.
    pub(crate) multiplier: f64,
}

/// The back-off of connections.
impl Default for BackoffConfig {
    fn default() -> BackoffConfig {
        BackoffConfig {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(120),
            multiplier: 1.6,
        }
    }
}

impl BackoffConfig {
    /// Returns the wait after this many earlier failures. `jitter` is from -1 to 1.
    pub(crate) fn wait(&self, failures: u32, jitter: f64) -> Duration {
        let exponent = i32::try_from(failures).unwrap_or(i32::MAX);
        let wait = self.initial.as_secs_f64() * self.multiplier.powi(exponent);
        let wait = wait.min(self.max.as_secs_f64()) * (1.0 + JITTER * jitter);
        Duration::try_from_secs_f64(wait).unwrap_or(self.max)
    }
}

/// The number of attempts that have failed since the last success.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failed attempt. Returns the time from its beginning to the next attempt. `jitter` is from -1 to 1.
    pub(crate) fn next(&mut self, config: BackoffConfig, jitter: f64) -> Duration {
        let wait = self.wait(config, jitter);
        self.failed();
        wait
    }

    /// Returns the time from the beginning of an attempt to the next one, if it fails. `jitter` is from -1 to 1.
    pub(crate) fn wait(&self, config: BackoffConfig, jitter: f64) -> Duration {
        config.wait(self.failures, jitter)
    }

    /// Counts a failed attempt.
    pub(crate) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Forgets past failures.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_begin_anew() {
        let config = BackoffConfig::default();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(config, 0.0), Duration::from_secs(1));
        assert_eq!(backoff.next(config, 0.0), Duration::from_millis(1600));
        assert_eq!(backoff.next(config, -1.0), Duration::from_millis(2048));
        for _ in 0..100 {
            backoff.next(config, 0.0);
        }
        assert_eq!(backoff.next(config, 0.0), config.max);
        assert_eq!(backoff.next(config, 1.0), Duration::from_secs(144));
        backoff.failures = u32::MAX;
        assert_eq!(backoff.next(config, 0.0), config.max);
        backoff.reset();
        assert_eq!(backoff.next(config, -1.0), Duration::from_millis(800));
    }

    #[test]
    fn waits_of_retries_grow_by_their_own_factor() {
        let config = BackoffConfig {
            initial: Duration::from_millis(100),
            max: Duration::from_millis(500),
            multiplier: 2.0,
        };
        let waits = [0, 1, 2, 3].map(|failures| config.wait(failures, 0.0).as_millis());
        assert_eq!(waits, [100, 200, 400, 500]);
        assert_eq!(config.wait(9, 1.0), Duration::from_millis(600));
        assert_eq!(config.wait(u32::MAX, -1.0), Duration::from_millis(400));
    }
}
