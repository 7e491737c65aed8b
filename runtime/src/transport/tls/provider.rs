//! The cryptography and the protocol that both sides use.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::{Result, Status};

/// The only protocol that ALPN negotiates: HTTP/2 (RFC 9113, 3.2).
pub(crate) const H2: &[u8] = b"h2";

/// Returns the cryptography provider for credentials that were given none: the one that the program has installed as its default,
/// otherwise ring's, with the feature `tls`.
pub(crate) fn default_provider() -> Result<Arc<CryptoProvider>> {
    CryptoProvider::get_default()
        .cloned()
        .or_else(built_in)
        .ok_or_else(|| {
            Status::failed_precondition(
                "TLS has no cryptography provider: enable the feature `tls` of stubwright, which has ring, install one by \
                 `CryptoProvider::install_default`, or create the credentials by `tls_with_provider`",
            )
        })
}

fn built_in() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "tls")]
    return Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(feature = "tls"))]
    None
}

/// Makes sure that a configuration of the user's negotiates HTTP/2. One that names no protocol offers HTTP/2 alone.
pub(crate) fn offer_h2(protocols: &mut Vec<Vec<u8>>) -> Result<()> {
    if protocols.is_empty() {
        protocols.push(H2.to_vec());
    }
    if protocols.iter().any(|protocol| protocol == H2) {
        return Ok(());
    }
    let named: Vec<_> = protocols
        .iter()
        .map(|protocol| String::from_utf8_lossy(protocol))
        .collect();
    Err(Status::invalid_argument(format!(
        "the rustls configuration offers only {} by ALPN, but gRPC needs h2: add it to `alpn_protocols`, or leave that empty",
        named.join(", ")
    )))
}

/// The reason for refusing a connection without HTTP/2.
pub(super) const NO_H2: &str = "the peer does not offer h2 by ALPN";

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_ring_a_program_is_told_to_choose_a_provider() {
        let error = default_provider().unwrap_err();
        assert_eq!(error.code(), crate::Code::FailedPrecondition);
        for remedy in [
            "the feature `tls`",
            "`CryptoProvider::install_default`",
            "`tls_with_provider`",
        ] {
            assert!(error.message().contains(remedy), "{error}");
        }
    }

    #[test]
    fn a_configuration_without_protocols_offers_h2() {
        let mut protocols = Vec::new();
        offer_h2(&mut protocols).unwrap();
        assert_eq!(protocols, [b"h2"]);
    }

    #[test]
    fn a_configuration_that_offers_h2_among_others_stays_as_it_is() {
        let mut protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
        offer_h2(&mut protocols).unwrap();
        assert_eq!(protocols, [b"http/1.1".as_slice(), b"h2"]);
    }

    #[test]
    fn a_configuration_that_offers_only_other_protocols_is_refused() {
        let mut protocols = vec![b"http/1.1".to_vec(), b"h3".to_vec()];
        let error = offer_h2(&mut protocols).unwrap_err();
        assert_eq!(error.code(), crate::Code::InvalidArgument);
        assert!(error.message().contains("only http/1.1, h3"), "{error}");
    }
}
