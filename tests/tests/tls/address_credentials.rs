//! Addresses with credentials of their own.

use std::net::SocketAddr;

use stubwright::{
    Address, Channel, ChannelBuilder, ChannelCredentials, Code, Resolution, Resolver,
    ResolverFuture, Result, ServerCredentials, credentials,
};
use stubwright_tests::certificates::Authority;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};

use crate::fixture::{ask, serve, server_credentials, trusting, within};

struct Finding(Vec<Address>);

impl Resolver for Finding {
    fn resolve(&self) -> ResolverFuture<'_, Result<Resolution>> {
        Box::pin(async { Ok(Resolution::new(self.0.clone())) })
    }
}

fn builder(addresses: impl IntoIterator<Item = Address>) -> ChannelBuilder {
    Channel::builder().resolver(Finding(addresses.into_iter().collect()))
}

fn address(address: SocketAddr, credentials: ChannelCredentials) -> Address {
    let address = Address::new(address.to_string()).unwrap();
    address.with_credentials(credentials).unwrap()
}

#[tokio::test]
async fn an_address_has_its_own_roots_and_server_name() {
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let (_one, at_one) = serve(&server_credentials(&one.issue(&["one.example"]))).await;
    let (_two, at_two) = serve(&server_credentials(&two.issue(&["two.example"]))).await;
    for (name, at, trust) in [("one.example", at_one, &one), ("two.example", at_two, &two)] {
        let found = address(at, trusting(trust).server_name(name));
        // The channel's own credentials trust neither.
        let channel = builder([found]).build_secure("name", ChannelCredentials::local());
        let seen = ask(&channel.unwrap()).await.unwrap();
        assert!(seen.ends_with(&format!(" authority={name}")), "{seen}");
    }
    let other = address(at_two, trusting(&one).server_name("two.example"));
    let channel = builder([other]).build_secure("name", trusting(&two));
    let error = ask(&channel.unwrap()).await.unwrap_err();
    assert!(error.message().contains("is not signed by any"), "{error}");
}

#[tokio::test]
async fn the_certificate_is_for_the_authority_of_the_address_or_for_the_target() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["one.example"]);
    let (_server, at) = serve(&server_credentials(&issued)).await;
    let found = address(at, trusting(&authority));
    let named = found.clone().with_authority("one.example:99").unwrap();
    for (found, target, said) in [
        (named, "other.example", "one.example:99"),
        (found, "one.example", "one.example"),
    ] {
        let channel = builder([found]).build_insecure(target).unwrap();
        let seen = ask(&channel).await.unwrap();
        assert!(seen.ends_with(&format!(" authority={said}")), "{seen}");
    }
}

#[tokio::test]
async fn call_credentials_are_sent_where_the_address_is_secured_and_nowhere_else() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["127.0.0.1"]);
    let (_server, at) = serve(&server_credentials(&issued)).await;
    let call = |found: Address| {
        let channel = builder([found]).build_insecure("127.0.0.1").unwrap();
        let call = ProbeStub::new(channel).unary(Request::default());
        within(
            call.credentials(credentials::access_token("sesame"))
                .into_future(),
        )
    };
    call(address(at, trusting(&authority))).await.unwrap();
    let mut server = stubwright::Server::new();
    let insecure = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let insecure = Address::new(insecure.to_string()).unwrap();
    let error = call(insecure).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated, "{error}");
}

#[test]
fn addresses_are_equal_whose_credentials_are_clones() {
    let authority = Authority::new("authority");
    let at = SocketAddr::from(([127, 0, 0, 1], 1));
    let trust = trusting(&authority);
    let one = address(at, trust.clone());
    assert_eq!(one, address(at, trust.clone()));
    for other in [
        address(at, trusting(&authority)),
        address(at, trust.server_name("127.0.0.1")),
        address(at, ChannelCredentials::local()),
        Address::new(at.to_string()).unwrap(),
    ] {
        assert_ne!(one, other);
    }
}

#[tokio::test]
async fn a_local_address_is_refused_where_it_is_none() {
    let (_server, at) = serve(&ServerCredentials::local()).await;
    let found = address(at, ChannelCredentials::local());
    let channel = builder([found]).build_insecure("name").unwrap();
    let seen = ask(&channel).await.unwrap();
    assert!(seen.contains("type=[\"local\"]"), "{seen}");
    let elsewhere = Address::new("192.0.2.1:1").unwrap();
    let elsewhere = elsewhere.with_credentials(ChannelCredentials::local());
    let channel = builder(elsewhere)
        .connector(move |_| async { Ok(tokio::io::duplex(64).0) })
        .build_insecure("name")
        .unwrap();
    let error = ask(&channel).await.unwrap_err();
    assert!(
        error.message().contains("local credentials are for"),
        "{error}"
    );
}

#[test]
fn credentials_that_do_not_fit_an_address_are_refused_at_once() {
    let authority = Authority::new("authority");
    let (one, other) = (authority.issue(&["one"]), authority.issue(&["other"]));
    let refused = |credentials: ChannelCredentials| {
        let address = Address::new("127.0.0.1:1").unwrap();
        address.with_credentials(credentials).unwrap_err()
    };
    let error = refused(trusting(&authority).call_credentials(credentials::access_token("t")));
    assert_eq!(error.code(), Code::InvalidArgument);
    let said = "address \"127.0.0.1:1\": its credentials have call credentials";
    assert!(error.message().starts_with(said), "{error}");
    let mismatch = trusting(&authority).client_certificate(&one.chain, &other.key);
    let error = refused(mismatch.unwrap());
    assert!(
        error.message().contains("the client's certificate and key"),
        "{error}"
    );
    let error = refused(trusting(&authority).server_name("no name"));
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
}
