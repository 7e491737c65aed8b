//! Defaults of a channel, and of a handle to it, for its calls.

use std::time::Duration;

use stubwright::{Channel, Code, Compression};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request};

use crate::transports::{Link, over_every_transport, within};

over_every_transport!(
    a_handle_sets_defaults_for_its_calls,
    options_of_a_call_override_the_defaults,
    invalid_defaults_fail_the_calls,
);

fn hanging() -> Request {
    Request {
        action: Action::Hang.into(),
        ..Request::default()
    }
}

/// Returns the metadata of a call that arrived at the server.
async fn came(channel: &Channel, own: &[(&str, &str)]) -> Vec<(String, String)> {
    let call = ProbeStub::new(channel.clone()).unary(Request::default());
    let call = call.metadata_from(own);
    let (_, call) = within(call.with_call().into_future()).await.unwrap();
    let metadata = call.initial_metadata.iter();
    metadata
        .map(|(key, value)| (key.to_owned(), value.as_str().unwrap().to_owned()))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

async fn a_handle_sets_defaults_for_its_calls(link: Link) {
    let quick = link.channel.with_timeout(Duration::from_millis(30));
    let late = ProbeStub::new(quick).unary(hanging()).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);

    let marked = link
        .channel
        .with_metadata_from([("initial-a", "1"), ("initial-b", "2")])
        .with_metadata("initial-a", "3");
    let expected = [("initial-a", "1"), ("initial-b", "2"), ("initial-a", "3")];
    assert_eq!(came(&marked, &[]).await, pairs(&expected));
    assert!(came(&link.channel, &[]).await.is_empty());

    let large = || Request {
        payload: vec![7; 1000],
        ..Request::default()
    };
    let narrow = link.channel.with_max_send_message_length(100);
    let over = ProbeStub::new(narrow.clone()).unary(large()).await;
    assert_eq!(over.unwrap_err().code(), Code::ResourceExhausted);
    let narrow = link.channel.with_max_receive_message_length(100);
    let over = ProbeStub::new(narrow).unary(large()).await;
    assert_eq!(over.unwrap_err().code(), Code::ResourceExhausted);

    let other = link
        .channel
        .with_compression(Compression::Gzip)
        .with_wait_for_ready(true);
    let answer = ProbeStub::new(other).unary(large()).await.unwrap();
    assert_eq!(answer.payload.len(), 1000);
}

async fn options_of_a_call_override_the_defaults(link: Link) {
    let channel = link
        .channel
        .with_timeout(Duration::from_millis(30))
        .with_metadata("initial-a", "1")
        .with_metadata("initial-b", "2")
        .with_max_send_message_length(1);
    let stub = ProbeStub::new(channel.with_timeout(Duration::from_secs(1000)));
    let call = stub.unary(Request {
        payload: vec![7; 100],
        ..Request::default()
    });
    let call = call
        .metadata("describe", "1")
        .metadata("initial-b", "own")
        .max_send_message_length(1000)
        .timeout(Duration::from_secs(5000));
    let (_, call) = call.with_call().await.unwrap();
    let initial = call.initial_metadata;
    let values: Vec<_> = ["initial-a", "initial-b"]
        .map(|key| initial.get(key).unwrap())
        .into();
    assert_eq!((values, initial.len()), (vec!["1", "own"], 2));
    let left = call.trailing_metadata.get("seconds-left").unwrap();
    assert!(left.parse::<u64>().unwrap() > 4000);
    let call = stub.unary(Request::default()).timeout(Duration::MAX);
    let (_, call) = call.metadata("describe", "1").with_call().await.unwrap();
    assert!(!call.trailing_metadata.contains_key("seconds-left"));
}

async fn invalid_defaults_fail_the_calls(link: Link) {
    for channel in [
        link.channel.with_metadata("Upper", "1"),
        link.channel
            .with_metadata_from([("a", "1"), ("Upper", "1")]),
        link.channel.with_authority("no/host"),
    ] {
        let call = ProbeStub::new(channel).unary(Request::default());
        let refused = call.await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_builder_and_its_handles_set_defaults_for_their_calls() {
    let link = Link::tcp().await;
    let address = link.server.as_ref().unwrap().1.unwrap().to_string();
    let channel = Channel::builder()
        .timeout(Duration::from_millis(30))
        .metadata("initial-a", "1")
        .build_insecure(&address)
        .unwrap();
    assert_eq!(came(&channel, &[]).await, pairs(&[("initial-a", "1")]));
    let own = [("initial-a", "own")];
    assert_eq!(came(&channel, &own).await, pairs(&own));
    let late = ProbeStub::new(channel.clone()).unary(hanging()).await;
    assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
    let elsewhere = channel.with_authority("other.example");
    let call = ProbeStub::new(elsewhere).unary(Request::default());
    let (_, call) = call.metadata("describe", "1").with_call().await.unwrap();
    let authority = call.trailing_metadata.get("authority");
    assert_eq!(authority, Some("other.example"));
}
