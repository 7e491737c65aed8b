//! Resolvers: from a name to addresses.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use super::address::Address;
use super::service_config::ServiceConfig;
use crate::Result;
use crate::call::attributes::Attributes;
use crate::channel::balance::picker::CallInfo;

/// A name resolver, which finds the servers of a channel. [`ChannelBuilder::resolver`](crate::ChannelBuilder::resolver) sets the
/// resolver of a channel. A `Vec<Address>` is a resolver that always returns its addresses.
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
    /// Returns the current servers, in order of preference. The channel calls this method when it begins to connect, and again when
    /// a connection is lost or cannot be made.
    ///
    /// # Errors
    /// Returns an error if the servers cannot be found. The channel then keeps the servers that it knows, and calls this method
    /// again after a back-off. If the channel knows no servers, calls fail with UNAVAILABLE and the text of the error. A
    /// resolution without addresses counts as an error.
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>>;

    /// Waits until the servers have changed. The channel awaits this method after each resolution, and then calls
    /// [`Resolver::resolve`] again. It awaits one such future at a time. The default implementation never completes.
    fn changed(&self) -> ResolverFuture<'_, ()> {
        Box::pin(pending())
    }
}

/// The boxed future that the methods of a [`Resolver`] return.
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

/// The result of a [`Resolver`]: addresses, and optionally a service config, a config selector and values for the load balancing
/// policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolution {
    pub(crate) addresses: Arc<[Address]>,
    pub(crate) service_config: Option<ServiceConfig>,
    pub(crate) config_selector: Option<Arc<dyn ConfigSelector>>,
    pub(crate) attributes: Attributes,
}

impl Resolution {
    /// Creates a resolution with these addresses, in order of preference.
    pub fn new(addresses: impl IntoIterator<Item = Address>) -> Resolution {
        Resolution {
            addresses: addresses.into_iter().collect(),
            service_config: None,
            config_selector: None,
            attributes: Attributes::default(),
        }
    }

    /// Sets the service config, in place of the config that was set by
    /// [`ChannelBuilder::service_config`](crate::ChannelBuilder::service_config).
    #[must_use]
    pub fn with_service_config(mut self, config: ServiceConfig) -> Resolution {
        self.service_config = Some(config);
        self
    }

    /// Sets the selector that chooses the config of each call.
    #[must_use]
    pub fn with_config_selector(mut self, selector: impl ConfigSelector) -> Resolution {
        self.config_selector = Some(Arc::new(selector));
        self
    }

    /// Adds a value for the load balancing policy. The value replaces an earlier value of the same type.
    #[must_use]
    pub fn with_attribute<T: Send + Sync + 'static>(mut self, value: T) -> Resolution {
        self.attributes = self.attributes.with(value);
        self
    }
}

/// Chooses the config of each call (gRFC A31).
pub trait ConfigSelector: Send + Sync + 'static {
    /// Chooses the config of a call. The channel calls this method once for each call, before the call is started. The method must
    /// not block.
    ///
    /// # Errors
    /// Returns an error if the call must not be made. The call ends with this status.
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig>;
}

impl fmt::Debug for dyn ConfigSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfigSelector")
    }
}

/// The config of one call, chosen by a [`ConfigSelector`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallConfig {
    pub(crate) service_config: Option<ServiceConfig>,
    pub(crate) attributes: Attributes,
}

impl CallConfig {
    /// Creates a config that changes nothing.
    pub fn new() -> CallConfig {
        CallConfig::default()
    }

    /// Sets the service config of the call, in place of the channel's. The entry for the call's method applies.
    #[must_use]
    pub fn with_service_config(mut self, config: ServiceConfig) -> CallConfig {
        self.service_config = Some(config);
        self
    }

    /// Adds a value for the picker, which finds it in [`CallInfo::attributes`]. The value replaces an earlier value of the same
    /// type.
    #[must_use]
    pub fn with_attribute<T: Send + Sync + 'static>(mut self, value: T) -> CallConfig {
        self.attributes = self.attributes.with(value);
        self
    }
}
