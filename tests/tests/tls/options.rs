//! Invalid credentials, and the server name that a channel verifies.

use stubwright::{Channel, ChannelCredentials, Code, ServerCredentials};
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};

use crate::fixture::{ask, serve, server_credentials, trusting};

#[tokio::test]
async fn the_server_name_is_also_the_authority() {
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["backend.example"]));
    let (_server, address) = serve(&credentials).await;
    let credentials = trusting(&authority).server_name("backend.example");
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let seen = ask(&channel).await.unwrap();
    assert!(seen.ends_with(" authority=backend.example"), "{seen}");
}

#[tokio::test]
async fn a_server_is_found_by_name_and_by_an_address_in_brackets() {
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["localhost", "::1"]));
    let mut server = stubwright::Server::new();
    let Ok(address) = server.add_secure_port("[::1]:0", credentials).await else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    stubwright_tests::pb::probe::v1::add_probe_servicer_to_server(crate::fixture::Who, &mut server);
    server.start().unwrap();
    let channel = Channel::secure(address.to_string(), trusting(&authority)).unwrap();
    assert!(ask(&channel).await.is_ok());
}

#[test]
fn errors_of_invalid_credentials_name_the_fault() {
    let authority = Authority::new("authority");
    let (one, other) = (authority.issue(&["one"]), authority.issue(&["other"]));
    let cases = [
        (
            "",
            one.key.as_str(),
            "the certificate chain: no certificate found",
        ),
        (
            &one.key,
            &one.key,
            "the certificate chain: no certificate found",
        ),
        (&one.chain, "", "the private key: none found"),
        (&one.chain, &one.chain, "the private key: none found"),
        (&one.chain, &other.key, "the server's certificate and key: "),
    ];
    for (chain, key, message) in cases {
        let status = ServerCredentials::tls(chain, key).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(message), "{status}");
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let status = ServerCredentials::tls(broken, &one.key).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let status = ChannelCredentials::tls()
        .root_certificates(broken)
        .unwrap_err();
    assert!(
        status.message().starts_with("the root certificates: "),
        "{status}"
    );
    let mismatch = trusting(&authority)
        .client_certificate(&one.chain, &other.key)
        .unwrap();
    let status = Channel::secure("localhost:1", mismatch).unwrap_err();
    assert!(
        status
            .message()
            .starts_with("the client's certificate and key: "),
        "{status}"
    );
    let unnamed = trusting(&authority).server_name("no name");
    let status = Channel::secure("localhost:1", unnamed).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}

#[test]
fn printed_credentials_contain_no_key() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["one"]);
    let server = server_credentials(&issued);
    assert_eq!(
        format!("{server:?}"),
        "ServerCredentials { clients: \"any\", .. }"
    );
    let client = trusting(&authority)
        .client_certificate(&issued.chain, &issued.key)
        .unwrap()
        .call_credentials(stubwright::credentials::access_token("sesame"));
    assert_eq!(
        format!("{client:?}"),
        "ChannelCredentials { kind: Tls(Certificates { roots: \"given\", client_certificate: true }), server_name: None, call_credentials: true }"
    );
}

#[tokio::test]
async fn the_authority_of_a_call_is_checked_against_the_certificate() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["127.0.0.1", "one.example", "*.several.example"]);
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let channel = Channel::secure(address.to_string(), trusting(&authority)).unwrap();
    let stub = ProbeStub::new(channel);
    for host in ["one.example", "one.example:8443", "a.several.example"] {
        let call = stub.unary(Request::default()).authority(host);
        let seen = String::from_utf8(call.await.unwrap().payload).unwrap();
        assert!(seen.ends_with(&format!(" authority={host}")), "{seen}");
    }
    for _ in 0..2 {
        let call = stub.unary(Request::default()).authority("other.example");
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        let said =
            "the server's certificate is not for \"other.example\", the authority of the call";
        assert_eq!(error.message(), said);
    }
}

#[tokio::test]
async fn the_certificate_must_be_for_the_authority_of_the_channel() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["one.example"]))).await;
    let secure = |host: &str, credentials| {
        let builder = Channel::builder().authority(host);
        builder
            .build_secure(address.to_string(), credentials)
            .unwrap()
    };
    let channel = secure("one.example:99", trusting(&authority));
    let seen = ask(&channel).await.unwrap();
    assert!(seen.ends_with(" authority=one.example:99"), "{seen}");
    let channel = secure("other.example", trusting(&authority));
    let error = ask(&channel).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    // A server name in the credentials takes precedence.
    let named = trusting(&authority).server_name("one.example");
    let seen = ask(&secure("other.example", named)).await.unwrap();
    assert!(seen.ends_with(" authority=other.example"), "{seen}");
}
