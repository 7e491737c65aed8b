//! Certificates that are replaced during calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use stubwright::{Channel, ChannelCredentials, Code};
use stubwright_tests::certificates::Authority;

use crate::fixture::{ask, refused, serve, server_credentials, trusting};

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_reloaded_under_load_without_a_failed_call() {
    const RELOADS: usize = 50;
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let issued = [old.issue(&["127.0.0.1"]), new.issue(&["127.0.0.1"])];
    let credentials = server_credentials(&issued[0]);
    let (_server, address) = serve(&credentials).await;
    let both = ChannelCredentials::tls()
        .root_certificates(format!("{}{}", old.pem(), new.pem()))
        .unwrap();

    let done = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let mut callers = Vec::new();
    for per_connection in [1, 3, 10, usize::MAX] {
        let (done, calls, both) = (Arc::clone(&done), Arc::clone(&calls), both.clone());
        callers.push(tokio::spawn(async move {
            let mut connections = 0;
            while !done.load(Ordering::Relaxed) {
                let channel = Channel::secure(address.to_string(), both.clone()).unwrap();
                connections += 1;
                for _ in 0..per_connection {
                    ask(&channel).await.unwrap();
                    calls.fetch_add(1, Ordering::Relaxed);
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            }
            connections
        }));
    }
    for round in 1..=RELOADS {
        // Each certificate serves some calls.
        let before = calls.load(Ordering::Relaxed);
        while calls.load(Ordering::Relaxed) < before + 10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let issued = &issued[round % 2];
        credentials.reload(&issued.chain, &issued.key).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let mut connections = 0;
    for caller in callers {
        connections += caller.await.unwrap();
    }
    let calls = calls.load(Ordering::Relaxed);
    println!("{RELOADS} reloads, {calls} calls on {connections} connections, none failed");
    assert!(connections > RELOADS);
}

#[tokio::test]
async fn new_handshakes_use_the_new_certificate_and_open_connections_stay() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let credentials = server_credentials(&old.issue(&["127.0.0.1"]));
    let (_server, address) = serve(&credentials).await;
    let early = Channel::secure(address.to_string(), trusting(&old)).unwrap();
    ask(&early).await.unwrap();
    let issued = new.issue(&["127.0.0.1"]);
    credentials.reload(&issued.chain, &issued.key).unwrap();
    ask(&early).await.unwrap();
    let late = Channel::secure(address.to_string(), trusting(&new)).unwrap();
    ask(&late).await.unwrap();
    let why = refused(address, trusting(&old)).await;
    assert!(
        why.contains("not signed by any of the trusted root"),
        "{why}"
    );
    // An unusable certificate changes nothing.
    let status = credentials.reload("no certificate", &issued.key);
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
    let late = Channel::secure(address.to_string(), trusting(&new)).unwrap();
    ask(&late).await.unwrap();
}

#[tokio::test]
async fn the_authorities_of_clients_are_reloaded_and_stay_with_a_new_certificate() {
    let authority = Authority::new("authority");
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let issued = authority.issue(&["127.0.0.1"]);
    let credentials = server_credentials(&issued)
        .require_client_certificate(old.pem())
        .unwrap();
    let (_server, address) = serve(&credentials).await;
    let of = |clients: &Authority| {
        let client = clients.issue(&["client.example"]);
        trusting(&authority)
            .client_certificate(&client.chain, &client.key)
            .unwrap()
    };
    let channel = Channel::secure(address.to_string(), of(&old)).unwrap();
    ask(&channel).await.unwrap();
    credentials.reload_client_authorities(new.pem()).unwrap();
    credentials.reload(&issued.chain, &issued.key).unwrap();
    let channel = Channel::secure(address.to_string(), of(&new)).unwrap();
    ask(&channel).await.unwrap();
    refused(address, of(&old)).await;
    refused(address, trusting(&authority)).await;
    let open = server_credentials(&issued);
    let status = open.reload_client_authorities(new.pem()).unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}
