//! The config of a channel's calls.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::resolve::resolver::ConfigSelector;
use super::resolve::service_config::ServiceConfig;

/// The config of a channel's calls, from the service config and the resolver.
#[derive(Debug, Default)]
pub(crate) struct ChannelConfig {
    pub(crate) service_config: Option<ServiceConfig>,
    pub(crate) selector: Option<Arc<dyn ConfigSelector>>,
}

/// The source of a channel's current config.
pub(crate) trait ConfigSource: fmt::Debug + Send + Sync {
    /// Returns the config, or `None` before the resolver's first result.
    fn config(&self) -> Option<Arc<ChannelConfig>>;

    /// Calls the resolver, and waits for its first result.
    fn known(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
