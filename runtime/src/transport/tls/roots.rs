//! The root certificates that an end of a connection trusts.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::{certificates, refusal};
use crate::Result;
#[cfg(feature = "client")]
use crate::Status;

/// The trusted certificates: those of authorities, or a peer's own certificate.
#[derive(Debug)]
pub(crate) struct Roots {
    pub(super) store: Arc<RootCertStore>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Parses certificates in PEM.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Arc<Roots>> {
        let what = "the root certificates";
        let certificates = certificates(pem, what)?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store
                .add(certificate.clone())
                .map_err(|error| refusal::invalid(what, "a root certificate", error))?;
        }
        Ok(Arc::new(Roots {
            store: Arc::new(store),
            certificates,
        }))
    }

    /// Loads the system's certificates.
    #[cfg(feature = "client")]
    pub(crate) fn of_system() -> Result<Arc<Roots>> {
        let mut found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        // Certificates of the system that cannot be used are not trusted.
        found
            .certs
            .retain(|certificate| store.add(certificate.clone()).is_ok());
        if !store.is_empty() {
            return Ok(Arc::new(Roots {
                store: Arc::new(store),
                certificates: found.certs,
            }));
        }
        let hint = "this system has no root certificates: install them (ca-certificates), set \
                    SSL_CERT_FILE to a file of them, or pass the channel its own";
        Err(match found.errors.pop() {
            Some(error) => {
                Status::failed_precondition(format!("{hint} ({error})")).with_source(error)
            }
            None => Status::failed_precondition(hint),
        })
    }

    /// Returns whether a certificate is one of the roots, byte for byte.
    pub(super) fn contain(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates
            .iter()
            .any(|root| root.as_ref() == certificate.as_ref())
    }
}
