//! Throttling of retries and hedging, so that failures don't multiply calls (gRFC A6).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::retry_config::ThrottlingConfig;

/// A token bucket that failures empty. It prevents retries from adding to the load of a server that is failing.
#[derive(Debug)]
pub(crate) struct Throttle {
    config: ThrottlingConfig,
    tokens: Mutex<f64>,
}

impl Throttle {
    pub(crate) fn new(config: ThrottlingConfig) -> Throttle {
        Throttle {
            config,
            tokens: Mutex::new(config.max_tokens),
        }
    }

    /// Counts a success.
    pub(crate) fn succeeded(&self) {
        let mut tokens = self.tokens();
        *tokens = (*tokens + self.config.token_ratio).min(self.config.max_tokens);
    }

    /// Counts a failure. Returns whether calls may be retried.
    pub(crate) fn failed(&self) -> bool {
        {
            let mut tokens = self.tokens();
            *tokens = (*tokens - 1.0).max(0.0);
        }
        self.is_open()
    }

    /// Returns whether calls may be retried.
    pub(crate) fn is_open(&self) -> bool {
        *self.tokens() > self.config.max_tokens / 2.0
    }

    fn tokens(&self) -> MutexGuard<'_, f64> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_is_half_empty_stops_retries_until_enough_has_gone_well() {
        let throttle = Throttle::new(ThrottlingConfig {
            max_tokens: 4.0,
            token_ratio: 0.5,
        });
        assert!(throttle.failed());
        assert!(!throttle.failed());
        for _ in 0..10 {
            assert!(!throttle.failed());
        }
        for _ in 0..6 {
            throttle.succeeded();
        }
        assert!(!throttle.failed());
        for _ in 0..4 {
            throttle.succeeded();
        }
        assert!(throttle.failed());
    }
}
