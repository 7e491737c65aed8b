//! From a name to addresses.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use super::address::Address;
use super::service_config::ServiceConfig;
use crate::Result;
use crate::call::attributes::Attributes;
use crate::channel::balance::picker::CallInfo;

/// Finds the servers of a channel: for [`ChannelBuilder::resolver`](crate::ChannelBuilder::resolver). gRPC's "name resolver". A list
/// of addresses is a resolver that always finds these.
///
/// ```
/// use stubwright::{Address, Resolution, Resolver, ResolverFuture, Result, Status};
///
/// /// Servers that a file lists, one `host:port` a line.
/// struct Listed(&'static str);
///
/// impl Resolver for Listed {
///     fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
///         Box::pin(async {
///             let list = std::fs::read_to_string(self.0)
///                 .map_err(|error| Status::unavailable(error.to_string()))?;
///             let addresses = list.lines().map(Address::new).collect::<Result<Vec<_>>>()?;
///             Ok(Resolution::new(addresses))
///         })
///     }
/// }
/// ```
pub trait Resolver: Send + Sync + 'static {
    /// Finds the servers as they are now, the best first. It is asked when the channel begins to connect, and again when a connection is
    /// lost or cannot be made. An error is the cause that calls fail with, by UNAVAILABLE, unless servers are known from before; it is
    /// then tried again, with gRPC's back-off. No address at all is an error too.
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>>;

    /// Waits until the servers have changed and [`Resolver::resolve`] is to be asked again. By default it waits for ever. It is waited
    /// for once at a time, after each answer.
    fn changed(&self) -> ResolverFuture<'_, ()> {
        Box::pin(pending())
    }
}

/// A future of a [`Resolver`].
pub type ResolverFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl fmt::Debug for dyn Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver for Vec<Address> {
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
        Box::pin(async { Ok(Resolution::new(self.iter().cloned())) })
    }
}

/// The servers that a [`Resolver`] has found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolution {
    pub(crate) addresses: Arc<[Address]>,
    pub(crate) service_config: Option<ServiceConfig>,
    pub(crate) config_selector: Option<Arc<dyn ConfigSelector>>,
    pub(crate) attributes: Attributes,
}

impl Resolution {
    /// Creates a resolution of these addresses, the best first.
    pub fn new(addresses: impl IntoIterator<Item = Address>) -> Resolution {
        Resolution {
            addresses: addresses.into_iter().collect(),
            service_config: None,
            config_selector: None,
            attributes: Attributes::default(),
        }
    }

    /// Sets the service config, in the place of
    /// [`ChannelBuilder::service_config`](crate::ChannelBuilder::service_config).
    #[must_use]
    pub fn with_service_config(mut self, config: ServiceConfig) -> Resolution {
        self.service_config = Some(config);
        self
    }

    /// Sets what chooses the config of each call.
    #[must_use]
    pub fn with_config_selector(mut self, selector: impl ConfigSelector) -> Resolution {
        self.config_selector = Some(Arc::new(selector));
        self
    }

    /// Adds a value for the policy, in the place of the one of the same type.
    #[must_use]
    pub fn with_attribute<T: Send + Sync + 'static>(mut self, value: T) -> Resolution {
        self.attributes = self.attributes.with(value);
        self
    }
}

/// Chooses the config of each call (gRFC A31).
pub trait ConfigSelector: Send + Sync + 'static {
    /// Chooses the config of a call. It is asked once a call, before the call is made, and must not block.
    ///
    /// # Errors
    /// Why the call cannot be made: it ends with this status.
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig>;
}

impl fmt::Debug for dyn ConfigSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfigSelector")
    }
}

/// The config that a [`ConfigSelector`] has chosen for a call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallConfig {
    pub(crate) service_config: Option<ServiceConfig>,
    pub(crate) attributes: Attributes,
}

impl CallConfig {
    /// Creates a config that says nothing.
    pub fn new() -> CallConfig {
        CallConfig::default()
    }

    /// Sets the service config whose entry for the method counts, in the place of the channel's.
    #[must_use]
    pub fn with_service_config(mut self, config: ServiceConfig) -> CallConfig {
        self.service_config = Some(config);
        self
    }

    /// Adds a value for pickers, in the place of the one of the same type.
    #[must_use]
    pub fn with_attribute<T: Send + Sync + 'static>(mut self, value: T) -> CallConfig {
        self.attributes = self.attributes.with(value);
        self
    }
}
