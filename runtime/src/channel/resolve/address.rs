//! Addresses of servers.

use std::fmt;

use super::authority::authority;
use crate::base::header::Header;
use crate::call::attributes::Attributes;
use crate::transport::Endpoint;
use crate::{Result, Status};

/// The address of a server, with what a [`Resolver`](crate::Resolver) knows of the server.
///
/// Two addresses are equal when they lead to the same place and have the same authority.
///
/// ```
/// # fn main() -> stubwright::Result<()> {
/// use stubwright::Address;
///
/// let address = Address::new("10.0.0.1:5000")?
///     .with_authority("a.example")?
///     .with_weight(3);
/// assert_eq!(address.to_string(), "10.0.0.1:5000");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Address {
    pub(crate) endpoint: Endpoint,
    pub(crate) authority: Option<Header>,
    weight: u32,
    locality: Option<Locality>,
    attributes: Attributes,
}

/// The place of a server, for example `("europe", "berlin", "rack 7")`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Locality {
    /// The largest part.
    pub region: String,
    /// A part of the region.
    pub zone: String,
    /// A part of the zone.
    pub sub_zone: String,
}

impl Locality {
    /// Creates a locality. A part that isn't known is empty.
    pub fn new(
        region: impl Into<String>,
        zone: impl Into<String>,
        sub_zone: impl Into<String>,
    ) -> Locality {
        Locality {
            region: region.into(),
            zone: zone.into(),
            sub_zone: sub_zone.into(),
        }
    }
}

impl Address {
    /// Reads `host:port`, `unix:path` or `unix-abstract:name`. Without a port it is 443.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the text is none of these.
    pub fn new(address: impl AsRef<str>) -> Result<Address> {
        let text = address.as_ref();
        let endpoint = Endpoint::parse(text);
        endpoint
            .map(Address::from)
            .map_err(|why| Status::invalid_argument(format!("address {text:?}: {why}")))
    }

    /// Sets the authority of the calls that go to this server, HTTP/2's `:authority`. Over TLS the server's certificate must be for it.
    /// By default it is that of the channel's target. A call's own authority counts before it, and so do
    /// [`ChannelBuilder::authority`](crate::ChannelBuilder::authority) and
    /// [`ChannelCredentials::server_name`](crate::ChannelCredentials::server_name).
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the text is no host, with or without a port.
    pub fn with_authority(mut self, host: impl AsRef<str>) -> Result<Address> {
        self.authority = Some(authority(host.as_ref())?);
        Ok(self)
    }

    /// Sets how many calls the server gets in proportion to others, where a policy looks at weights. The default is 1.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Address {
        self.weight = weight;
        self
    }

    /// Sets where the server stands.
    #[must_use]
    pub fn with_locality(mut self, locality: Locality) -> Address {
        self.locality = Some(locality);
        self
    }

    /// Adds a value for a policy, in the place of the one of the same type.
    #[must_use]
    pub fn with_attribute<T: Send + Sync + 'static>(mut self, value: T) -> Address {
        self.attributes = self.attributes.with(value);
        self
    }

    /// Returns the authority of the server, if it has one of its own.
    pub fn authority(&self) -> Option<&str> {
        let authority = self.authority.as_ref()?;
        std::str::from_utf8(authority.value()).ok()
    }

    /// Returns the weight of the server.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Returns where the server stands, if that is known.
    pub fn locality(&self) -> Option<&Locality> {
        self.locality.as_ref()
    }

    /// Returns the values that were added for policies.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl From<Endpoint> for Address {
    fn from(endpoint: Endpoint) -> Address {
        Address {
            endpoint,
            authority: None,
            weight: 1,
            locality: None,
            attributes: Attributes::default(),
        }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.endpoint == other.endpoint && self.authority() == other.authority()
    }
}

impl fmt::Display for Address {
    /// Writes where the server is, as a target says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
