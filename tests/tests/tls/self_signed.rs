//! Hostile input, row 68: a self-signed certificate as tutorials create it, which is both the server's certificate
//! and the client's root. Also the errors on each side for certificates that are refused.

use std::net::SocketAddr;

use stubwright::{Channel, ChannelCredentials, Code, Server, ServerCredentials};
use stubwright_tests::certificates::{
    Authority, ExtendedKeyUsagePurpose, Issued, SelfSigned, of_version_1,
};
use stubwright_tests::log;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};

use crate::fixture::{ask, refused, serve, server_credentials, within};

/// Creates credentials that trust this certificate, for the name localhost.
fn trusting(issued: &Issued) -> ChannelCredentials {
    ChannelCredentials::tls()
        .root_certificates(&issued.chain)
        .unwrap()
        .server_name("localhost")
}

/// Makes a call to a server with this certificate, which is also the client's root. Returns the error.
async fn refused_as_itself(issued: &Issued) -> String {
    let (_server, address) = serve(&server_credentials(issued)).await;
    refused(address, trusting(issued)).await
}

#[tokio::test]
async fn row_68_a_certificate_that_is_a_root_is_taken() {
    for is_authority in [true, false] {
        for names in [&[] as &[&str], &["localhost"]] {
            let issued = SelfSigned {
                is_authority,
                names,
                ..SelfSigned::DEFAULT
            }
            .make();
            let (_server, address) = serve(&server_credentials(&issued)).await;
            let channel = Channel::secure(address.to_string(), trusting(&issued)).unwrap();
            let seen = ask(&channel).await;
            assert!(seen.is_ok(), "{is_authority} {names:?}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn row_68_it_is_taken_among_other_roots_and_by_a_wildcard() {
    let issued = SelfSigned {
        common_name: "*.stubwright.example",
        ..SelfSigned::DEFAULT
    }
    .make();
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let roots = format!("{}{}", Authority::new("another").pem(), issued.chain);
    let credentials = |name: &str| {
        let credentials = ChannelCredentials::tls().root_certificates(&roots);
        credentials.unwrap().server_name(name)
    };
    for name in ["a.stubwright.example", "B.STUBWRIGHT.example"] {
        let channel = Channel::secure(address.to_string(), credentials(name)).unwrap();
        assert!(ask(&channel).await.is_ok(), "{name}");
    }
    for name in ["stubwright.example", "a.b.stubwright.example"] {
        let why = refused(address, credentials(name)).await;
        assert!(why.contains("has no subject alternative name"), "{why}");
    }
}

/// A dot at the end of a name marks it as absolute for the resolver. For a certificate it is the same name.
#[tokio::test]
async fn row_68_a_name_may_end_with_a_dot() {
    for names in [&[] as &[&str], &["localhost"]] {
        let issued = SelfSigned {
            names,
            ..SelfSigned::DEFAULT
        }
        .make();
        let (_server, address) = serve(&server_credentials(&issued)).await;
        let credentials = trusting(&issued).server_name("localhost.");
        let channel = Channel::secure(address.to_string(), credentials).unwrap();
        ask(&channel).await.unwrap();
    }
}

/// The certificate's names are also valid authorities of calls.
#[tokio::test]
async fn row_68_the_common_name_is_an_authority_for_calls() {
    let issued = SelfSigned::DEFAULT.make();
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let stub = ProbeStub::new(Channel::secure(address.to_string(), trusting(&issued)).unwrap());
    let call = |host: &str| stub.unary(Request::default()).authority(host);
    call("localhost:8443").await.unwrap();
    let error = call("other.example").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn row_68_names_dates_and_purposes_still_count() {
    let default = SelfSigned::DEFAULT;
    let cases = [
        (
            SelfSigned {
                common_name: "example.org",
                ..default
            },
            "the server's certificate has no subject alternative name, so it is not valid for localhost: create it with `openssl req -addext \
             subjectAltName=DNS:localhost`",
        ),
        (
            // The common name counts only if there is no alternative name.
            SelfSigned {
                names: &["example.org", "10.0.0.1"],
                ..default
            },
            "the server's certificate is valid for example.org, 10.0.0.1, not for localhost: create it with `openssl req -addext \
             subjectAltName=DNS:localhost`",
        ),
        (
            SelfSigned {
                years: (2020, 2021),
                ..default
            },
            "the server's certificate expired on 2021-01-01T00:00:00Z: create a new one, with `-days`",
        ),
        (
            SelfSigned {
                years: (2998, 2999),
                ..default
            },
            "the server's certificate is not valid before 2998-01-01T00:00:00Z",
        ),
        (
            SelfSigned {
                purposes: &[ExtendedKeyUsagePurpose::ClientAuth],
                ..default
            },
            "the server's certificate is not valid for this purpose (extended key usage): create it with `-addext extendedKeyUsage=",
        ),
    ];
    for (certificate, said) in cases {
        let why = refused_as_itself(&certificate.make()).await;
        assert!(why.contains(&format!("TLS handshake: {said}")), "{why}");
    }
    let served = SelfSigned {
        purposes: &[ExtendedKeyUsagePurpose::ServerAuth],
        ..default
    }
    .make();
    let (_server, address) = serve(&server_credentials(&served)).await;
    let channel = Channel::secure(address.to_string(), trusting(&served)).unwrap();
    ask(&channel).await.unwrap();
}

/// A common name is not an IP address, as in OpenSSL and gRPC.
#[tokio::test]
async fn row_68_a_common_name_is_no_address() {
    let issued = SelfSigned {
        common_name: "127.0.0.1",
        ..SelfSigned::DEFAULT
    }
    .make();
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let why = refused(address, trusting(&issued).server_name("127.0.0.1")).await;
    assert!(
        why.contains("-addext subjectAltName=IP:127.0.0.1`"),
        "{why}"
    );
}

/// A certificate with the same names and another key is not the trusted one. A root does not vouch for other
/// certificates either.
#[tokio::test]
async fn row_68_only_the_very_certificate_is_taken() {
    for is_authority in [true, false] {
        for names in [&[] as &[&str], &["localhost"]] {
            let certificate = SelfSigned {
                is_authority,
                names,
                ..SelfSigned::DEFAULT
            };
            let (_server, address) = serve(&server_credentials(&certificate.make())).await;
            let why = refused(address, trusting(&certificate.make())).await;
            let said = if is_authority {
                "the server's certificate is not signed by any of the trusted root certificates: add"
            } else {
                "the server's certificate has a signature that does not match the key of the trusted authority"
            };
            assert!(why.contains(said), "{is_authority} {names:?}: {why}");
            assert!(!why.contains("Other"), "{why}");
        }
    }
}

#[tokio::test]
async fn row_68_an_authority_that_another_has_signed_is_no_server() {
    let root = Authority::new("root");
    let issued = root.issue_authority("localhost");
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let trust = ChannelCredentials::tls().root_certificates(root.pem());
    let why = refused(address, trust.unwrap().server_name("localhost")).await;
    assert!(
        why.contains("the server's certificate belongs to a certificate authority (CA:TRUE)")
            && why.contains("-addext basicConstraints=critical,CA:FALSE"),
        "{why}"
    );
}

/// A certificate that an authority has issued needs a subject alternative name.
#[tokio::test]
async fn row_68_a_common_name_does_not_count_behind_an_authority() {
    let authority = Authority::new("authority");
    let issued = authority.issue_named("localhost", &[]);
    let (_server, address) = serve(&server_credentials(&issued)).await;
    let trust = ChannelCredentials::tls().root_certificates(authority.pem());
    let why = refused(address, trust.unwrap().server_name("localhost")).await;
    assert!(
        why.contains(
            "has no subject alternative name, so it is not valid for localhost: create it with `openssl req -addext \
             subjectAltName=DNS:localhost`"
        ),
        "{why}"
    );
}

#[tokio::test]
async fn row_68_version_1_is_refused_in_words() {
    let issued = of_version_1();
    let error = ServerCredentials::tls(&issued.chain, &issued.key).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let said = "has version 1 of X.509, which has no field for host names; version 3 is required: create it with \
                `openssl req -x509 -addext subjectAltName=DNS:localhost`";
    assert!(error.message().contains(said), "{error}");
    let error = ChannelCredentials::tls()
        .client_certificate(&issued.chain, &issued.key)
        .unwrap_err();
    assert!(error.message().contains(said), "{error}");

    // Version 1 is allowed for roots: old authorities have it.
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["localhost"]))).await;
    let both = format!("{}{}", issued.chain, authority.pem());
    let trust = ChannelCredentials::tls().root_certificates(both).unwrap();
    let channel = Channel::secure(address.to_string(), trust.server_name("localhost")).unwrap();
    ask(&channel).await.unwrap();
}

/// The server has such a certificate, and the client is ours.
#[tokio::test]
async fn row_68_a_server_with_version_1_is_refused_in_words() {
    let address = crate::refusals::server_of_rustls(&of_version_1(), vec![b"h2".to_vec()]).await;
    let why = refused(address, trusting(&of_version_1())).await;
    assert!(
        why.contains("TLS handshake: the server's certificate has version 1 of X.509"),
        "{why}"
    );
}

/// Starts a server with its own certificate, whose clients must show one that it trusts.
async fn mutual(own: &Issued, client: &Issued) -> (Server, SocketAddr) {
    let credentials = server_credentials(own)
        .require_client_certificate(&client.chain)
        .unwrap();
    serve(&credentials).await
}

#[tokio::test]
async fn row_68_a_client_s_certificate_that_is_a_root_is_taken() {
    let own = SelfSigned::DEFAULT.make();
    for is_authority in [true, false] {
        let client = SelfSigned {
            is_authority,
            common_name: "alice",
            ..SelfSigned::DEFAULT
        }
        .make();
        let (_server, address) = mutual(&own, &client).await;
        let credentials = trusting(&own)
            .client_certificate(&client.chain, &client.key)
            .unwrap();
        let channel = Channel::secure(address.to_string(), credentials).unwrap();
        let seen = ask(&channel).await.unwrap();
        assert!(seen.contains("identities=[\"alice\"]"), "{seen}");
    }
}

#[tokio::test]
async fn row_68_another_client_is_told_to_both_ends() {
    let alice = SelfSigned {
        common_name: "alice",
        ..SelfSigned::DEFAULT
    };
    let expired = SelfSigned {
        years: (2020, 2021),
        ..alice
    };
    let server_only = SelfSigned {
        purposes: &[ExtendedKeyUsagePurpose::ServerAuth],
        ..alice
    };
    let [expired, server_only] = [expired, server_only].map(|client| client.make());
    let own = SelfSigned::DEFAULT.make();
    for (trusted, client, said, alert) in [
        (
            &alice.make(),
            &alice.make(),
            "the client's certificate is not signed by any of the trusted root certificates",
            "the peer refused the connection with the alert UnknownCA: it trusts no authority that signed this side's certificate",
        ),
        (
            &expired,
            &expired,
            "the client's certificate expired on 2021-01-01T00:00:00Z",
            "the peer refused the connection with the alert CertificateExpired: by its clock, this side's certificate is not valid now",
        ),
        (
            &server_only,
            &server_only,
            "the client's certificate is not valid for this purpose (extended key usage)",
            "the peer refused the connection with the alert UnsupportedCertificate: it does not accept this side's certificate",
        ),
    ] {
        let (_server, address) = mutual(&own, trusted).await;
        let credentials = trusting(&own)
            .client_certificate(&client.chain, &client.key)
            .unwrap();
        let why = refused(address, credentials).await;
        assert!(why.contains(alert), "{why}");
        let words = ["TLS handshake refused", &format!(" port={address} "), said];
        within(log::event(&words)).await;
    }
}
