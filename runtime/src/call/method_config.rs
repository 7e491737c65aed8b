//! The config of a method.

use std::sync::Arc;
use std::time::Duration;

use super::retry_config::{HedgingConfig, RetryConfig};
use crate::base::config::{ConfigObject, ConfigValue, Read};

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

impl MethodConfig {
    /// Reads an entry of a service config, whose `name` has been taken.
    pub(crate) fn read(mut entry: ConfigObject<'_>) -> Read<MethodConfig> {
        let bytes = |field: Option<ConfigValue<'_>>| -> Read<usize> {
            let bytes = field.map(|field| field.whole()).transpose()?;
            Ok(bytes.map_or(usize::MAX, |bytes| {
                usize::try_from(bytes).unwrap_or(usize::MAX)
            }))
        };
        let hedging = entry.take("hedgingPolicy");
        if let (Some(hedging), true) = (&hedging, entry.has("retryPolicy")) {
            return Err(hedging.error("a method has this or a retryPolicy, and not both"));
        }
        let config = MethodConfig {
            timeout: entry
                .take("timeout")
                .map(|field| field.duration())
                .transpose()?,
            wait_for_ready: entry
                .take("waitForReady")
                .map(|field| field.boolean())
                .transpose()?,
            max_request_message_length: bytes(entry.take("maxRequestMessageBytes"))?,
            max_response_message_length: bytes(entry.take("maxResponseMessageBytes"))?,
            retry: entry
                .take("retryPolicy")
                .map(RetryConfig::read)
                .transpose()?,
            hedging: hedging.map(HedgingConfig::read).transpose()?.map(Arc::new),
        };
        entry.finish()?;
        Ok(config)
    }
}
