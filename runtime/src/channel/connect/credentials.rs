//! The credentials of channels.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "tls-no-provider")]
use rustls::ClientConfig;
#[cfg(feature = "tls-no-provider")]
use rustls::crypto::CryptoProvider;

use crate::Result;
#[cfg(feature = "tls-no-provider")]
use crate::Status;
use crate::call::credentials::{Authorizer, CallCredentials};
use crate::channel::connect::security::Security;
#[cfg(feature = "tls-no-provider")]
use crate::transport::tls::ClientTlsConfig;

/// The credentials of a channel, for [`Channel::secure`](crate::Channel::secure): the certificates that it trusts, the client's
/// own certificate, and call credentials. gRPC Python's `ssl_channel_credentials` and `local_channel_credentials`.
///
/// TLS connections use TLS 1.2 or 1.3. The server must negotiate HTTP/2 by ALPN.
///
#[cfg_attr(feature = "tls-no-provider", doc = "```no_run")]
#[cfg_attr(not(feature = "tls-no-provider"), doc = "```ignore")]
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

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Local,
    #[cfg(feature = "tls-no-provider")]
    Tls(ClientTlsConfig),
}

impl ChannelCredentials {
    /// Creates credentials for unencrypted connections within this machine: to loopback addresses and unix sockets. Over other
    /// connections, calls fail with UNAVAILABLE. The server needs no credentials. gRPC Python's `local_channel_credentials`.
    ///
    /// Call credentials may be sent over local connections. A connection from a [`connector`](crate::ChannelBuilder::connector)
    /// must be tokio's `TcpStream` or `UnixStream`, because the address of other types is not known.
    #[doc(alias = "local_channel_credentials")]
    pub fn local() -> ChannelCredentials {
        ChannelCredentials::of(Kind::Local)
    }

    /// Creates credentials for TLS. The server's certificate must be signed by an authority that this system trusts, and be for
    /// the host of the channel's target. The client sends no certificate.
    ///
    /// The system's authorities are loaded when the first channel is created with these credentials or with a clone of them. The
    /// environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the authorities, as for OpenSSL. Channels with clones of
    /// the same credentials resume each other's sessions.
    ///
    /// The cryptography comes from the provider that the program has installed by
    /// [`install_default`](rustls::crypto::CryptoProvider::install_default). If none is installed, ring is used, which needs the
    /// feature `tls`. With the feature `tls-no-provider` alone and no installed provider, creating the channel fails with
    /// FAILED_PRECONDITION.
    #[doc(alias = "ssl_channel_credentials")]
    #[cfg(feature = "tls-no-provider")]
    pub fn tls() -> ChannelCredentials {
        ChannelCredentials::of(Kind::Tls(ClientTlsConfig::new(None)))
    }

    /// Creates credentials for TLS, like [`tls`](ChannelCredentials::tls), with the cryptography of a provider: its cipher suites,
    /// key exchanges and signatures.
    ///
    #[cfg_attr(feature = "tls", doc = "```no_run")]
    #[cfg_attr(not(feature = "tls"), doc = "```ignore")]
    /// # fn main() -> stubwright::Result<()> {
    /// use stubwright::rustls::crypto::{CryptoProvider, ring};
    /// use stubwright::{Channel, ChannelCredentials};
    ///
    /// let provider = CryptoProvider {
    ///     cipher_suites: vec![ring::cipher_suite::TLS13_AES_256_GCM_SHA384],
    ///     ..ring::default_provider()
    /// };
    /// let credentials = ChannelCredentials::tls_with_provider(provider);
    /// let channel = Channel::secure("example.org:443", credentials)?;
    /// # drop(channel);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls-no-provider")]
    pub fn tls_with_provider(provider: impl Into<Arc<CryptoProvider>>) -> ChannelCredentials {
        let config = ClientTlsConfig::new(Some(provider.into()));
        ChannelCredentials::of(Kind::Tls(config))
    }

    /// Creates credentials for TLS from a configuration of rustls. The whole configuration applies, with its verifier of
    /// certificates, its resolver of client certificates, its session store, its key log and its other settings.
    ///
    /// If the configuration names no protocol for ALPN, `h2` is offered. The name of the server is the host of the target, or
    /// [`server_name`](ChannelCredentials::server_name). If a call has an authority of its own, the server's certificate is checked
    /// for this authority, whatever the verifier of the configuration accepts.
    ///
    #[cfg_attr(feature = "tls", doc = "```no_run")]
    #[cfg_attr(not(feature = "tls"), doc = "```ignore")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use stubwright::rustls::crypto::ring;
    /// use stubwright::rustls::{ClientConfig, KeyLogFile, RootCertStore, version};
    /// use stubwright::{Channel, ChannelCredentials};
    ///
    /// # let roots = RootCertStore::empty();
    /// let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_protocol_versions(&[&version::TLS13])?
    ///     .with_root_certificates(roots)
    ///     .with_no_client_auth();
    /// config.key_log = Arc::new(KeyLogFile::new());
    /// let channel = Channel::secure("example.org:443", ChannelCredentials::from_rustls(config)?)?;
    /// # drop(channel);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the configuration offers protocols by ALPN, but not `h2`.
    #[doc(alias = "grpc.ssl_session_cache")]
    #[cfg(feature = "tls-no-provider")]
    pub fn from_rustls(config: impl Into<Arc<ClientConfig>>) -> Result<ChannelCredentials> {
        let config = ClientTlsConfig::from_rustls(config.into())?;
        Ok(ChannelCredentials::of(Kind::Tls(config)))
    }

    /// Sets the trusted certificates (PEM), in place of the system's. gRPC Python's `root_certificates`.
    ///
    /// A trusted certificate is the certificate of an authority, or the own certificate of a server. The latter is accepted if it
    /// matches byte for byte. So a self-signed certificate, for example from `openssl req -x509 -nodes -subj /CN=localhost`, can be
    /// trusted directly, with or without `CA:TRUE`.
    ///
    /// The server's certificate must be for the host of the channel's target. The host is compared with the certificate's subject
    /// alternative names, or with its common name if there are none.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the text contains no certificate or an invalid certificate. Also returns INVALID_ARGUMENT for
    /// [`local`](ChannelCredentials::local) credentials and for credentials from a configuration of rustls.
    #[cfg(feature = "tls-no-provider")]
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<ChannelCredentials> {
        self.tls_config()?.set_roots(pem.as_ref())?;
        Ok(self)
    }

    /// Sets the client's certificate and its private key (PEM), for servers that request a certificate (mutual TLS). The chain
    /// must begin with the client's own certificate. The key must be an unencrypted PKCS #8, PKCS #1 or SEC 1 key. gRPC
    /// Python's `certificate_chain` and `private_key`.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the certificate chain or the key cannot be parsed. Also returns INVALID_ARGUMENT for
    /// [`local`](ChannelCredentials::local) credentials and for credentials from a configuration of rustls. If the key does not
    /// belong to the certificate, creating the channel fails with INVALID_ARGUMENT.
    #[cfg(feature = "tls-no-provider")]
    pub fn client_certificate(
        mut self,
        certificate_chain: impl AsRef<[u8]>,
        private_key: impl AsRef<[u8]>,
    ) -> Result<ChannelCredentials> {
        self.tls_config()?
            .set_identity(certificate_chain.as_ref(), private_key.as_ref())?;
        Ok(self)
    }

    /// Sets the name or IP address that the server's certificate must be for, in place of the target's host. The name is also the
    /// default `:authority` of calls. gRPC's `grpc.ssl_target_name_override`.
    #[doc(alias = "grpc.ssl_target_name_override")]
    pub fn server_name(mut self, name: impl AsRef<str>) -> ChannelCredentials {
        self.server_name = Some(name.as_ref().into());
        self
    }

    /// Adds credentials for all calls of the channel. Credentials are asked in the order in which they were added, and before the
    /// credentials of a single call. gRPC Python's `composite_channel_credentials`.
    #[doc(alias = "composite_channel_credentials")]
    pub fn call_credentials(mut self, credentials: impl CallCredentials) -> ChannelCredentials {
        let credentials = Authorizer::new(credentials);
        self.calls = Some(credentials.behind(self.calls.take()));
        self
    }

    /// Returns the security of connections to a server. The server's certificate must be for `host`, unless these credentials set
    /// another name.
    #[cfg_attr(
        not(feature = "tls-no-provider"),
        expect(unused_variables, reason = "only certificates are for a host")
    )]
    pub(crate) fn security(&self, host: &str) -> Result<Security> {
        match &self.kind {
            Kind::Local => Ok(Security::Local),
            #[cfg(feature = "tls-no-provider")]
            Kind::Tls(config) => {
                let host = self.name().unwrap_or(host);
                Ok(Security::Tls(config.for_host(host)?))
            }
        }
    }

    /// Returns the name that was set for the server.
    pub(crate) fn name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    pub(crate) fn has_call_credentials(&self) -> bool {
        self.calls.is_some()
    }

    pub(crate) fn into_call_credentials(self) -> Option<Authorizer> {
        self.calls
    }

    #[cfg(feature = "tls-no-provider")]
    fn tls_config(&mut self) -> Result<&mut ClientTlsConfig> {
        match &mut self.kind {
            Kind::Tls(config) => Ok(config),
            Kind::Local => Err(Status::invalid_argument(
                "local credentials have no certificates: ChannelCredentials::tls has",
            )),
        }
    }

    fn of(kind: Kind) -> ChannelCredentials {
        ChannelCredentials {
            kind,
            server_name: None,
            calls: None,
        }
    }
}

#[cfg(feature = "tls-no-provider")]
impl Default for ChannelCredentials {
    fn default() -> ChannelCredentials {
        ChannelCredentials::tls()
    }
}

/// Compares two credentials. Credentials are equal to their clones, as long as neither is changed.
impl PartialEq for ChannelCredentials {
    fn eq(&self, other: &ChannelCredentials) -> bool {
        self.kind == other.kind
            && self.server_name == other.server_name
            && self.calls == other.calls
    }
}

impl fmt::Debug for ChannelCredentials {
    /// Writes the credentials without the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelCredentials")
            .field("kind", &self.kind)
            .field("server_name", &self.server_name)
            .field("call_credentials", &self.calls.is_some())
            .finish()
    }
}
