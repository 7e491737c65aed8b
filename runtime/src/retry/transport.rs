//! A transport that wraps another one. It applies the service config to calls, and retries failed ones (gRFC A6, "Retry Policy").

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::deferred::defer;
use super::hedging::{Hedging, hedge};
use super::pushback::Pushback;
use super::throttle::Throttle;
use crate::Result;
use crate::base::header::Header;
use crate::base::jitter::jitter;
use crate::base::{Chunks, Outcome, clock};
use crate::call::connectivity::{ChannelConnectivity, ConnectivityChanges};
use crate::call::retry_buffer::Budget;
use crate::call::transport::Transport;
use crate::call::{CallDetails, Exchange, RetryPolicy};
use crate::channel::balance::picker::CallInfo;
use crate::channel::config::{ChannelConfig, ConfigSource};
use crate::channel::resolve::resolver::CallConfig;

/// A transport that applies a service config to calls: timeouts, limits, retries and hedging.
#[derive(Debug)]
pub(crate) struct Retrying {
    /// The transport itself, for calls that are started later.
    this: Weak<Retrying>,
    inner: Arc<dyn Transport>,
    configs: Arc<dyn ConfigSource>,
    retries: Arc<Retries>,
    /// The limits of retry buffers.
    budget: Arc<Budget>,
    /// The smallest window of a stream.
    window: u32,
}

impl Retrying {
    /// Applies a config to the calls of a transport. The streams of the calls have windows of `window` bytes or more.
    pub(crate) fn new(
        inner: Arc<dyn Transport>,
        configs: Arc<dyn ConfigSource>,
        budget: Arc<Budget>,
        window: u32,
    ) -> Arc<Retrying> {
        Arc::new_cyclic(|this| Retrying {
            this: Weak::clone(this),
            retries: Arc::new(Retries {
                transport: Arc::downgrade(&inner),
                throttling: Mutex::default(),
            }),
            inner,
            configs,
            budget,
            window,
        })
    }
}

impl Transport for Retrying {
    fn prepare(&self, call: &mut CallDetails) -> Result<()> {
        let config = self.configs.config();
        call.awaits_config = config.is_none();
        let Some(config) = config else {
            return self.inner.prepare(call);
        };
        self.retries.throttle_by(&config);
        let selected = match &config.selector {
            Some(selector) => selector.select(&CallInfo::new(call))?,
            None => CallConfig::default(),
        };
        call.attributes = selected.attributes;
        let own = selected.service_config.as_ref();
        let config = own.or(config.service_config.as_ref());
        if let Some(method) = config.and_then(|config| config.method(call.method())) {
            let until = method
                .timeout
                .and_then(|timeout| clock::now().checked_add(timeout));
            call.deadline = call.deadline.into_iter().chain(until).min();
            call.wait_for_ready = call.wait_for_ready.or(method.wait_for_ready);
            let limits = &mut call.limits;
            limits.response = limits.response.min(method.max_response_message_length);
            let sent = call.max_send_message_length;
            call.max_send_message_length = sent.min(method.max_request_message_length);
            call.method_config = Some(Arc::clone(method));
        }
        self.inner.prepare(call)
    }

    fn start(&self, exchange: Arc<Exchange>) {
        if exchange.details().awaits_config {
            if let Some(this) = self.this.upgrade() {
                let known = Arc::clone(&self.configs).known();
                defer(this, known, self.window, exchange);
            }
            return;
        }
        let method = exchange.details().method_config.as_ref();
        let Some(config) = method.and_then(|method| method.hedging.clone()) else {
            exchange.set_retry_policy(Arc::clone(&self.retries) as _);
            return self.inner.start(exchange);
        };
        let hedging = Hedging {
            config,
            transport: Arc::clone(&self.inner),
            retry_policy: Arc::clone(&self.retries) as _,
            throttle: self.retries.throttle(),
            budget: Arc::clone(&self.budget),
        };
        hedge(hedging, self.window, exchange);
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

/// Decides which calls are retried. It must not keep the transport alive, because calls that wait in the transport hold it.
#[derive(Debug)]
struct Retries {
    transport: Weak<dyn Transport>,
    throttling: Mutex<Throttling>,
}

/// The throttle of a channel, with the config for which it was created.
#[derive(Debug, Default)]
struct Throttling {
    config: Option<Arc<ChannelConfig>>,
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
    /// Applies the throttling of this config.
    fn throttle_by(&self, config: &Arc<ChannelConfig>) {
        let mut throttling = self.throttling();
        let is_same = |known: &Arc<ChannelConfig>| Arc::ptr_eq(known, config);
        if !throttling.config.as_ref().is_some_and(is_same) {
            let service_config = config.service_config.as_ref();
            let throttle = service_config.and_then(|config| config.throttling());
            *throttling = Throttling {
                config: Some(Arc::clone(config)),
                throttle: throttle.map(|config| Arc::new(Throttle::new(config))),
            };
        }
    }

    fn throttle(&self) -> Option<Arc<Throttle>> {
        self.throttling().throttle.clone()
    }

    fn throttling(&self) -> MutexGuard<'_, Throttling> {
        self.throttling
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the wait before a call with this outcome is retried, or `None` if the call has ended. `is_replayable` says whether
    /// its whole request is available and no response has begun.
    fn wait(
        &self,
        exchange: &Exchange,
        outcome: &Outcome,
        is_replayable: bool,
    ) -> Option<Duration> {
        let Err(status) = &outcome.result else {
            if let Some(throttle) = self.throttle() {
                throttle.succeeded();
            }
            return None;
        };
        let policy = exchange.details().method_config.as_ref()?.retry.as_ref()?;
        let pushback = Pushback::of(outcome);
        let is_retryable = policy.codes.contains(&status.code());
        if !is_retryable && pushback != Pushback::Never {
            return None;
        }
        let may_retry = self.throttle().is_none_or(|throttle| throttle.failed());
        let before = exchange.previous_attempts();
        if !may_retry || !is_retryable || !is_replayable || before + 1 >= policy.max_attempts {
            return None;
        }
        let wait = match pushback {
            Pushback::Never => return None,
            Pushback::After(wait) => wait,
            Pushback::Unsaid => policy.backoff.wait(before, jitter()),
        };
        // If the deadline passes before the next attempt, the call ends with the error of the last one.
        let deadline = exchange.details().deadline;
        let then = clock::now().checked_add(wait)?;
        deadline
            .is_none_or(|deadline| then < deadline)
            .then_some(wait)
    }

    /// Retries a call after a wait.
    fn retry(&self, exchange: Arc<Exchange>, outcome: Outcome, wait: Duration) {
        let again = Again {
            transport: Weak::clone(&self.transport),
            exchange: Some(exchange),
            outcome,
        };
        // Without a runtime, or if the runtime shuts down, the call ends with the outcome of its attempt.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                sleep(wait).await;
                again.start();
            });
        }
    }
}

/// A call that waits for its retry. If it is dropped before, the call ends with the outcome of its attempt.
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
