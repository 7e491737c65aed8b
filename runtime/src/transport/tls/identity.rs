//! The identity in a peer's certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::CommonState;

use super::certificate::Certificate;
use crate::call::{AuthContext, COMMON_NAME, SUBJECT_ALTERNATIVE_NAME, TlsSession};

/// Creates the auth context of a connection after the handshake, in which the client asked for `server_name`. The peer's
/// certificates are verified, its own is the first.
pub(super) fn auth_context(session: &CommonState, server_name: Option<&str>) -> AuthContext {
    let mut context = AuthContext::secured(TlsSession::of(session, server_name));
    let certificates = session.peer_certificates().unwrap_or_default();
    let Some(own) = certificates.first() else {
        return context;
    };
    // If a verified certificate cannot be parsed here, only the names are missing.
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

/// Encodes a certificate as PEM (RFC 7468), in lines of 64 characters.
fn pem(certificate: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    // 48 bytes become 64 characters.
    for line in certificate.chunks(48) {
        STANDARD.encode_string(line, &mut pem);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
