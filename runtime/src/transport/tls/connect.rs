//! The client's side of a handshake.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::{H2, Identity, NO_H2, invalid, provider, reason};
use crate::transport::Io;
use crate::{Result, Status};

/// What puts TLS on an open connection.
#[derive(Clone)]
pub(crate) struct ClientTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ClientTls {
    /// TLS to a server whose certificate has to be for `host`, a name or an IP address, that in brackets or not.
    pub(crate) fn new(config: Arc<ClientConfig>, host: &str) -> Result<ClientTls> {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|error| invalid(&format!("server name {host:?}"), error))?;
        Ok(ClientTls { config, name })
    }

    pub(crate) async fn secure(&self, connection: Box<dyn Io>) -> io::Result<Box<dyn Io>> {
        let handshake = TlsConnector::from(Arc::clone(&self.config))
            .connect(self.name.clone(), connection)
            .await;
        let stream = handshake.map_err(|error| failed(error.kind(), &reason(&error)))?;
        if stream.get_ref().1.alpn_protocol() == Some(H2) {
            Ok(Box::new(stream))
        } else {
            Err(failed(io::ErrorKind::InvalidData, NO_H2))
        }
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientTls").field(&self.name).finish()
    }
}

fn failed(kind: io::ErrorKind, reason: &str) -> io::Error {
    io::Error::new(kind, format!("TLS handshake: {reason}"))
}

/// What the connections of a channel share: whom to trust, and who this end is.
pub(crate) fn client_config(
    roots: Arc<RootCertStore>,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("TLS", error))?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| invalid("the client's certificate and key", error))?,
    };
    config.alpn_protocols = vec![H2.into()];
    Ok(Arc::new(config))
}

/// The authorities that this system trusts.
pub(crate) fn system_roots() -> Result<Arc<RootCertStore>> {
    let mut found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system's store may have certificates that are not understood, which are then not trusted.
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(Arc::new(roots));
    }
    let hint = "this system has no root certificates: install them (ca-certificates), name a file of them in \
                SSL_CERT_FILE, or give the channel its own";
    Err(match found.errors.pop() {
        Some(error) => Status::failed_precondition(format!("{hint} ({error})")).with_source(error),
        None => Status::failed_precondition(hint),
    })
}
