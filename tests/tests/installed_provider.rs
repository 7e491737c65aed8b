//! The provider of the cryptography that a program installs as its default. It is one for the whole process, so this is a program.

use rustls::crypto::{CryptoProvider, ring};
use stubwright::{Channel, ChannelCredentials, Server, ServerCredentials};
use stubwright_tests::Probe;
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, add_probe_servicer_to_server};

/// A provider with one cipher suite.
fn only(suite: rustls::SupportedCipherSuite) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![suite],
        ..ring::default_provider()
    }
}

#[tokio::test]
async fn an_installed_provider_is_the_default_of_both_sides() {
    let aes = only(ring::cipher_suite::TLS13_AES_256_GCM_SHA384);
    let chacha = only(ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256);
    aes.install_default().unwrap();
    let authority = Authority::new("authority");
    let issued = authority.issue(&["127.0.0.1"]);
    let mut server = Server::new();
    add_probe_servicer_to_server(Probe::new().0, &mut server);
    let credentials = ServerCredentials::tls(issued.chain, issued.key).unwrap();
    let address = server.add_secure_port("127.0.0.1:0", credentials);
    let address = address.await.unwrap().to_string();
    server.start().unwrap();
    let call = |credentials: ChannelCredentials| {
        let credentials = credentials.root_certificates(authority.pem()).unwrap();
        let channel = Channel::secure(&address, credentials).unwrap();
        ProbeStub::new(channel).unary(Request::default())
    };
    call(ChannelCredentials::tls()).await.unwrap();
    let refused = call(ChannelCredentials::tls_with_provider(chacha)).await;
    assert!(refused.unwrap_err().message().contains("HandshakeFailure"));
}
