//! The client's side of a handshake.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use super::identity::auth_context;
use super::refusal::{self, PeerRole, reason};
use super::verifier::{ServerVerifier, verify_name};
use super::{H2, Identity, NO_H2, Roots, invalid};
use crate::call::AuthContext;
use crate::transport::{Io, host_of};
use crate::{Result, Status};

/// The TLS settings for connections to one server.
#[derive(Clone)]
pub(crate) struct ClientTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ClientTls {
    /// Creates settings for a server whose certificate must be valid for `host`. The host is a name or an IP address, with or
    /// without brackets.
    pub(crate) fn new(config: Arc<ClientConfig>, host: &str) -> Result<ClientTls> {
        let name = server_name(host).ok_or_else(|| {
            Status::invalid_argument(format!(
                "server name {host:?}: not a host name or an IP address"
            ))
        })?;
        Ok(ClientTls { config, name })
    }

    /// Returns the same settings for a server whose certificate must be valid for another host.
    pub(crate) fn naming(&self, host: &str) -> Result<ClientTls> {
        ClientTls::new(Arc::clone(&self.config), host)
    }

    /// Performs the handshake on a connection. Also returns the server's identity, and the hosts for which its certificate is valid.
    pub(crate) async fn secure(
        &self,
        connection: Box<dyn Io>,
    ) -> io::Result<(Box<dyn Io>, AuthContext, CertifiedHosts)> {
        let asked = match &self.name {
            ServerName::DnsName(name) if self.config.enable_sni => Some(name.as_ref()),
            _ => None,
        };
        let handshake = TlsConnector::from(Arc::clone(&self.config))
            .connect(self.name.clone(), connection)
            .await;
        let stream =
            handshake.map_err(|error| failed(error.kind(), &reason(&error, PeerRole::Server)))?;
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(H2) {
            return Err(failed(io::ErrorKind::InvalidData, NO_H2));
        }
        let auth = auth_context(session, asked);
        let certificates = session.peer_certificates().unwrap_or_default();
        let hosts = CertifiedHosts::new(certificates.first().cloned());
        Ok((Box::new(stream), auth, hosts))
    }
}

/// The hosts for which the server's certificate is valid.
pub(crate) struct CertifiedHosts {
    certificate: Option<CertificateDer<'static>>,
    /// Earlier results, because calls use the same few hosts again and again.
    known: BTreeMap<Vec<u8>, bool>,
}

/// The maximum number of results that are kept.
const KNOWN: usize = 100;

impl CertifiedHosts {
    fn new(certificate: Option<CertificateDer<'static>>) -> CertifiedHosts {
        CertifiedHosts {
            certificate,
            known: BTreeMap::new(),
        }
    }

    /// Returns whether the certificate is valid for the host of an authority, which may include a port.
    pub(crate) fn cover(&mut self, authority: &[u8]) -> bool {
        if let Some(known) = self.known.get(authority) {
            return *known;
        }
        let covers = self.covers(authority).is_some();
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(authority.to_vec(), covers);
        covers
    }

    fn covers(&self, authority: &[u8]) -> Option<()> {
        let name = server_name(host_of(std::str::from_utf8(authority).ok()?))?;
        verify_name(self.certificate.as_ref()?, &name).ok()
    }
}

/// Parses a host. An IP address may be in brackets.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(bare.to_owned()).ok()
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientTls").field(&self.name).finish()
    }
}

fn failed(kind: io::ErrorKind, reason: &str) -> io::Error {
    io::Error::new(kind, format!("TLS handshake: {reason}"))
}

/// Creates the TLS configuration that all connections of a channel share.
pub(crate) fn client_config(
    provider: Arc<CryptoProvider>,
    roots: Arc<Roots>,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("TLS", error))?
        .dangerous()
        .with_custom_certificate_verifier(ServerVerifier::new(provider, roots)?);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| {
                let what = "the client's certificate and key";
                refusal::invalid(what, "the certificate", error)
            })?,
    };
    config.alpn_protocols = vec![H2.into()];
    Ok(Arc::new(config))
}
