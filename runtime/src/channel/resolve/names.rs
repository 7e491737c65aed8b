//! The source of a channel's addresses.

use std::future::pending;
use std::sync::Arc;

use super::address::Address;
use super::resolver::{Resolution, Resolver};
use crate::transport::{Endpoint, look_up_families};

/// The source of a channel's addresses.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    /// The addresses are known.
    Known(Arc<[Address]>),
    /// The system resolves `host:port`.
    Dns(Arc<str>),
    /// The user's resolver finds them.
    Custom(Arc<dyn Resolver>),
}

impl Names {
    /// Returns whether a resolution may contain a service config.
    pub(crate) fn may_have_config(&self) -> bool {
        matches!(self, Names::Custom(_))
    }

    /// Returns names that the system does not look up. A name becomes an address that only the connector understands. Known
    /// addresses and a custom resolver are kept.
    pub(crate) fn unresolved(self) -> Names {
        match self {
            Names::Dns(name) => Names::Known(Arc::new([Address::from(Endpoint::Tcp(name))])),
            names => names,
        }
    }

    /// Returns the current addresses. The error says why there are none.
    pub(crate) async fn resolve(&self) -> Result<Resolution, String> {
        let resolution = match self {
            Names::Known(addresses) => return Ok(Resolution::new(addresses.iter().cloned())),
            Names::Dns(name) => {
                let found = look_up_families(name).await;
                let found = found.map_err(|error| error.to_string())?.into_iter();
                Resolution::new(found.map(|found| Address::from(Endpoint::from(found))))
            }
            Names::Custom(resolver) => resolver
                .resolve()
                .await
                .map_err(|status| status.message().to_owned())?,
        };
        if resolution.addresses.is_empty() {
            return Err("there is no address".to_owned());
        }
        Ok(resolution)
    }

    /// Waits until the addresses must be resolved again.
    pub(crate) async fn changed(&self) {
        match self {
            Names::Known(_) | Names::Dns(_) => pending().await,
            Names::Custom(resolver) => resolver.changed().await,
        }
    }
}
