//! Verification of a peer's certificate: either its chain leads to a trusted authority, or it is itself trusted.
//!
//! rustls and webpki verify certificates that an authority has signed. They may refuse a peer's own certificate that is itself
//! one of the given roots, byte for byte. The reason may be that it is an authority's certificate, as `openssl req -x509`
//! creates, or that it has no subject alternative name. Here it is accepted, as by OpenSSL. This is not less strict, because the
//! owner of its key could have signed any other certificate with it. Its dates, purposes and names are checked here. rustls
//! checks the signature of the handshake in any case.

use std::sync::Arc;

#[cfg(feature = "client")]
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
#[cfg(feature = "client")]
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
#[cfg(feature = "client")]
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
#[cfg(feature = "client")]
use rustls::pki_types::ServerName;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
#[cfg(feature = "server")]
use rustls::server::WebPkiClientVerifier;
#[cfg(feature = "server")]
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::certificate::{Certificate, Validity};
use super::refusal::Refusal;
use super::roots::Roots;
use crate::Result;

/// Verifies the certificates of servers.
#[cfg(feature = "client")]
#[derive(Debug)]
pub(super) struct ServerVerifier {
    roots: Arc<Roots>,
    webpki: Arc<WebPkiServerVerifier>,
}

#[cfg(feature = "client")]
impl ServerVerifier {
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        roots: Arc<Roots>,
    ) -> Result<Arc<ServerVerifier>> {
        let store = Arc::clone(&roots.store);
        let webpki = WebPkiServerVerifier::builder_with_provider(store, provider)
            .build()
            .map_err(|error| super::invalid("the root certificates", error))?;
        Ok(Arc::new(ServerVerifier { roots, webpki }))
    }
}

#[cfg(feature = "client")]
impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.roots.contain(own) {
            let read = verify_root(own, now)?;
            if !read.purposes.server {
                return Err(CertificateError::InvalidPurpose.into());
            }
            verify_name(own, host)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.webpki
            .verify_server_cert(own, intermediates, host, ocsp_response, now)
            .map_err(|error| explained(error, own))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.webpki.root_hint_subjects()
    }
}

/// Checks that a verified certificate is valid for a host. The common name only counts if there are no alternative names. At
/// this point, only a certificate that is itself trusted may have none.
#[cfg(feature = "client")]
pub(super) fn verify_name(
    certificate: &CertificateDer<'_>,
    host: &ServerName<'_>,
) -> Result<(), Error> {
    let read = read(certificate)?;
    if read.alternative_names.is_empty() && read.is_commonly_named(host) {
        return Ok(());
    }
    let parsed = ParsedCertificate::try_from(certificate)?;
    verify_server_name(&parsed, host).map_err(|error| named(error, &read))
}

/// Verifies the certificates of clients.
#[cfg(feature = "server")]
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    roots: Arc<Roots>,
    webpki: Arc<dyn ClientCertVerifier>,
}

#[cfg(feature = "server")]
impl ClientVerifier {
    /// Creates a verifier. `is_required` decides whether clients must present a certificate.
    pub(crate) fn new(
        provider: Arc<CryptoProvider>,
        roots: Arc<Roots>,
        is_required: bool,
    ) -> Result<Arc<ClientVerifier>> {
        let store = Arc::clone(&roots.store);
        let builder = WebPkiClientVerifier::builder_with_provider(store, provider);
        let builder = if is_required {
            builder
        } else {
            builder.allow_unauthenticated()
        };
        let webpki = builder
            .build()
            .map_err(|error| super::invalid("the root certificates", error))?;
        Ok(Arc::new(ClientVerifier { roots, webpki }))
    }
}

#[cfg(feature = "server")]
impl ClientCertVerifier for ClientVerifier {
    fn offer_client_auth(&self) -> bool {
        self.webpki.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.webpki.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.roots.contain(own) {
            let read = verify_root(own, now)?;
            if !read.purposes.client {
                return Err(CertificateError::InvalidPurpose.into());
            }
            return Ok(ClientCertVerified::assertion());
        }
        self.webpki
            .verify_client_cert(own, intermediates, now)
            .map_err(|error| explained(error, own))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Refuses a certificate of a version that rustls does not support. Such a certificate could not sign a handshake.
pub(super) fn check_version(certificate: &CertificateDer<'_>) -> Result<(), Error> {
    match Certificate::read(certificate) {
        Ok(read) if read.version < 3 => Err(Refusal::Version(read.version).into()),
        // rustls refuses certificates that cannot be parsed.
        _ => Ok(()),
    }
}

/// Verifies everything except the names of a peer's own certificate, which is one of the roots.
fn verify_root(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<Certificate, Error> {
    check_version(certificate)?;
    // Parsing also refuses unknown critical extensions.
    ParsedCertificate::try_from(certificate)?;
    let read = read(certificate)?;
    match read.validity(now) {
        Validity::Good => Ok(read),
        Validity::NotYet => Err(CertificateError::NotValidYetContext {
            time: now,
            not_before: UnixTime::since_unix_epoch(read.not_before),
        }
        .into()),
        Validity::Over => Err(CertificateError::ExpiredContext {
            time: now,
            not_after: UnixTime::since_unix_epoch(read.not_after),
        }
        .into()),
    }
}

fn read(certificate: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::read(certificate).map_err(|_| CertificateError::BadEncoding.into())
}

/// Replaces webpki's error by a clearer one about the certificate, if there is one.
fn explained(error: Error, certificate: &CertificateDer<'_>) -> Error {
    let Ok(read) = Certificate::read(certificate) else {
        return error;
    };
    match error {
        Error::InvalidCertificate(_) if read.version < 3 => Refusal::Version(read.version).into(),
        Error::InvalidCertificate(CertificateError::Other(_)) if read.is_authority => {
            if read.is_self_issued {
                CertificateError::UnknownIssuer.into()
            } else {
                Refusal::Authority.into()
            }
        }
        error => named(error, &read),
    }
}

/// Adds the names in the certificate to an error about names.
fn named(error: Error, read: &Certificate) -> Error {
    let Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, .. }) =
        error
    else {
        return error;
    };
    CertificateError::NotValidForNameContext {
        expected,
        presented: read.alternative_names.clone(),
    }
    .into()
}
