//! The config of a method.

use std::sync::Arc;
use std::time::Duration;

use crate::Code;

/// The config of a method, from a service config.
#[derive(Debug)]
pub(crate) struct MethodConfig {
    pub(crate) timeout: Option<Duration>,
    pub(crate) wait_for_ready: Option<bool>,
    pub(crate) max_request_message_length: usize,
    pub(crate) max_response_message_length: usize,
    pub(crate) retry: Option<RetryConfig>,
    pub(crate) hedging: Option<Arc<HedgingConfig>>,
}

/// The retry policy of a method (gRFC A6).
#[derive(Debug)]
pub(crate) struct RetryConfig {
    pub(crate) max_attempts: u32,
    pub(crate) initial_backoff: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) multiplier: f64,
    pub(crate) codes: Vec<Code>,
}

/// The hedging policy of a method (gRFC A6).
#[derive(Debug)]
pub(crate) struct HedgingConfig {
    pub(crate) max_attempts: u32,
    pub(crate) delay: Duration,
    pub(crate) non_fatal: Vec<Code>,
}
