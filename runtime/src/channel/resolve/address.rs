//! Addresses of servers.

use std::fmt;

use crate::base::authority::{LOCALHOST, authority};
use crate::base::header::Header;
use crate::call::attributes::Attributes;
use crate::channel::connect::credentials::ChannelCredentials;
use crate::transport::Endpoint;
use crate::{Result, Status};

/// The address of a server, with further properties of the server that a [`Resolver`](crate::Resolver) may set.
///
/// Two addresses are equal if they have the same socket address, the same authority and equal credentials. Credentials are equal to
/// their clones. The other properties are not compared.
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
    pub(crate) credentials: Option<ChannelCredentials>,
    weight: u32,
    locality: Option<Locality>,
    attributes: Attributes,
}

/// The location of a server, for example `("europe", "berlin", "rack 7")`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Locality {
    /// The region, for example `"europe"`.
    pub region: String,
    /// The zone within the region.
    pub zone: String,
    /// The sub-zone within the zone.
    pub sub_zone: String,
}

impl Locality {
    /// Creates a locality. Leave unknown parts empty.
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
    /// Parses `host:port`, `unix:path` or `unix-abstract:name`. The default port is 443.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text has another form.
    pub fn new(address: impl AsRef<str>) -> Result<Address> {
        let text = address.as_ref();
        let endpoint = Endpoint::parse(text);
        endpoint
            .map(Address::from)
            .map_err(|why| Status::invalid_argument(format!("address {text:?}: {why}")))
    }

    /// Sets the `:authority` of calls to this server. The default is the authority of the channel's target. Over TLS, the server's
    /// certificate must be for this host.
    ///
    /// The authority of a single call, [`ChannelBuilder::authority`](crate::ChannelBuilder::authority) and
    /// [`ChannelCredentials::server_name`](crate::ChannelCredentials::server_name) take precedence.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text is not a host with an optional port.
    pub fn with_authority(mut self, host: impl AsRef<str>) -> Result<Address> {
        self.authority = Some(authority(host.as_ref())?);
        Ok(self)
    }

    /// Sets the credentials of connections to this server, in place of the channel's. They can have other roots or another client
    /// certificate, or add TLS in a channel without encryption. By default an address has no credentials of its own.
    ///
    /// A [`server_name`](ChannelCredentials::server_name) in the credentials becomes the authority of the server. A resolver should
    /// return clones of the same credentials each time, because the channel connects again to an address whose credentials have
    /// changed.
    ///
    #[cfg_attr(feature = "tls", doc = "```no_run")]
    #[cfg_attr(not(feature = "tls"), doc = "```ignore")]
    /// use stubwright::{Address, ChannelCredentials, Resolution, Resolver, ResolverFuture, Result};
    ///
    /// /// Two data centers, each with an authority of its own.
    /// struct TwoCenters {
    ///     berlin: ChannelCredentials,
    ///     tokyo: ChannelCredentials,
    /// }
    ///
    /// impl Resolver for TwoCenters {
    ///     fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
    ///         Box::pin(async {
    ///             Ok(Resolution::new([
    ///                 Address::new("10.1.0.1:443")?.with_credentials(self.berlin.clone())?,
    ///                 Address::new("10.2.0.1:443")?.with_credentials(self.tokyo.clone())?,
    ///             ]))
    ///         })
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the credentials are unusable, or if they contain call credentials, which only a channel can
    /// have. Returns FAILED_PRECONDITION if the credentials trust the system's authorities and the system has none, or if TLS has
    /// no cryptography provider.
    pub fn with_credentials(mut self, credentials: ChannelCredentials) -> Result<Address> {
        if credentials.has_call_credentials() {
            return Err(Status::invalid_argument(format!(
                "address \"{self}\": its credentials have call credentials, which only those of the channel may have"
            )));
        }
        if let Some(name) = credentials.name() {
            self.authority = Some(authority(name)?);
        }
        // Finds errors now, before the first connection.
        credentials.security(LOCALHOST)?;
        self.credentials = Some(credentials);
        Ok(self)
    }

    /// Sets the weight of the server, which is its share of the calls relative to other servers. Only policies that use weights
    /// read this value. The default is 1.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Address {
        self.weight = weight;
        self
    }

    /// Sets the location of the server.
    #[must_use]
    pub fn with_locality(mut self, locality: Locality) -> Address {
        self.locality = Some(locality);
        self
    }

    /// Adds a value for the load balancing policy. The value replaces an earlier value of the same type.
    #[must_use]
    pub fn with_attribute<T: Send + Sync + 'static>(mut self, value: T) -> Address {
        self.attributes = self.attributes.with(value);
        self
    }

    /// Returns the authority that was set by [`with_authority`](Address::with_authority), or `None`.
    pub fn authority(&self) -> Option<&str> {
        let authority = self.authority.as_ref()?;
        std::str::from_utf8(authority.value()).ok()
    }

    /// Returns the weight of the server, 1 by default.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Returns the location of the server, or `None` if it has not been set.
    pub fn locality(&self) -> Option<&Locality> {
        self.locality.as_ref()
    }

    /// Returns the values for the load balancing policy.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl From<Endpoint> for Address {
    fn from(endpoint: Endpoint) -> Address {
        Address {
            endpoint,
            authority: None,
            credentials: None,
            weight: 1,
            locality: None,
            attributes: Attributes::default(),
        }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.endpoint == other.endpoint
            && self.authority() == other.authority()
            && self.credentials == other.credentials
    }
}

impl fmt::Display for Address {
    /// Writes the socket address in the form that [`Address::new`] parses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
