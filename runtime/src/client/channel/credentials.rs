//! Whom a channel trusts, and what it proves itself with.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;

use super::target::{Target, authority};
use crate::Result;
use crate::transport::tls::{self, ClientTls, Identity};

/// Whom a channel trusts, and what it proves itself with: for [`Channel::secure`](crate::Channel::secure). gRPC Python's
/// `ssl_channel_credentials`.
///
/// Connections are TLS 1.2 or 1.3, and the server has to negotiate HTTP/2 by ALPN.
///
/// ```no_run
/// # fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// use std::fs;
/// use stubwright::{Channel, ChannelCredentials};
///
/// let channel = Channel::secure("example.org:443", ChannelCredentials::tls())?;
///
/// let ours = ChannelCredentials::tls()
///     .root_certificates(fs::read("roots.pem")?)?
///     .client_certificate(fs::read("client.pem")?, fs::read("client.key")?)?;
/// let channel = Channel::secure("backend:5000", ours)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ChannelCredentials {
    /// The system's, when none are given.
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<Identity>>,
    server_name: Option<Arc<str>>,
}

impl ChannelCredentials {
    /// TLS to a server whose certificate is signed by an authority that this system trusts, and is for the host of the
    /// channel's target. The client shows no certificate.
    ///
    /// The system's authorities are read when the channel is made; the environment variables `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name others, as they do for OpenSSL.
    pub fn tls() -> ChannelCredentials {
        ChannelCredentials {
            roots: None,
            identity: None,
            server_name: None,
        }
    }

    /// The authorities (PEM) that are trusted, in the place of the system's. gRPC Python's `root_certificates`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is no certificate in the text, or one cannot be read.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<ChannelCredentials> {
        self.roots = Some(tls::roots(pem.as_ref())?);
        Ok(self)
    }

    /// The client's own certificate and its private key, both PEM, for servers that ask for one: mutual TLS. The chain
    /// begins with the client's own certificate; the key is PKCS #8, PKCS #1 or SEC 1, and not encrypted. gRPC Python's
    /// `certificate_chain` and `private_key`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when one of the two cannot be read. That they do not belong together shows when the channel is
    /// made.
    pub fn client_certificate(
        mut self,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ChannelCredentials> {
        let identity = Identity::from_pem(certificate_chain.as_ref(), private_key.as_ref())?;
        self.identity = Some(Arc::new(identity));
        Ok(self)
    }

    /// The name, or IP address, that the server's certificate has to be for, in the place of the target's host. It is also
    /// the authority of calls that name none of their own. gRPC's `grpc.ssl_target_name_override`.
    pub fn server_name(mut self, name: impl AsRef<str>) -> ChannelCredentials {
        self.server_name = Some(name.as_ref().into());
        self
    }

    /// Secures a target.
    pub(crate) fn secure(&self, target: &mut Target) -> Result<()> {
        let roots = match &self.roots {
            Some(roots) => Arc::clone(roots),
            None => tls::system_roots()?,
        };
        let config = tls::client_config(roots, self.identity.as_deref())?;
        let host = match &self.server_name {
            Some(name) => {
                target.authority = authority(name)?;
                name
            }
            None => target.host(),
        };
        target.tls = Some(ClientTls::new(config, host)?);
        Ok(())
    }
}

impl Default for ChannelCredentials {
    fn default() -> ChannelCredentials {
        ChannelCredentials::tls()
    }
}

impl fmt::Debug for ChannelCredentials {
    /// Says nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roots = match self.roots {
            None => "the system's",
            Some(_) => "given",
        };
        f.debug_struct("ChannelCredentials")
            .field("roots", &roots)
            .field("client_certificate", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}
