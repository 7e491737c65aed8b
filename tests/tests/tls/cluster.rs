//! Several servers, each with a certificate for its own name.

use std::collections::BTreeMap;
use std::time::Duration;

use stubwright::{
    Address, Channel, ChannelCredentials, Code, LoadBalancing, Resolution, Resolver,
    ResolverFuture, Result, Server,
};
use stubwright_tests::certificates::Authority;

use crate::fixture::{ask, serve, server_credentials, trusting, within};

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];

/// Finds addresses that have an authority each.
struct Cluster(Vec<Address>);

impl Resolver for Cluster {
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
        Box::pin(async { Ok(Resolution::new(self.0.clone())) })
    }
}

/// Starts a server for each name. Returns them with their addresses.
async fn servers(authority: &Authority) -> (Vec<Server>, Vec<Address>) {
    let mut servers = Vec::new();
    let mut addresses = Vec::new();
    for name in NAMES {
        let (server, address) = serve(&server_credentials(&authority.issue(&[name]))).await;
        servers.push(server);
        let address = Address::new(address.to_string()).unwrap();
        addresses.push(address.with_authority(name).unwrap());
    }
    (servers, addresses)
}

fn channel(resolver: impl Resolver, credentials: ChannelCredentials) -> Channel {
    Channel::builder()
        .resolver(resolver)
        .load_balancing(LoadBalancing::round_robin())
        .build_secure("cluster.example", credentials)
        .unwrap()
}

/// Makes calls until every one of these has been the authority of some. Returns how many had each.
async fn spread(channel: &Channel, names: &[&str]) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    within(async {
        while seen.len() < names.len() {
            *seen.entry(authority_of(channel).await).or_insert(0) += 1;
        }
    })
    .await;
    seen
}

/// Makes a call. Returns its authority, as the server saw it.
async fn authority_of(channel: &Channel) -> String {
    let seen = ask(channel).await.unwrap();
    let (_, authority) = seen.rsplit_once("authority=").unwrap();
    authority.to_owned()
}

#[tokio::test]
async fn calls_are_spread_over_servers_with_a_certificate_each_and_fail_over() {
    let authority = Authority::new("authority");
    let (mut servers, addresses) = servers(&authority).await;
    let channel = channel(Cluster(addresses), trusting(&authority));
    assert!(spread(&channel, &NAMES).await.keys().eq(NAMES));
    // All of them are connected now, and take turns.
    let mut seen = BTreeMap::new();
    for _ in 0..30 {
        *seen.entry(authority_of(&channel).await).or_insert(0) += 1;
    }
    assert!(seen.values().all(|&calls| calls == 10), "{seen:?}");
    // One is stopped, then another: no call fails, for each is sent to who is left.
    for left in [&NAMES[1..], &NAMES[2..]] {
        servers.remove(0).stop(Duration::from_secs(5)).await;
        for _ in 0..10 {
            let authority = authority_of(&channel).await;
            assert!(left.contains(&&*authority), "{authority}");
        }
        assert!(spread(&channel, left).await.keys().eq(left));
    }
}

#[tokio::test]
async fn a_list_of_addresses_has_an_authority_each_too() {
    let authority = Authority::new("authority");
    let (_servers, addresses) = servers(&authority).await;
    let channel = channel(addresses, trusting(&authority));
    assert!(spread(&channel, &NAMES).await.keys().eq(NAMES));
}

#[tokio::test]
async fn a_server_whose_certificate_is_for_another_name_is_passed_over() {
    let authority = Authority::new("authority");
    let (_servers, mut addresses) = servers(&authority).await;
    let wrong = addresses[0].clone().with_authority("d.example").unwrap();
    addresses[0] = wrong.clone();
    let credentials = trusting(&authority);
    let channel_to_all = channel(addresses, credentials.clone());
    assert!(
        spread(&channel_to_all, &NAMES[1..])
            .await
            .keys()
            .eq(&NAMES[1..])
    );
    let error = ask(&channel(vec![wrong], credentials)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_name_that_was_chosen_for_all_servers_counts_before_their_own() {
    let authority = Authority::new("authority");
    let (_server, address) = serve(&server_credentials(&authority.issue(&["all.example"]))).await;
    let address = Address::new(address.to_string()).unwrap();
    let address = address.with_authority("a.example").unwrap();
    let credentials = trusting(&authority).server_name("all.example");
    let channel = channel(vec![address], credentials);
    assert_eq!(authority_of(&channel).await, "all.example");
}
