//! The credentials of a server's ports.

use std::fmt;
#[cfg(feature = "tls")]
use std::sync::{Arc, PoisonError, RwLock};

#[cfg(feature = "tls")]
use rustls::ServerConfig;

#[cfg(feature = "tls")]
use crate::transport::tls::{self, ClientVerifier, Identity, Roots};
#[cfg(feature = "tls")]
use crate::{Result, Status};

/// The certificate of a server, and its requirements on clients' certificates, for
/// [`add_secure_port`](crate::Server::add_secure_port). gRPC Python's `ssl_server_credentials` and `local_server_credentials`.
///
/// Clones share their state: [`reload`](ServerCredentials::reload) on one of them affects the ports of all. Connections use TLS
/// 1.2 or 1.3.
///
#[cfg_attr(feature = "tls", doc = "```no_run")]
#[cfg_attr(not(feature = "tls"), doc = "```ignore")]
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
    #[cfg(feature = "tls")]
    Tls(Arc<RwLock<State>>),
}

/// The requirement on an incoming connection.
pub(crate) enum Demand {
    /// The client must be on this machine.
    Local,
    /// The client must use TLS with this configuration.
    #[cfg(feature = "tls")]
    Tls(Arc<ServerConfig>),
}

impl ServerCredentials {
    /// Creates credentials for unencrypted connections from this machine: from loopback addresses and over unix sockets. Other
    /// connections are closed at once, and logged with the feature `tracing`. gRPC Python's `local_server_credentials`.
    ///
    /// The [`AuthContext`](crate::AuthContext) of calls has the `transport_security_type` `local`. Clients need no credentials,
    /// unless they use call credentials; then they need local ones too.
    pub fn local() -> ServerCredentials {
        ServerCredentials(Kind::Local)
    }

    pub(crate) fn demand(&self) -> Demand {
        match &self.0 {
            Kind::Local => Demand::Local,
            #[cfg(feature = "tls")]
            Kind::Tls(state) => Demand::Tls(current(state).config),
        }
    }
}

/// The current settings. New handshakes use `config`.
#[cfg(feature = "tls")]
#[derive(Clone)]
struct State {
    identity: Arc<Identity>,
    clients: Clients,
    config: Arc<ServerConfig>,
}

/// The requirement on clients' certificates.
#[cfg(feature = "tls")]
#[derive(Clone)]
enum Clients {
    /// Clients are not asked for certificates.
    Any,
    /// Clients may present a certificate.
    Request(Arc<Roots>),
    /// Clients must present a certificate.
    Require(Arc<Roots>),
}

#[cfg(feature = "tls")]
impl ServerCredentials {
    /// Creates credentials from a certificate chain and its private key, both in PEM. The chain begins with the server's own
    /// certificate, followed by those of the authorities between it and a root. The key is PKCS #8, PKCS #1 or SEC 1, and not
    /// encrypted. Clients are not asked for certificates.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if one of the two cannot be parsed, or if they do not belong together.
    pub fn tls(
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        ServerCredentials::new(Arc::new(identity), Clients::Any)
    }

    /// Requires a certificate of every client (mutual TLS). It must be signed by one of these authorities (PEM), or be one of
    /// these certificates itself, byte for byte. The handshake with a client without one fails. gRPC Python's `root_certificates`
    /// with `require_client_auth=True`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text contains no certificate, or one that cannot be parsed.
    pub fn require_client_certificate(
        self,
        authorities: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let clients = Clients::Require(Roots::from_pem(authorities.as_ref())?);
        ServerCredentials::new(self.state()?.identity, clients)
    }

    /// Asks every client for a certificate, and accepts clients without one. If a client presents one, it must be signed by one
    /// of these authorities (PEM); otherwise the handshake fails. gRPC's `GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text contains no certificate, or one that cannot be parsed.
    pub fn request_client_certificate(
        self,
        authorities: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let clients = Clients::Request(Roots::from_pem(authorities.as_ref())?);
        ServerCredentials::new(self.state()?.identity, clients)
    }

    /// Replaces the certificate and key, at once for all ports with these credentials. New handshakes use them, and open
    /// connections are not affected. The requirement on clients' certificates stays the same. gRPC Python's
    /// `dynamic_ssl_server_credentials`.
    ///
    /// # Errors
    /// Fails like [`tls`](ServerCredentials::tls). The current certificate and key then stay in force.
    pub fn reload(
        &self,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<()> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        let identity = Arc::new(identity);
        self.change(|state| State::new(Arc::clone(&identity), state.clients.clone()))
    }

    /// Replaces the authorities (PEM) for clients' certificates, as [`reload`](ServerCredentials::reload) replaces the server's
    /// own certificate. Certificates stay required or requested, as before.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text contains no certificate, or one that cannot be parsed. Returns FAILED_PRECONDITION if
    /// clients are not asked for certificates. The current authorities then stay in force.
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
            State::new(Arc::clone(&state.identity), clients)
        })
    }

    fn new(identity: Arc<Identity>, clients: Clients) -> Result<ServerCredentials> {
        let state = State::new(identity, clients)?;
        Ok(ServerCredentials(Kind::Tls(Arc::new(RwLock::new(state)))))
    }

    fn state(&self) -> Result<State> {
        self.shared().map(current)
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
        }
    }
}

#[cfg(feature = "tls")]
fn current(state: &RwLock<State>) -> State {
    state.read().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(feature = "tls")]
impl State {
    fn new(identity: Arc<Identity>, clients: Clients) -> Result<State> {
        let verifier = match &clients {
            Clients::Any => None,
            Clients::Request(roots) => Some(ClientVerifier::new(Arc::clone(roots), false)?),
            Clients::Require(roots) => Some(ClientVerifier::new(Arc::clone(roots), true)?),
        };
        let builder = ServerConfig::builder_with_provider(tls::provider())
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
            identity,
            clients,
            config: Arc::new(config),
        })
    }
}

impl fmt::Debug for ServerCredentials {
    /// The output does not contain the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("ServerCredentials");
        match &self.0 {
            Kind::Local => f.field("kind", &"local"),
            #[cfg(feature = "tls")]
            Kind::Tls(state) => {
                let clients = match current(state).clients {
                    Clients::Any => "any",
                    Clients::Request(_) => "certificate requested",
                    Clients::Require(_) => "certificate required",
                };
                f.field("clients", &clients)
            }
        }
        .finish_non_exhaustive()
    }
}
