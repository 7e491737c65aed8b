//! The credentials of channels.

use std::fmt;
use std::sync::Arc;

use crate::Result;
#[cfg(feature = "tls")]
use crate::Status;
use crate::call::credentials::{Authorizer, CallCredentials};
use crate::channel::resolve::authority::authority;
use crate::channel::resolve::target::Target;
#[cfg(feature = "tls")]
use crate::transport::tls::{self, ClientTls, Identity, Roots};

/// The credentials of a channel, for [`Channel::secure`](crate::Channel::secure): the certificates that it trusts, the client's
/// own certificate, and call credentials. gRPC Python's `ssl_channel_credentials` and `local_channel_credentials`.
///
/// TLS connections use TLS 1.2 or 1.3. The server must negotiate HTTP/2 by ALPN.
///
#[cfg_attr(feature = "tls", doc = "```no_run")]
#[cfg_attr(not(feature = "tls"), doc = "```ignore")]
/// # fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// use std::fs;
/// use stubwright::{Channel, ChannelCredentials, credentials};
///
/// let channel = Channel::secure("example.org:443", ChannelCredentials::tls())?;
///
/// let ours = ChannelCredentials::tls()
///     .root_certificates(fs::read("roots.pem")?)?
///     .client_certificate(fs::read("client.pem")?, fs::read("client.key")?)?
///     .call_credentials(credentials::access_token("sesame"));
/// let channel = Channel::secure("backend:5000", ours)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ChannelCredentials {
    kind: Kind,
    server_name: Option<Arc<str>>,
    calls: Option<Authorizer>,
}

#[derive(Clone)]
enum Kind {
    Local,
    #[cfg(feature = "tls")]
    Tls {
        /// The trusted certificates. `None` for those of the system.
        roots: Option<Arc<Roots>>,
        identity: Option<Arc<Identity>>,
    },
}

impl ChannelCredentials {
    /// Creates credentials for unencrypted connections within this machine: to loopback addresses and unix sockets. Over other
    /// connections, calls fail with UNAVAILABLE. A connection from a [`connector`](crate::ChannelBuilder::connector) must be
    /// tokio's `TcpStream` or `UnixStream`, because the address of other types is not known. Call credentials may be sent over
    /// local connections. The server needs no credentials. gRPC Python's `local_channel_credentials`.
    pub fn local() -> ChannelCredentials {
        ChannelCredentials::of(Kind::Local)
    }

    /// Creates credentials for TLS. The server's certificate must be signed by an authority that this system trusts, and be for
    /// the host of the channel's target. The client sends no certificate.
    ///
    /// The system's authorities are loaded when the channel is created. The environment variables `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` replace them, as for OpenSSL.
    #[cfg(feature = "tls")]
    pub fn tls() -> ChannelCredentials {
        ChannelCredentials::of(Kind::Tls {
            roots: None,
            identity: None,
        })
    }

    /// Sets the trusted certificates (PEM), in place of the system's. They are those of authorities, or a server's own
    /// certificate, which is then accepted if it matches byte for byte. So a self-signed certificate, for example from `openssl
    /// req -x509 -nodes -subj /CN=localhost`, can be trusted directly, with or without `CA:TRUE`. The server's certificate must
    /// be for the host of the channel's target, by its subject alternative names or, if it has none, by its common name. gRPC
    /// Python's `root_certificates`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text contains no certificate or an invalid one, or if the credentials are local.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<ChannelCredentials> {
        match &mut self.kind {
            Kind::Tls { roots, .. } => *roots = Some(Roots::from_pem(pem.as_ref())?),
            Kind::Local => return Err(not_tls()),
        }
        Ok(self)
    }

    /// Sets the client's certificate and its private key (PEM), for servers that request a certificate (mutual TLS). The chain
    /// must begin with the client's own certificate. The key must be an unencrypted PKCS #8, PKCS #1 or SEC 1 key. gRPC
    /// Python's `certificate_chain` and `private_key`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if one of the two cannot be parsed, or if the credentials are local. If the key does not belong
    /// to the certificate, creating the channel fails.
    #[cfg(feature = "tls")]
    pub fn client_certificate(
        mut self,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ChannelCredentials> {
        let own = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        match &mut self.kind {
            Kind::Tls { identity, .. } => *identity = Some(Arc::new(own)),
            Kind::Local => return Err(not_tls()),
        }
        Ok(self)
    }

    /// Sets the name or IP address that the server's certificate must be for, in place of the target's host. It is also the
    /// default `:authority` of calls. gRPC's `grpc.ssl_target_name_override`.
    pub fn server_name(mut self, name: impl AsRef<str>) -> ChannelCredentials {
        self.server_name = Some(name.as_ref().into());
        self
    }

    /// Adds credentials for all calls of the channel. They are asked after credentials that were added before, and before those
    /// of a single call. gRPC Python's `composite_channel_credentials`.
    pub fn call_credentials(mut self, credentials: impl CallCredentials) -> ChannelCredentials {
        let credentials = Authorizer::new(credentials);
        self.calls = Some(credentials.behind(self.calls.take()));
        self
    }

    /// Sets the security of a target's connections.
    pub(crate) fn secure(&self, target: &mut Target) -> Result<()> {
        if let Some(name) = &self.server_name {
            target.authority = authority(name)?;
            target.has_fixed_authority = true;
        }
        match &self.kind {
            Kind::Local => target.is_local = true,
            #[cfg(feature = "tls")]
            Kind::Tls { roots, identity } => {
                let roots = match roots {
                    Some(roots) => Arc::clone(roots),
                    None => Roots::of_system()?,
                };
                let config = tls::client_config(roots, identity.as_deref())?;
                let host = match &self.server_name {
                    Some(name) => name,
                    None => target.host(),
                };
                target.tls = Some(ClientTls::new(config, host)?);
            }
        }
        Ok(())
    }

    pub(crate) fn into_call_credentials(self) -> Option<Authorizer> {
        self.calls
    }

    fn of(kind: Kind) -> ChannelCredentials {
        ChannelCredentials {
            kind,
            server_name: None,
            calls: None,
        }
    }
}

#[cfg(feature = "tls")]
impl Default for ChannelCredentials {
    fn default() -> ChannelCredentials {
        ChannelCredentials::tls()
    }
}

#[cfg(feature = "tls")]
fn not_tls() -> Status {
    Status::invalid_argument("local credentials have no certificates: ChannelCredentials::tls has")
}

impl fmt::Debug for ChannelCredentials {
    /// The output does not contain the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("ChannelCredentials");
        match &self.kind {
            Kind::Local => f.field("kind", &"local"),
            #[cfg(feature = "tls")]
            Kind::Tls { roots, identity } => {
                let roots = match roots {
                    None => "the system's",
                    Some(_) => "given",
                };
                f.field("roots", &roots)
                    .field("client_certificate", &identity.is_some())
            }
        }
        .field("server_name", &self.server_name)
        .field("call_credentials", &self.calls.is_some())
        .finish()
    }
}
