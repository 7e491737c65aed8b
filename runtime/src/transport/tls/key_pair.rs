//! A certificate with its private key.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::pem::{certificates, invalid};
use super::{refusal, verifier};
use crate::{Result, Status};

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
