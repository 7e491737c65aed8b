//! Whom a channel trusts, and what it proves itself with.

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

/// Whom a channel trusts, and what it proves itself with: for [`Channel::secure`](crate::Channel::secure). gRPC Python's
/// `ssl_channel_credentials` and `local_channel_credentials`.
///
/// Connections over TLS are TLS 1.2 or 1.3, and the server has to negotiate HTTP/2 by ALPN.
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
        /// The system's, when none are given.
        roots: Option<Arc<Roots>>,
        identity: Option<Arc<Identity>>,
    },
}

impl ChannelCredentials {
    /// Connections that do not leave this machine: to loopback addresses and unix sockets, without encryption. To any other
    /// address no connection is made, and calls fail with UNAVAILABLE; neither is one used that was made by a
    /// [`connector`](crate::ChannelBuilder::connector) and is no socket of tokio's. They are safe enough for call credentials. Any server without
    /// encryption will do. gRPC Python's `local_channel_credentials`.
    pub fn local() -> ChannelCredentials {
        ChannelCredentials::of(Kind::Local)
    }

    /// TLS to a server whose certificate is signed by an authority that this system trusts, and is for the host of the
    /// channel's target. The client shows no certificate.
    ///
    /// The system's authorities are read when the channel is made; the environment variables `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name others, as they do for OpenSSL.
    #[cfg(feature = "tls")]
    pub fn tls() -> ChannelCredentials {
        ChannelCredentials::of(Kind::Tls {
            roots: None,
            identity: None,
        })
    }

    /// Sets the certificates (PEM) that are trusted, in the place of the system's: those of authorities, or a server's own, which
    /// is accepted if it is one of them byte for byte. So the self-signed certificate that `openssl req -x509 -nodes -subj
    /// /CN=localhost` makes for a server is also its root, with or without `CA:TRUE`. Its subject alternative names, or its common
    /// name if it has none, have to be for the host of the channel's target. gRPC Python's `root_certificates`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is no certificate in the text, or one cannot be read, or the credentials are local.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<ChannelCredentials> {
        match &mut self.kind {
            Kind::Tls { roots, .. } => *roots = Some(Roots::from_pem(pem.as_ref())?),
            Kind::Local => return Err(not_tls()),
        }
        Ok(self)
    }

    /// The client's own certificate and its private key, both PEM, for servers that ask for one: mutual TLS. The chain
    /// begins with the client's own certificate; the key is PKCS #8, PKCS #1 or SEC 1, and not encrypted. gRPC Python's
    /// `certificate_chain` and `private_key`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when one of the two cannot be read, or the credentials are local. That they do not belong together
    /// shows when the channel is made.
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

    /// The name, or IP address, that the server's certificate has to be for, in the place of the target's host. It is also
    /// the authority of calls that name none of their own. gRPC's `grpc.ssl_target_name_override`.
    pub fn server_name(mut self, name: impl AsRef<str>) -> ChannelCredentials {
        self.server_name = Some(name.as_ref().into());
        self
    }

    /// Adds credentials for all calls of the channel, after those that were added before. Credentials of a call come after
    /// them. gRPC Python's `composite_channel_credentials`.
    pub fn call_credentials(mut self, credentials: impl CallCredentials) -> ChannelCredentials {
        let credentials = Authorizer::new(credentials);
        self.calls = Some(credentials.behind(self.calls.take()));
        self
    }

    /// Secures a target.
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
    /// Says nothing of the key.
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
