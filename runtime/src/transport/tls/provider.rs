//! The cryptography and the protocol that both sides use.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The only protocol that ALPN negotiates: HTTP/2 (RFC 9113, 3.2).
pub(crate) const H2: &[u8] = b"h2";

/// Returns the cryptography provider. It is always ring's, even if the program has installed another default.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The reason for refusing a connection without HTTP/2.
pub(super) const NO_H2: &str = "the peer does not offer h2 by ALPN";
