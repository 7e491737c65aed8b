//! What programs may bring themselves: whole configurations of rustls, and the provider of the cryptography.

use std::sync::{Arc, Mutex};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme, SupportedCipherSuite};
use stubwright::{Channel, ChannelCredentials, Code, ServerCredentials};
use stubwright_tests::certificates::{Authority, Issued};

use crate::fixture::{ask, refused, serve, server_credentials, trusting};

/// A provider with one cipher suite.
fn only(suite: SupportedCipherSuite) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![suite],
        ..ring::default_provider()
    }
}

fn client_config(trust: &Authority) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(trust.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn certified(issued: &Issued) -> CertifiedKey {
    let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    CertifiedKey::from_der(chain, key, &ring::default_provider()).unwrap()
}

/// A configuration that chooses the certificate by the name that a client asks for.
fn server_config(names: &[(&str, &Issued)]) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let mut by_name = ResolvesServerCertUsingSni::new();
    for (name, issued) in names {
        by_name.add(name, certified(issued)).unwrap();
    }
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(by_name))
}

#[tokio::test]
async fn configurations_of_rustls_are_used_as_they_are() {
    let authority = Authority::new("authority");
    let (one, two) = (
        authority.issue(&["one.example"]),
        authority.issue(&["two.example"]),
    );
    let config = server_config(&[("one.example", &one), ("two.example", &two)]);
    let credentials = ServerCredentials::from_rustls(config).unwrap();
    let (_server, address) = serve(&credentials).await;
    let config = Arc::new(client_config(&authority));
    for name in ["one.example", "two.example"] {
        let credentials = ChannelCredentials::from_rustls(Arc::clone(&config)).unwrap();
        let credentials = credentials.server_name(name);
        let channel = Channel::secure(address.to_string(), credentials).unwrap();
        let seen = ask(&channel).await.unwrap();
        assert!(seen.ends_with(&format!(" authority={name}")), "{seen}");
    }
    assert!(config.alpn_protocols.is_empty());
}

#[tokio::test]
async fn the_verifier_of_a_given_configuration_decides() {
    let (authority, other) = (Authority::new("authority"), Authority::new("other"));
    let (_server, address) = serve(&server_credentials(&authority.issue(&["127.0.0.1"]))).await;
    let credentials = ChannelCredentials::from_rustls(client_config(&other)).unwrap();
    let message = refused(address, credentials).await;
    assert!(message.contains("is not signed by any"), "{message}");
}

#[test]
fn a_configuration_for_other_protocols_is_refused() {
    let authority = Authority::new("authority");
    let mut client = client_config(&authority);
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut server = server_config(&[("one", &authority.issue(&["one"]))]);
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    for error in [
        ChannelCredentials::from_rustls(client).err().unwrap(),
        ServerCredentials::from_rustls(server).err().unwrap(),
    ] {
        assert_eq!(error.code(), Code::InvalidArgument);
        let said = "the rustls configuration offers only http/1.1 by ALPN, but gRPC needs h2: add it to \
                    `alpn_protocols`, or leave that empty";
        assert_eq!(error.message(), said);
    }
}

/// Returns the current certificate of a client.
#[derive(Debug)]
struct Current(Mutex<Arc<CertifiedKey>>);

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap()))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_resolver_renews_the_certificate_of_a_client() {
    let authority = Authority::new("authority");
    let [one, two] = ["one.example", "two.example"]
        .map(|name| Arc::new(certified(&authority.issue_named(name, &[name]))));
    let server = server_credentials(&authority.issue(&["127.0.0.1"]));
    let server = server.require_client_certificate(authority.pem()).unwrap();
    for (resumption, expected) in [
        (Resumption::disabled(), "two.example"),
        // A resumed session keeps the certificate with which it began.
        (Resumption::default(), "one.example"),
    ] {
        let (_server, address) = serve(&server).await;
        let current = Arc::new(Current(Mutex::new(Arc::clone(&one))));
        let mut config = client_config(&authority);
        config.client_auth_cert_resolver = current.clone();
        config.resumption = resumption;
        let credentials = ChannelCredentials::from_rustls(config).unwrap();
        let seen = async || {
            let channel = Channel::secure(address.to_string(), credentials.clone()).unwrap();
            ask(&channel).await.unwrap()
        };
        let before = seen().await;
        assert!(before.contains("one.example"), "{before}");
        *current.0.lock().unwrap() = Arc::clone(&two);
        let after = seen().await;
        assert!(after.contains(expected), "{after}");
    }
}

#[test]
fn a_given_configuration_takes_no_certificates_beside_its_own() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["one"]);
    let client = ChannelCredentials::from_rustls(client_config(&authority)).unwrap();
    assert!(format!("{client:?}").contains("kind: Tls(Rustls)"));
    for error in [
        client.clone().root_certificates(authority.pem()).err(),
        client.client_certificate(&issued.chain, &issued.key).err(),
    ] {
        let error = error.unwrap();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains("its builder"), "{error}");
    }
    let server = ServerCredentials::from_rustls(server_config(&[("one", &issued)])).unwrap();
    assert!(format!("{server:?}").contains("kind: \"rustls\""));
    for error in [
        server.reload(&issued.chain, &issued.key).err(),
        server.reload_client_authorities(authority.pem()).err(),
        server.require_client_certificate(authority.pem()).err(),
    ] {
        let error = error.unwrap();
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert!(error.message().contains("its resolver"), "{error}");
    }
}

#[tokio::test]
async fn the_cryptography_is_that_of_the_given_provider() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["127.0.0.1"]);
    let with =
        |suite| ServerCredentials::tls_with_provider(only(suite), &issued.chain, &issued.key);
    let trusting_with = |suite| {
        ChannelCredentials::tls_with_provider(only(suite))
            .root_certificates(authority.pem())
            .unwrap()
    };
    let aes = ring::cipher_suite::TLS13_AES_256_GCM_SHA384;
    let chacha = ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    // What is changed later keeps the provider.
    let credentials = with(aes).unwrap();
    credentials.reload(&issued.chain, &issued.key).unwrap();
    let credentials = credentials
        .request_client_certificate(authority.pem())
        .unwrap();
    let (_server, address) = serve(&credentials).await;
    for credentials in [trusting_with(aes), trusting(&authority)] {
        let channel = Channel::secure(address.to_string(), credentials).unwrap();
        ask(&channel).await.unwrap();
    }
    let message = refused(address, trusting_with(chacha)).await;
    assert!(message.contains("HandshakeFailure"), "{message}");
}
