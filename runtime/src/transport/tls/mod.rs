//! TLS by rustls: the parts that both sides share.

#[cfg(feature = "server")]
mod accept;
mod certificate;
#[cfg(feature = "client")]
mod connect;
#[cfg(feature = "server")]
mod identity;
mod refusal;
mod roots;
mod verifier;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Result, Status};

#[cfg(feature = "server")]
pub(crate) use accept::accept;
#[cfg(feature = "client")]
pub(crate) use connect::{CertifiedHosts, ClientTls, client_config, host_of};
pub(crate) use refusal::alert;
#[cfg(feature = "server")]
pub(crate) use refusal::invalid as unusable;
pub(crate) use roots::Roots;
#[cfg(feature = "server")]
pub(crate) use verifier::ClientVerifier;

/// The only protocol that ALPN negotiates: HTTP/2 (RFC 9113, 3.2).
pub(crate) const H2: &[u8] = b"h2";

/// Returns the cryptography provider, always ring's, whatever default the program has installed.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A certificate, the chain that is sent with it, and its private key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(crate) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity> {
        let what = "the certificate chain";
        let chain = certificates(chain, what)?;
        if let Some(own) = chain.first() {
            verifier::check_version(own)
                .map_err(|error| refusal::invalid(what, "the first certificate", error))?;
        }
        Ok(Identity {
            chain,
            key: PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
                pem::Error::NoItemsFound => Status::invalid_argument(
                    "the private key: none found; it must be unencrypted PEM, in PKCS #8, PKCS #1 or SEC 1",
                ),
                error => invalid("the private key", error),
            })?,
        })
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| invalid(what, error))?;
    if certificates.is_empty() {
        return Err(Status::invalid_argument(format!(
            "{what}: no certificate found; it must be PEM, with BEGIN CERTIFICATE"
        )));
    }
    Ok(certificates)
}

/// Creates the error of an argument that cannot be used.
pub(crate) fn invalid(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Status {
    Status::invalid_argument(format!("{what}: {error}")).with_source(error)
}

/// The reason for refusing a connection without HTTP/2.
const NO_H2: &str = "the peer does not offer h2 by ALPN";
