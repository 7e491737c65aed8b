//! What a client's certificate says of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use super::certificate::Certificate;
use crate::call::{AuthContext, COMMON_NAME, SUBJECT_ALTERNATIVE_NAME};

/// What gRPC says of a connection with these certificates of the peer, which have been verified; its own comes first.
pub(super) fn auth_context(certificates: &[CertificateDer<'_>]) -> AuthContext {
    let mut context = AuthContext::secured();
    let Some(own) = certificates.first() else {
        return context;
    };
    // A certificate that is verified and not to be read here leaves the connection without the names in it.
    let names = Certificate::read(own).unwrap_or_default();
    if let Some(name) = names.common_name {
        context.push(COMMON_NAME, name);
    }
    for name in names.alternative_names {
        context.push(SUBJECT_ALTERNATIVE_NAME, name);
    }
    context.push("x509_pem_cert", pem(own));
    let chain = certificates.iter().map(|certificate| pem(certificate));
    context.push("x509_pem_cert_chain", chain.collect());
    context.set_certificates(certificates.iter().map(|der| der.to_vec()).collect());
    context
}

/// A certificate as PEM (RFC 7468), in lines of 64 characters.
fn pem(certificate: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    // 48 bytes make 64 characters.
    for line in certificate.chunks(48) {
        STANDARD.encode_string(line, &mut pem);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
