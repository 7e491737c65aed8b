//! The credentials of a server's ports.

use std::fmt;
#[cfg(feature = "tls-no-provider")]
use std::sync::{Arc, PoisonError, RwLock};

#[cfg(feature = "tls-no-provider")]
use rustls::ServerConfig;
#[cfg(feature = "tls-no-provider")]
use rustls::crypto::CryptoProvider;

#[cfg(feature = "tls-no-provider")]
use crate::transport::tls::{self, ClientVerifier, Identity, Roots};
#[cfg(feature = "tls-no-provider")]
use crate::{Result, Status};

/// The security of a port: the certificate of the server, and the certificates that it requires of clients.
/// [`add_secure_port`](crate::Server::add_secure_port) takes the credentials. gRPC Python's `ssl_server_credentials` and
/// `local_server_credentials`.
///
/// Clones share their certificates: [`reload`](ServerCredentials::reload) on one of them affects the ports of all. Connections use
/// TLS 1.2 or 1.3.
///
#[cfg_attr(feature = "tls-no-provider", doc = "```no_run")]
#[cfg_attr(not(feature = "tls-no-provider"), doc = "```ignore")]
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// use std::fs;
/// use stubwright::{Server, ServerCredentials};
///
/// let credentials = ServerCredentials::tls(fs::read("server.pem")?, fs::read("server.key")?)?
///     .require_client_certificate(fs::read("clients.pem")?)?;
/// let mut server = Server::new();
/// server.add_secure_port("[::]:5000", credentials.clone()).await?;
/// server.start()?;
/// // Later, when the files have changed:
/// credentials.reload(fs::read("server.pem")?, fs::read("server.key")?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerCredentials(Kind);

#[derive(Clone)]
enum Kind {
    Local,
    #[cfg(feature = "tls-no-provider")]
    Tls(Arc<RwLock<State>>),
    #[cfg(feature = "tls-no-provider")]
    Rustls(Arc<ServerConfig>),
}

/// The requirement on an incoming connection.
pub(crate) enum Demand {
    /// The client must be on this machine.
    Local,
    /// The client must use TLS with this configuration.
    #[cfg(feature = "tls-no-provider")]
    Tls(Arc<ServerConfig>),
}

impl ServerCredentials {
    /// Creates credentials for unencrypted connections from this machine: from loopback addresses and over unix sockets. The server
    /// closes other connections at once. With the feature `tracing`, it logs them. gRPC Python's `local_server_credentials`.
    ///
    /// The [`AuthContext`](crate::AuthContext) of calls has the `transport_security_type` `local`. Clients need no channel
    /// credentials, unless they use call credentials. Such clients need local channel credentials.
    #[doc(alias = "local_server_credentials")]
    pub fn local() -> ServerCredentials {
        ServerCredentials(Kind::Local)
    }

    pub(crate) fn demand(&self) -> Demand {
        match &self.0 {
            Kind::Local => Demand::Local,
            #[cfg(feature = "tls-no-provider")]
            Kind::Tls(state) => Demand::Tls(current(state).config),
            #[cfg(feature = "tls-no-provider")]
            Kind::Rustls(config) => Demand::Tls(Arc::clone(config)),
        }
    }
}

/// The current settings. New handshakes use `config`.
#[cfg(feature = "tls-no-provider")]
#[derive(Clone)]
struct State {
    provider: Arc<CryptoProvider>,
    identity: Arc<Identity>,
    clients: Clients,
    config: Arc<ServerConfig>,
}

/// The requirement on clients' certificates.
#[cfg(feature = "tls-no-provider")]
#[derive(Clone)]
enum Clients {
    /// Clients are not asked for certificates.
    Any,
    /// Clients may present a certificate.
    Request(Arc<Roots>),
    /// Clients must present a certificate.
    Require(Arc<Roots>),
}

#[cfg(feature = "tls-no-provider")]
impl ServerCredentials {
    /// Creates credentials from a certificate chain and its private key, both in PEM. The chain begins with the server's own
    /// certificate. The certificates of the intermediate authorities follow, without the root. The key is
    /// in the format PKCS #8, PKCS #1 or SEC 1, and is not encrypted. Clients are not asked for certificates.
    ///
    /// If the program has installed a provider of cryptography by
    /// [`install_default`](rustls::crypto::CryptoProvider::install_default), that provider is used. Otherwise ring is used.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the chain or the key cannot be parsed, or if they do not belong together. Returns
    /// FAILED_PRECONDITION if no provider is installed and the crate was built without ring, by the feature `tls-no-provider` in
    /// place of `tls`.
    #[doc(alias = "ssl_server_credentials")]
    pub fn tls(
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        ServerCredentials::tls_with_provider(
            tls::default_provider()?,
            certificate_chain,
            private_key,
        )
    }

    /// Creates credentials like [`tls`](ServerCredentials::tls), but with the cipher suites, key exchanges and signatures of the
    /// given provider.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the chain or the key cannot be parsed, if they do not belong together, or if the provider cannot
    /// use the key.
    pub fn tls_with_provider(
        provider: impl Into<Arc<CryptoProvider>>,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        ServerCredentials::new(provider.into(), Arc::new(identity), Clients::Any)
    }

    /// Creates credentials from a complete configuration of rustls. All of its settings apply, such as the verifier of clients'
    /// certificates, the session store and the key log. Its [`ResolvesServerCert`](rustls::server::ResolvesServerCert) may choose a
    /// certificate by the name that a client asks for, and may replace certificates while the server runs.
    ///
    /// If the configuration lists no protocols for ALPN, `h2` is added. The other methods that set or reload certificates fail for
    /// these credentials.
    ///
    #[cfg_attr(feature = "tls", doc = "```no_run")]
    #[cfg_attr(not(feature = "tls"), doc = "```ignore")]
    /// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use stubwright::rustls::ServerConfig;
    /// use stubwright::rustls::crypto::ring;
    /// use stubwright::rustls::server::ResolvesServerCertUsingSni;
    /// use stubwright::{Server, ServerCredentials};
    ///
    /// let mut certificates = ResolvesServerCertUsingSni::new();
    /// # let of_a = || -> stubwright::rustls::sign::CertifiedKey { unimplemented!() };
    /// certificates.add("a.example", of_a())?;
    /// let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_no_client_auth()
    ///     .with_cert_resolver(Arc::new(certificates));
    /// let mut server = Server::new();
    /// server.add_secure_port("[::]:5000", ServerCredentials::from_rustls(config)?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the configuration lists protocols for ALPN, but not `h2`.
    pub fn from_rustls(config: impl Into<Arc<ServerConfig>>) -> Result<ServerCredentials> {
        let mut config = config.into();
        tls::offer_h2(&mut Arc::make_mut(&mut config).alpn_protocols)?;
        Ok(ServerCredentials(Kind::Rustls(config)))
    }

    /// Requires a certificate of every client (mutual TLS). `authorities` are certificates in PEM. A client's certificate must be
    /// signed by one of them, or must itself be one of them, byte for byte. Otherwise the handshake fails. gRPC Python's
    /// `root_certificates` with `require_client_auth=True`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text has no certificate, or has one that cannot be parsed. Returns FAILED_PRECONDITION if
    /// these credentials were created by [`local`](ServerCredentials::local) or [`from_rustls`](ServerCredentials::from_rustls).
    pub fn require_client_certificate(
        self,
        authorities: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let clients = Clients::Require(Roots::from_pem(authorities.as_ref())?);
        self.with_clients(clients)
    }

    /// Asks every client for a certificate, but also accepts clients without a certificate. `authorities` are certificates in PEM.
    /// If a client presents a certificate that none of them has signed, the handshake fails. gRPC's
    /// `GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text has no certificate, or has one that cannot be parsed. Returns FAILED_PRECONDITION if
    /// these credentials were created by [`local`](ServerCredentials::local) or [`from_rustls`](ServerCredentials::from_rustls).
    pub fn request_client_certificate(
        self,
        authorities: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let clients = Clients::Request(Roots::from_pem(authorities.as_ref())?);
        self.with_clients(clients)
    }

    /// Replaces the certificate chain and the key, for all ports that have these credentials or a clone of them. New handshakes use
    /// the new ones. Open connections are not affected, and the requirement on clients' certificates stays the same. gRPC Python's
    /// `dynamic_ssl_server_credentials`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the chain or the key cannot be parsed, or if they do not belong together. Returns
    /// FAILED_PRECONDITION if these credentials were created by [`local`](ServerCredentials::local) or
    /// [`from_rustls`](ServerCredentials::from_rustls). After an error, the current chain and key stay in use.
    #[doc(alias = "dynamic_ssl_server_credentials")]
    pub fn reload(
        &self,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<()> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        let identity = Arc::new(identity);
        self.change(|state| {
            let provider = Arc::clone(&state.provider);
            State::new(provider, Arc::clone(&identity), state.clients.clone())
        })
    }

    /// Replaces the authorities for clients' certificates, in PEM, for all ports that have these credentials or a clone of them.
    /// New handshakes use the new authorities. Clients' certificates stay required or requested, as before.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text has no certificate, or has one that cannot be parsed. Returns FAILED_PRECONDITION if
    /// these credentials do not ask clients for certificates, or were not created by [`tls`](ServerCredentials::tls) or
    /// [`tls_with_provider`](ServerCredentials::tls_with_provider). After an error, the current authorities stay in use.
    pub fn reload_client_authorities(&self, authorities: impl AsRef<[u8]>) -> Result<()> {
        let roots = Roots::from_pem(authorities.as_ref())?;
        self.change(|state| {
            let clients = match &state.clients {
                Clients::Any => {
                    return Err(Status::failed_precondition(
                        "these credentials do not ask clients for certificates",
                    ));
                }
                Clients::Request(_) => Clients::Request(Arc::clone(&roots)),
                Clients::Require(_) => Clients::Require(Arc::clone(&roots)),
            };
            State::new(
                Arc::clone(&state.provider),
                Arc::clone(&state.identity),
                clients,
            )
        })
    }

    fn new(
        provider: Arc<CryptoProvider>,
        identity: Arc<Identity>,
        clients: Clients,
    ) -> Result<ServerCredentials> {
        let state = State::new(provider, identity, clients)?;
        Ok(ServerCredentials(Kind::Tls(Arc::new(RwLock::new(state)))))
    }

    fn with_clients(&self, clients: Clients) -> Result<ServerCredentials> {
        let state = current(self.shared()?);
        ServerCredentials::new(state.provider, state.identity, clients)
    }

    /// Replaces the state atomically.
    fn change(&self, change: impl FnOnce(&State) -> Result<State>) -> Result<()> {
        let mut state = self
            .shared()?
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *state = change(&state)?;
        Ok(())
    }

    fn shared(&self) -> Result<&RwLock<State>> {
        match &self.0 {
            Kind::Tls(state) => Ok(state),
            Kind::Local => Err(Status::failed_precondition(
                "local credentials have no certificates: use ServerCredentials::tls",
            )),
            Kind::Rustls(_) => Err(Status::failed_precondition(
                "these credentials are a configuration of rustls: its verifier is for clients' certificates, and its resolver \
                 replaces the server's",
            )),
        }
    }
}

#[cfg(feature = "tls-no-provider")]
fn current(state: &RwLock<State>) -> State {
    state.read().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(feature = "tls-no-provider")]
impl State {
    fn new(
        provider: Arc<CryptoProvider>,
        identity: Arc<Identity>,
        clients: Clients,
    ) -> Result<State> {
        let verifier = |roots: &Arc<Roots>, is_required| {
            ClientVerifier::new(Arc::clone(&provider), Arc::clone(roots), is_required)
        };
        let verifier = match &clients {
            Clients::Any => None,
            Clients::Request(roots) => Some(verifier(roots, false)?),
            Clients::Require(roots) => Some(verifier(roots, true)?),
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls::invalid("TLS", error))?;
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| {
                let what = "the server's certificate and key";
                tls::unusable(what, "the certificate", error)
            })?;
        config.alpn_protocols = vec![tls::H2.into()];
        Ok(State {
            provider,
            identity,
            clients,
            config: Arc::new(config),
        })
    }
}

impl fmt::Debug for ServerCredentials {
    /// Formats the kind of the credentials, without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("ServerCredentials");
        match &self.0 {
            Kind::Local => f.field("kind", &"local"),
            #[cfg(feature = "tls-no-provider")]
            Kind::Tls(state) => {
                let clients = match current(state).clients {
                    Clients::Any => "any",
                    Clients::Request(_) => "certificate requested",
                    Clients::Require(_) => "certificate required",
                };
                f.field("clients", &clients)
            }
            #[cfg(feature = "tls-no-provider")]
            Kind::Rustls(_) => f.field("kind", &"rustls"),
        }
        .finish_non_exhaustive()
    }
}
