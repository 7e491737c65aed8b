//! Certificates in PEM.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::{Result, Status};

/// Reads certificates. There must be at least one.
pub(super) fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
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
