//! The TLS configuration of a client.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;

use super::{ClientTls, Identity, Roots, client_config, default_provider, offer_h2};
use crate::{Result, Status};

/// The TLS configuration of a client. Clones that are not changed share one configuration of rustls.
#[derive(Clone)]
pub(crate) enum ClientTlsConfig {
    Certificates {
        /// The cryptography provider. `None` for the default one.
        provider: Option<Arc<CryptoProvider>>,
        /// The trusted certificates. `None` for those of the system.
        roots: Option<Arc<Roots>>,
        identity: Option<Arc<Identity>>,
        /// The configuration of all connections. It is created from the other fields for the first channel.
        config: Arc<OnceLock<Arc<ClientConfig>>>,
    },
    Rustls(Arc<ClientConfig>),
}

impl ClientTlsConfig {
    /// Creates a configuration that trusts the system's certificates.
    pub(crate) fn new(provider: Option<Arc<CryptoProvider>>) -> ClientTlsConfig {
        ClientTlsConfig::Certificates {
            provider,
            roots: None,
            identity: None,
            config: Arc::default(),
        }
    }

    /// Takes a configuration of rustls.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the configuration offers protocols by ALPN, but not `h2`.
    pub(crate) fn from_rustls(mut config: Arc<ClientConfig>) -> Result<ClientTlsConfig> {
        offer_h2(&mut Arc::make_mut(&mut config).alpn_protocols)?;
        Ok(ClientTlsConfig::Rustls(config))
    }

    /// Sets the trusted certificates.
    pub(crate) fn set_roots(&mut self, pem: &[u8]) -> Result<()> {
        match self {
            ClientTlsConfig::Certificates { roots, config, .. } => {
                *roots = Some(Roots::from_pem(pem)?);
                *config = Arc::default();
                Ok(())
            }
            ClientTlsConfig::Rustls(_) => Err(is_of_rustls()),
        }
    }

    /// Sets the certificate of the client.
    pub(crate) fn set_identity(&mut self, chain: &[u8], key: &[u8]) -> Result<()> {
        let own = Identity::from_pem(chain, key)?;
        match self {
            ClientTlsConfig::Certificates {
                identity, config, ..
            } => {
                *identity = Some(Arc::new(own));
                *config = Arc::default();
                Ok(())
            }
            ClientTlsConfig::Rustls(_) => Err(is_of_rustls()),
        }
    }

    /// Returns the settings for a server whose certificate must be valid for `host`.
    pub(crate) fn for_host(&self, host: &str) -> Result<ClientTls> {
        ClientTls::new(self.config()?, host)
    }

    fn config(&self) -> Result<Arc<ClientConfig>> {
        let (provider, roots, identity, config) = match self {
            ClientTlsConfig::Certificates {
                provider,
                roots,
                identity,
                config,
            } => (provider, roots, identity, config),
            ClientTlsConfig::Rustls(config) => return Ok(Arc::clone(config)),
        };
        if let Some(config) = config.get() {
            return Ok(Arc::clone(config));
        }
        let provider = match provider {
            Some(provider) => Arc::clone(provider),
            None => default_provider()?,
        };
        let roots = match roots {
            Some(roots) => Arc::clone(roots),
            None => Roots::of_system()?,
        };
        let made = client_config(provider, roots, identity.as_deref())?;
        Ok(Arc::clone(config.get_or_init(|| made)))
    }
}

/// The error of certificates for a configuration of rustls.
fn is_of_rustls() -> Status {
    Status::invalid_argument(
        "these credentials are a configuration of rustls: give the certificates to its builder",
    )
}

/// Two configurations are equal when they share one configuration of rustls.
impl PartialEq for ClientTlsConfig {
    fn eq(&self, other: &ClientTlsConfig) -> bool {
        use ClientTlsConfig::{Certificates, Rustls};
        match (self, other) {
            (Certificates { config: one, .. }, Certificates { config: two, .. }) => {
                Arc::ptr_eq(one, two)
            }
            (Rustls(one), Rustls(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl fmt::Debug for ClientTlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientTlsConfig::Rustls(_) => f.write_str("Rustls"),
            ClientTlsConfig::Certificates {
                roots, identity, ..
            } => {
                let roots = match roots {
                    None => "the system's",
                    Some(_) => "given",
                };
                f.debug_struct("Certificates")
                    .field("roots", &roots)
                    .field("client_certificate", &identity.is_some())
                    .finish()
            }
        }
    }
}
