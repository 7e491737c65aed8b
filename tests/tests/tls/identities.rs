//! The identity of a caller, as its servicer sees it.

use std::time::{Duration, Instant};

use stubwright::{Channel, Server};
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::add_probe_servicer_to_server;

use crate::fixture::{Who, ask, serve, serve_with, server_credentials, trusting};

#[tokio::test]
async fn a_client_with_a_certificate_is_known_by_its_alternative_names() {
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["127.0.0.1"]))
        .require_client_certificate(authority.pem())
        .unwrap();
    let (_server, address) = serve(&credentials).await;
    let client = authority.issue_named("alice", &["alice.example", "10.1.2.3", "2001:db8::7"]);
    let credentials = trusting(&authority)
        .client_certificate(&client.chain, &client.key)
        .unwrap();
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let seen = ask(&channel).await.unwrap();
    assert_eq!(
        seen,
        format!(
            "secure=true key=Some(\"x509_subject_alternative_name\") \
             identities=[\"alice.example\", \"10.1.2.3\", \"2001:db8::7\"] certificates=1 type=[\"ssl\"] \
             name=[\"alice\"] authority={address}"
        )
    );
}

#[tokio::test]
async fn a_client_without_alternative_names_is_known_by_its_common_name() {
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["127.0.0.1"]))
        .require_client_certificate(authority.pem())
        .unwrap();
    let (_server, address) = serve(&credentials).await;
    let client = authority.issue_named("Bøb", &[]);
    let credentials = trusting(&authority)
        .client_certificate(&client.chain, &client.key)
        .unwrap();
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let seen = ask(&channel).await.unwrap();
    assert!(
        seen.contains("key=Some(\"x509_common_name\") identities=[\"Bøb\"]"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_requested_certificate_may_be_left_out() {
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["127.0.0.1"]))
        .request_client_certificate(authority.pem())
        .unwrap();
    let (_server, address) = serve(&credentials).await;
    let channel = Channel::secure(address.to_string(), trusting(&authority)).unwrap();
    let seen = ask(&channel).await.unwrap();
    assert!(
        seen.starts_with(
            "secure=true key=None identities=[] certificates=0 type=[\"ssl\"] name=[]"
        ),
        "{seen}"
    );
    let client = authority.issue(&["carol.example"]);
    let credentials = trusting(&authority)
        .client_certificate(&client.chain, &client.key)
        .unwrap();
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let seen = ask(&channel).await.unwrap();
    assert!(seen.contains("identities=[\"carol.example\"]"), "{seen}");
}

/// When a channel connects again, TLS resumes the session without a certificate.
#[tokio::test]
async fn a_client_stays_known_when_it_connects_again() {
    const AGE: Duration = Duration::from_millis(50);
    let authority = Authority::new("authority");
    let credentials = server_credentials(&authority.issue(&["127.0.0.1"]))
        .require_client_certificate(authority.pem())
        .unwrap();
    let options = Server::builder().max_connection_age(AGE);
    let (_server, address) = serve_with(options, &credentials).await;
    let client = authority.issue(&["dora.example"]);
    let credentials = trusting(&authority)
        .client_certificate(&client.chain, &client.key)
        .unwrap();
    let channel = Channel::secure(address.to_string(), credentials).unwrap();
    let start = Instant::now();
    while start.elapsed() < AGE * 8 {
        let seen = ask(&channel).await.unwrap();
        assert!(
            seen.contains("identities=[\"dora.example\"] certificates=1"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn without_tls_nothing_is_known() {
    let mut server = Server::new();
    add_probe_servicer_to_server(Who, &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let channel = Channel::insecure(address.to_string()).unwrap();
    let seen = ask(&channel).await.unwrap();
    assert!(
        seen.starts_with("secure=false key=None identities=[] certificates=0 type=[] name=[]"),
        "{seen}"
    );
}
