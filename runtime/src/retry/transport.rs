//! A transport around another one: it applies the service config to calls, and makes those again that fail (gRFC A6, "Retry
//! Policy").

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::hedging::{Hedging, hedge};
use super::pushback::Pushback;
use super::throttle::Throttle;
use crate::base::header::Header;
use crate::base::jitter::jitter;
use crate::base::{Chunks, Outcome, clock};
use crate::call::attempts::RetryPolicy;
use crate::call::retry_buffer::Budget;
use crate::call::{CallDetails, Exchange};
use crate::channel::connectivity::{ChannelConnectivity, ConnectivityChanges};
use crate::channel::resolve::service_config::{RetryConfig, ServiceConfig};
use crate::channel::transport::Transport;

/// Calls as a service config wants them: with its time-outs and limits, made again when they fail, or made several times side by side.
#[derive(Debug)]
pub(crate) struct Retrying {
    inner: Arc<dyn Transport>,
    retries: Arc<Retries>,
    /// What hedged calls need, beside their policy.
    hedging: Hedging,
}

impl Retrying {
    /// Puts a service config around a transport. The streams of its calls have windows of `window` bytes or more.
    pub(crate) fn new(
        inner: Arc<dyn Transport>,
        config: ServiceConfig,
        budget: Arc<Budget>,
        window: u32,
    ) -> Retrying {
        let throttle = config
            .throttling()
            .map(|config| Arc::new(Throttle::new(config)));
        Retrying {
            hedging: Hedging {
                transport: Arc::clone(&inner),
                throttle: throttle.clone(),
                budget,
                window,
            },
            retries: Arc::new(Retries {
                transport: Arc::downgrade(&inner),
                throttle,
                config,
            }),
            inner,
        }
    }
}

impl Transport for Retrying {
    fn prepare(&self, call: &mut CallDetails) {
        if let Some(method) = self.retries.config.method(call.method()) {
            let until = method
                .timeout
                .and_then(|timeout| clock::now().checked_add(timeout));
            call.deadline = call.deadline.into_iter().chain(until).min();
            call.wait_for_ready = call.wait_for_ready.or(method.wait_for_ready);
            call.limits.response = call.limits.response.min(method.max_response_message_length);
            call.max_send_message_length = call
                .max_send_message_length
                .min(method.max_request_message_length);
        }
        let policy: Arc<dyn RetryPolicy> = Arc::clone(&self.retries) as _;
        call.retry_policy = Some(policy);
        self.inner.prepare(call);
    }

    fn start(&self, exchange: Arc<Exchange>) {
        let method = self.retries.config.method(exchange.details().method());
        match method.and_then(|method| method.hedging.as_ref()) {
            Some(policy) => hedge(&self.hedging, exchange, Arc::clone(policy)),
            None => self.inner.start(exchange),
        }
    }

    fn authority(&self) -> Option<Header> {
        self.inner.authority()
    }

    fn asks_credentials(&self) -> bool {
        self.inner.asks_credentials()
    }

    fn state(&self, try_to_connect: bool) -> ChannelConnectivity {
        self.inner.state(try_to_connect)
    }

    fn subscribe(&self) -> ConnectivityChanges {
        self.inner.subscribe()
    }

    fn reset_connect_backoff(&self) {
        self.inner.reset_connect_backoff();
    }

    fn close(&self) {
        self.inner.close();
    }
}

/// Decides which calls are made again. It doesn't keep the transport alive: calls that wait in the transport hold it.
#[derive(Debug)]
struct Retries {
    transport: Weak<dyn Transport>,
    config: ServiceConfig,
    throttle: Option<Arc<Throttle>>,
}

impl RetryPolicy for Retries {
    fn attempt_ended(&self, exchange: Arc<Exchange>, outcome: Outcome, sent: Option<Chunks>) {
        let wait = self.wait(&exchange, &outcome, sent.is_some());
        match (wait, sent) {
            (Some(wait), Some(sent)) => {
                exchange.detach(sent);
                self.retry(exchange, outcome, wait);
            }
            _ => exchange.conclude(outcome),
        }
    }
}

impl Retries {
    /// Returns how long to wait before a call that has ended so is made again; `None` if that is its end. `is_replayable` says that its
    /// request is there, and no response has begun.
    fn wait(
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
        let may_retry = self
            .throttle
            .as_ref()
            .is_none_or(|throttle| throttle.failed());
        let before = exchange.previous_attempts();
        if !may_retry || !is_retryable || !is_replayable || before + 1 >= policy.max_attempts {
            return None;
        }
        let wait = match pushback {
            Pushback::Never => return None,
            Pushback::After(wait) => wait,
            Pushback::Unsaid => backoff(policy, before, jitter()),
        };
        // A call whose time would be over by then ends with what it failed with.
        let deadline = exchange.details().deadline;
        let then = clock::now().checked_add(wait)?;
        deadline
            .is_none_or(|deadline| then < deadline)
            .then_some(wait)
    }

    /// Makes a call again after a wait.
    fn retry(&self, exchange: Arc<Exchange>, outcome: Outcome, wait: Duration) {
        let again = Again {
            transport: Weak::clone(&self.transport),
            exchange: Some(exchange),
            outcome,
        };
        // Without a runtime, or with one that ends, the call ends as its attempt did.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                sleep(wait).await;
                again.start();
            });
        }
    }
}

/// Returns the wait after an attempt that failed with so many before it.
fn backoff(policy: &RetryConfig, before: u32, jitter: f64) -> Duration {
    let exponent = i32::try_from(before).unwrap_or(i32::MAX);
    let wait = policy.initial_backoff.as_secs_f64() * policy.multiplier.powi(exponent);
    let wait = wait.min(policy.max_backoff.as_secs_f64()) * (1.0 + 0.2 * jitter);
    Duration::try_from_secs_f64(wait).unwrap_or(policy.max_backoff)
}

/// A call that is made again, or else ends as its attempt did.
struct Again {
    transport: Weak<dyn Transport>,
    exchange: Option<Arc<Exchange>>,
    outcome: Outcome,
}

impl Again {
    fn start(mut self) {
        if let Some(transport) = self.transport.upgrade() {
            if let Some(exchange) = self.exchange.take() {
                exchange.add_attempt();
                transport.start(exchange);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let policy = RetryConfig {
            max_attempts: 5,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_millis(500),
            multiplier: 2.0,
            codes: vec![Code::Unavailable],
        };
        let waits: Vec<_> = (0..4)
            .map(|before| backoff(&policy, before, 0.0).as_millis())
            .collect();
        assert_eq!(waits, [100, 200, 400, 500]);
        assert_eq!(backoff(&policy, 9, 1.0), Duration::from_millis(600));
        assert_eq!(backoff(&policy, u32::MAX, -1.0), Duration::from_millis(400));
    }
}
