//! The configs of retries, of hedging, and of the throttling of both (gRFC A6).

use std::time::Duration;

use crate::Code;
use crate::base::backoff::BackoffConfig;
use crate::base::config::{ConfigError, ConfigValue, Read};

/// The retry policy of a method (gRFC A6).
#[derive(Debug)]
pub(crate) struct RetryConfig {
    pub(crate) max_attempts: u32,
    pub(crate) backoff: BackoffConfig,
    pub(crate) codes: Vec<Code>,
}

/// The hedging policy of a method (gRFC A6).
#[derive(Debug)]
pub(crate) struct HedgingConfig {
    pub(crate) max_attempts: u32,
    pub(crate) delay: Duration,
    pub(crate) non_fatal: Vec<Code>,
}

/// The throttling of retries and hedging.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThrottlingConfig {
    pub(crate) max_tokens: f64,
    pub(crate) token_ratio: f64,
}

impl RetryConfig {
    /// Reads a `retryPolicy`.
    pub(super) fn read(policy: ConfigValue<'_>) -> Read<RetryConfig> {
        let mut fields = policy.into_object()?;
        let max_attempts = max_attempts(fields.need("maxAttempts")?)?;
        let wait = |field: ConfigValue<'_>| match field.duration()? {
            Duration::ZERO => Err(field.error("it has to be above 0")),
            wait => Ok(wait),
        };
        let retryable = fields.need("retryableStatusCodes")?;
        let path = retryable.path.clone();
        let codes = codes(retryable)?;
        if codes.is_empty() {
            let why = format!("{path}: it must have at least one code");
            return Err(ConfigError::new(why));
        }
        let policy = RetryConfig {
            max_attempts,
            backoff: BackoffConfig {
                initial: wait(fields.need("initialBackoff")?)?,
                max: wait(fields.need("maxBackoff")?)?,
                multiplier: fields.need("backoffMultiplier")?.positive()?,
            },
            codes,
        };
        fields.finish()?;
        Ok(policy)
    }
}

impl HedgingConfig {
    /// Reads a `hedgingPolicy`.
    pub(super) fn read(policy: ConfigValue<'_>) -> Read<HedgingConfig> {
        let mut fields = policy.into_object()?;
        let delay = fields.take("hedgingDelay");
        let non_fatal = fields.take("nonFatalStatusCodes");
        let policy = HedgingConfig {
            max_attempts: max_attempts(fields.need("maxAttempts")?)?,
            delay: delay.map_or(Ok(Duration::ZERO), |field| field.duration())?,
            non_fatal: non_fatal.map(codes).transpose()?.unwrap_or_default(),
        };
        fields.finish()?;
        Ok(policy)
    }
}

impl ThrottlingConfig {
    /// Reads a `retryThrottling`.
    pub(crate) fn read(throttling: ConfigValue<'_>) -> Read<ThrottlingConfig> {
        let mut fields = throttling.into_object()?;
        let tokens = fields.need("maxTokens")?;
        let config = ThrottlingConfig {
            max_tokens: tokens.positive()?,
            token_ratio: fields.need("tokenRatio")?.positive()?,
        };
        if config.max_tokens > 1000.0 {
            return Err(tokens.error("it is at most 1000"));
        }
        fields.finish()?;
        Ok(config)
    }
}

/// The maximum number of attempts of a call, even if a policy allows more (gRFC A6).
const MAX_ATTEMPTS: u64 = 5;

fn max_attempts(attempts: ConfigValue<'_>) -> Read<u32> {
    match attempts.whole()? {
        0 | 1 => Err(attempts.error("it must be at least 2")),
        most => Ok(u32::try_from(most.min(MAX_ATTEMPTS)).unwrap_or(2)),
    }
}

fn codes(codes: ConfigValue<'_>) -> Read<Vec<Code>> {
    codes.items()?.iter().map(ConfigValue::code).collect()
}
