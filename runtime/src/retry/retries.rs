//! Calls that are made again when they fail (gRFC A6, "Retry Policy"), and what keeps servers from being asked ever more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::base::jitter::jitter;
use crate::base::{Outcome, clock};
use crate::call::Exchange;
use crate::channel::core::Remote;
use crate::channel::resolve::service_config::{RetryPolicy, ServiceConfig, ThrottlingConfig};

/// What a server says of when to try again, in its trailers.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Decides which calls are made again.
#[derive(Debug)]
pub(crate) struct Retries {
    config: ServiceConfig,
    throttle: Option<Throttle>,
}

impl Retries {
    pub(crate) fn new(config: ServiceConfig) -> Retries {
        Retries {
            throttle: config.throttling().map(Throttle::new),
            config,
        }
    }

    /// How long to wait before a call is made again that has ended so; nothing when that is its end. `is_replayable` says that
    /// its request is there, and no response has begun.
    pub(crate) fn after(
        &self,
        exchange: &Exchange,
        outcome: &Outcome,
        is_replayable: bool,
    ) -> Option<Duration> {
        let Err(status) = &outcome.result else {
            if let Some(throttle) = &self.throttle {
                throttle.succeeded();
            }
            return None;
        };
        let policy = self
            .config
            .method(exchange.details().method())?
            .retry
            .as_ref()?;
        let pushback = Pushback::of(outcome);
        let is_retryable = policy.codes.contains(&status.code());
        if !is_retryable && pushback != Pushback::Never {
            return None;
        }
        let may_retry = self.throttle.as_ref().is_none_or(Throttle::failed);
        let before = exchange.previous_attempts();
        if !may_retry || !is_retryable || !is_replayable || before + 1 >= policy.max_attempts {
            return None;
        }
        let wait = match pushback {
            Pushback::Never => return None,
            Pushback::After(wait) => wait,
            Pushback::Unsaid => policy.backoff(before, jitter()),
        };
        // A call whose time would be over by then ends with what it failed with.
        let deadline = exchange.details().deadline;
        let then = clock::now().checked_add(wait)?;
        deadline
            .is_none_or(|deadline| then < deadline)
            .then_some(wait)
    }

    /// Counts a failure for the throttle.
    pub(crate) fn count_failure(&self) {
        if let Some(throttle) = &self.throttle {
            throttle.failed();
        }
    }

    /// Whether the throttle lets calls be made once more.
    pub(crate) fn is_open(&self) -> bool {
        self.throttle.as_ref().is_none_or(Throttle::is_open)
    }
}

impl RetryPolicy {
    /// The wait after a call that failed with so many before it.
    fn backoff(&self, before: u32, jitter: f64) -> Duration {
        let exponent = i32::try_from(before).unwrap_or(i32::MAX);
        let wait = self.initial_backoff.as_secs_f64() * self.multiplier.powi(exponent);
        let wait = wait.min(self.max_backoff.as_secs_f64()) * (1.0 + 0.2 * jitter);
        Duration::try_from_secs_f64(wait).unwrap_or(self.max_backoff)
    }
}

/// Lets a call go out again after a wait.
pub(crate) fn retry(
    remote: &Arc<Remote>,
    exchange: Arc<Exchange>,
    outcome: Outcome,
    wait: Duration,
) {
    let again = Again {
        remote: Arc::downgrade(remote),
        exchange: Some(exchange),
        outcome,
    };
    // Without a runtime, or with one that ends, the call ends as it had.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            sleep(wait).await;
            again.start();
        });
    }
}

/// A call that is to be made again, or else ends as it has.
struct Again {
    remote: Weak<Remote>,
    exchange: Option<Arc<Exchange>>,
    outcome: Outcome,
}

impl Again {
    fn start(mut self) {
        if let Some(remote) = self.remote.upgrade() {
            if let Some(exchange) = self.exchange.take() {
                exchange.add_attempt();
                remote.start(exchange);
            }
        }
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        if let Some(exchange) = &self.exchange {
            exchange.conclude(self.outcome.clone());
        }
    }
}

/// What a server says of when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushback {
    Unsaid,
    After(Duration),
    Never,
}

impl Pushback {
    pub(crate) fn of(outcome: &Outcome) -> Pushback {
        let mut pairs = outcome.trailing.iter();
        let Some((_, value)) = pairs.find(|(key, _)| *key == PUSHBACK) else {
            return Pushback::Unsaid;
        };
        // What is negative, or no number, says no.
        match value.as_str().and_then(|text| text.parse::<u32>().ok()) {
            Some(milliseconds) => Pushback::After(Duration::from_millis(milliseconds.into())),
            None => Pushback::Never,
        }
    }
}

/// A token bucket that failures empty: a server that is down is not to be asked ever more.
#[derive(Debug)]
struct Throttle {
    config: ThrottlingConfig,
    tokens: Mutex<f64>,
}

impl Throttle {
    fn new(config: ThrottlingConfig) -> Throttle {
        Throttle {
            config,
            tokens: Mutex::new(config.max_tokens),
        }
    }

    fn succeeded(&self) {
        let mut tokens = self.tokens();
        *tokens = (*tokens + self.config.token_ratio).min(self.config.max_tokens);
    }

    /// Counts a failure; says whether calls may be made again.
    fn failed(&self) -> bool {
        {
            let mut tokens = self.tokens();
            *tokens = (*tokens - 1.0).max(0.0);
        }
        self.is_open()
    }

    fn is_open(&self) -> bool {
        *self.tokens() > self.config.max_tokens / 2.0
    }

    fn tokens(&self) -> MutexGuard<'_, f64> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let policy = RetryPolicy {
            max_attempts: 5,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_millis(500),
            multiplier: 2.0,
            codes: vec![Code::Unavailable],
        };
        let waits: Vec<_> = (0..4)
            .map(|before| policy.backoff(before, 0.0).as_millis())
            .collect();
        assert_eq!(waits, [100, 200, 400, 500]);
        assert_eq!(policy.backoff(9, 1.0), Duration::from_millis(600));
        assert_eq!(policy.backoff(u32::MAX, -1.0), Duration::from_millis(400));
    }

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
