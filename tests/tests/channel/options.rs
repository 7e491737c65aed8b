//! Options of a channel for all of its calls, and of a single call.

use std::time::Duration;

use stubwright::{Channel, Code, ServiceConfig};
use stubwright_tests::log;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};

use crate::connectivity::{call, call_with, outcome};
use crate::script::{Script, within};

#[tokio::test(start_paused = true)]
async fn the_authority_of_a_call_is_its_own_or_the_channels_or_the_targets() {
    let (channel, mut script) = Script::new(Channel::builder());
    let first = call(&channel);
    let mut peer = script.serve().await;
    peer.answer().await;
    assert_eq!(peer.head[":authority"], "server.test:1");
    outcome(first).await.unwrap();
    let (channel, mut script) = Script::new(Channel::builder().authority("channel.test"));
    let second = call(&channel);
    let mut peer = script.serve().await;
    peer.answer().await;
    assert_eq!(peer.head[":authority"], "channel.test");
    outcome(second).await.unwrap();
    let third = call_with(&channel, |call| call.authority("call.test"));
    peer.answer().await;
    assert_eq!(peer.head[":authority"], "call.test");
    outcome(third).await.unwrap();
    let error = Channel::builder().authority("a/b").build_insecure("host:1");
    assert_eq!(error.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn the_user_agent_has_the_program_and_the_library() {
    let library = concat!("grpc-rust-stubwright/", env!("CARGO_PKG_VERSION"));
    for (said, told) in [
        (None, library.to_owned()),
        (Some("app/1.2"), format!("app/1.2 {library}")),
        (Some("\u{fc}\n"), library.to_owned()),
    ] {
        let builder = match said {
            Some(said) => Channel::builder().user_agent(said),
            None => Channel::builder(),
        };
        let (channel, mut script) = Script::new(builder);
        let call = call(&channel);
        let mut peer = script.serve().await;
        peer.answer().await;
        assert_eq!(peer.head["user-agent"], told);
        outcome(call).await.unwrap();
    }
}

/// A service config may have fields for other clients. They are ignored and logged.
#[tokio::test(start_paused = true)]
async fn row_76_what_is_ignored_of_a_service_config_is_logged() {
    log::collect();
    let config = r#"{
        "loadBalancingPolicy": "row_76",
        "row76Language": ["go"],
        "methodConfig": [
            {"name": [{"service": "a.B"}], "row76Priority": 1},
            {"timeout": "1s"}
        ]
    }"#;
    ServiceConfig::from_json_strict(config).unwrap_err();
    ServiceConfig::from_json(config).unwrap();
    for what in [
        "loadBalancingPolicy: this policy is unknown",
        "row76Language: there is no such field",
        "methodConfig[0].row76Priority: there is no such field",
        "methodConfig[1].name: it is missing, and the entry is for no method",
    ] {
        within(log::event(&["WARN", "ignored in a service config", what])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_have_limits_by_channel_and_by_call() {
    let builder = Channel::builder()
        .max_send_message_length(100)
        .max_receive_message_length(100);
    let (channel, mut script) = Script::new(builder);
    let stub = ProbeStub::new(channel.clone());
    let large = || {
        stub.unary(Request {
            payload: vec![7; 200],
            ..Request::default()
        })
    };
    let error = within(large()).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    let call = tokio::spawn(large().max_send_message_length(300).into_future());
    let mut peer = script.serve().await;
    peer.answer().await;
    outcome(call).await.unwrap();
    // The decoder skips an unknown field of 200 bytes.
    let field = [&[0x7a, 0xc8, 1][..], &[0; 200]].concat();
    for (limit, is_taken) in [(None, false), (Some(300), true), (Some(50), false)] {
        let call = stub.unary(Request::default());
        let call = match limit {
            Some(limit) => call.max_receive_message_length(limit),
            None => call,
        };
        let call = tokio::spawn(call.into_future());
        let stream = peer.request().await;
        peer.begin(stream).await;
        peer.message(stream, &field).await;
        peer.fail(stream, true, "0", &[]).await;
        if is_taken {
            outcome(call).await.unwrap();
        } else {
            let error = outcome(call).await.unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_time_is_not_sent() {
    let (channel, mut script) = Script::new(Channel::builder());
    let first = call(&channel);
    let mut peer = script.serve().await;
    peer.answer().await;
    outcome(first).await.unwrap();
    let late = call_with(&channel, |call| call.timeout(Duration::ZERO));
    let error = outcome(late).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let next = call(&channel);
    let stream = peer.request().await;
    // It is the second call on this connection.
    assert_eq!(stream, 3);
    peer.respond(stream).await;
    outcome(next).await.unwrap();
}
