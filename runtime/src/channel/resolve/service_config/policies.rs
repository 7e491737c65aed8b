//! Which calls are made more than once: retries, hedging and what throttles both (gRFC A6).

use std::time::Duration;

use super::reader::{Field, Read};
use crate::Code;

/// Which calls are made again, and when (gRFC A6).
#[derive(Debug)]
pub(crate) struct RetryConfig {
    pub(crate) max_attempts: u32,
    pub(crate) initial_backoff: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) multiplier: f64,
    pub(crate) codes: Vec<Code>,
}

/// Which calls are made several times side by side (gRFC A6).
#[derive(Debug)]
pub(crate) struct HedgingPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) delay: Duration,
    pub(crate) non_fatal: Vec<Code>,
}

/// How retries are throttled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThrottlingConfig {
    pub(crate) max_tokens: f64,
    pub(crate) token_ratio: f64,
}

/// The most attempts that a call may have, whatever a policy says (gRFC A6).
const MAX_ATTEMPTS: u64 = 5;

fn max_attempts(attempts: Field<'_>) -> Read<u32> {
    match attempts.whole()? {
        0 | 1 => Err(attempts.error("with less than 2 nothing is made again")),
        most => Ok(u32::try_from(most.min(MAX_ATTEMPTS)).unwrap_or(2)),
    }
}

fn codes(codes: Field<'_>) -> Read<Vec<Code>> {
    codes.items()?.iter().map(Field::code).collect()
}

pub(super) fn retry_policy(policy: Field<'_>) -> Read<RetryConfig> {
    let mut fields = policy.fields()?;
    let max_attempts = max_attempts(fields.need("maxAttempts")?)?;
    let wait = |field: Field<'_>| match field.duration()? {
        Duration::ZERO => Err(field.error("it has to be above 0")),
        wait => Ok(wait),
    };
    let retryable = fields.need("retryableStatusCodes")?;
    let path = retryable.path.clone();
    let codes = codes(retryable)?;
    if codes.is_empty() {
        return Err(format!("{path}: without one nothing is made again"));
    }
    let policy = RetryConfig {
        max_attempts,
        initial_backoff: wait(fields.need("initialBackoff")?)?,
        max_backoff: wait(fields.need("maxBackoff")?)?,
        multiplier: fields.need("backoffMultiplier")?.positive()?,
        codes,
    };
    fields.finish()?;
    Ok(policy)
}

pub(super) fn hedging_policy(policy: Field<'_>) -> Read<HedgingPolicy> {
    let mut fields = policy.fields()?;
    let delay = fields.take("hedgingDelay");
    let non_fatal = fields.take("nonFatalStatusCodes");
    let policy = HedgingPolicy {
        max_attempts: max_attempts(fields.need("maxAttempts")?)?,
        delay: delay.map_or(Ok(Duration::ZERO), |field| field.duration())?,
        non_fatal: non_fatal.map(codes).transpose()?.unwrap_or_default(),
    };
    fields.finish()?;
    Ok(policy)
}

pub(super) fn throttling(throttling: Field<'_>) -> Read<ThrottlingConfig> {
    let mut fields = throttling.fields()?;
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
