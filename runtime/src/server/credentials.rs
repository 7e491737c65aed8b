//! What a server proves itself with, and what it asks of its clients.

use std::fmt;
#[cfg(feature = "tls")]
use std::sync::{Arc, PoisonError, RwLock};

#[cfg(feature = "tls")]
use rustls::ServerConfig;

#[cfg(feature = "tls")]
use crate::transport::tls::{self, ClientVerifier, Identity, Roots};
#[cfg(feature = "tls")]
use crate::{Result, Status};

/// The certificate of a server, and what it asks of its clients: for
/// [`add_secure_port`](crate::Server::add_secure_port). gRPC Python's `ssl_server_credentials` and `local_server_credentials`.
///
/// A clone is the same credentials: what [`reload`](ServerCredentials::reload) changes in one, it changes for the ports
/// that were given the other. Connections are TLS 1.2 or 1.3.
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
/// server.start().await?;
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

/// What a connection that comes in has to be.
pub(crate) enum Demand {
    /// From this machine.
    Local,
    /// Over TLS like this.
    #[cfg(feature = "tls")]
    Tls(Arc<ServerConfig>),
}

impl ServerCredentials {
    /// Connections from this machine alone, from loopback addresses and by unix sockets, without encryption. Any other is
    /// closed at once, and logged when the feature `tracing` is on. The [`AuthContext`](crate::AuthContext) of calls has the
    /// `transport_security_type` `local`. Clients need no credentials; those with call credentials have local ones. gRPC
    /// Python's `local_server_credentials`.
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

/// What is in force: new handshakes take `config` as it is.
#[cfg(feature = "tls")]
#[derive(Clone)]
struct State {
    identity: Arc<Identity>,
    clients: Clients,
    config: Arc<ServerConfig>,
}

/// What clients are asked for.
#[cfg(feature = "tls")]
#[derive(Clone)]
enum Clients {
    /// Nothing.
    Any,
    /// A certificate, if they have one.
    Request(Arc<Roots>),
    /// A certificate.
    Require(Arc<Roots>),
}

#[cfg(feature = "tls")]
impl ServerCredentials {
    /// Credentials of a certificate and its private key, both PEM. The chain begins with the server's own certificate;
    /// those of the authorities between it and a root follow. The key is PKCS #8, PKCS #1 or SEC 1, and not encrypted.
    /// Clients are not asked for certificates.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when one of the two cannot be read, or they do not belong together.
    pub fn tls(
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        ServerCredentials::new(Arc::new(identity), Clients::Any)
    }

    /// Credentials that also require a certificate of every client, signed by one of these authorities (PEM), or one of these
    /// certificates itself, byte for byte: mutual TLS. A client without one is refused at the handshake. gRPC Python's `root_certificates` with
    /// `require_client_auth=True`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is no certificate in the text, or one cannot be read.
    pub fn require_client_certificate(
        self,
        authorities: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let clients = Clients::Require(Roots::from_pem(authorities.as_ref())?);
        ServerCredentials::new(self.state()?.identity, clients)
    }

    /// Credentials that also ask each client for a certificate, and let it in without. One that it does show has to be
    /// signed by one of these authorities (PEM), else it is refused at the handshake. gRPC's
    /// `GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is no certificate in the text, or one cannot be read.
    pub fn request_client_certificate(
        self,
        authorities: impl AsRef<[u8]>,
    ) -> Result<ServerCredentials> {
        let clients = Clients::Request(Roots::from_pem(authorities.as_ref())?);
        ServerCredentials::new(self.state()?.identity, clients)
    }

    /// Takes another certificate and key in the place of the present ones, at once and for all ports with these
    /// credentials. Handshakes that begin from now on use them; connections that are open stay as they are. What clients
    /// are asked for stays too. gRPC Python's `dynamic_ssl_server_credentials`.
    ///
    /// # Errors
    /// As [`tls`](ServerCredentials::tls); the present ones then stay in force.
    pub fn reload(
        &self,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<()> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        let identity = Arc::new(identity);
        self.change(|state| State::new(Arc::clone(&identity), state.clients.clone()))
    }

    /// Takes other authorities (PEM) for clients' certificates in the place of the present ones, as
    /// [`reload`](ServerCredentials::reload) does for the server's own. Whether a certificate is required or only
    /// requested stays.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is no certificate in the text, or one cannot be read; FAILED_PRECONDITION when clients
    /// are not asked for certificates. The present ones then stay in force.
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

    /// Puts another state in the place of the present one, with nothing in between.
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
                "local credentials have no certificates: ServerCredentials::tls has",
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
    /// Says nothing of the key.
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
