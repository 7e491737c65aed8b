//! Limits of a server, by method and by service: the number of calls, the size of messages, and the time of calls.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use stubwright::{Code, MethodOptions, Result, Server, Status, StreamingCall};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request, Response};
use stubwright_tests::{Event, Probe};

use crate::transports::{Transport, over_every_transport, within};

over_every_transport!(
    a_call_over_the_maximum_fails_at_once,
    a_slot_comes_back_after_each_kind_of_end,
    the_maximum_counts_the_calls_of_all_methods,
    messages_have_the_limits_of_their_method,
    row_52_decoded_messages_have_a_limit_of_memory,
    a_response_over_the_limit_loses_none_before_it,
    a_call_ends_at_the_time_limit_of_its_method,
);

fn acting(action: Action) -> Request {
    Request {
        action: action.into(),
        count: 1,
        ..Request::default()
    }
}

/// Starts a call whose handler is busy until the stream is dropped.
async fn at_work(stub: &ProbeStub) -> StreamingCall<Response> {
    let mut call = stub.server_stream(acting(Action::Hang));
    call.message().await.unwrap().unwrap();
    call
}

async fn code(stub: &ProbeStub) -> Code {
    match stub.unary(Request::default()).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

async fn row_52_decoded_messages_have_a_limit_of_memory(transport: Transport) {
    let roomy = MethodOptions::new().max_message_memory(40_000);
    let options = Server::builder()
        .max_message_memory(10_000)
        .method_options("probe.v1.Probe/Bidi", roomy);
    let link = transport.link(options).await;
    let sized = |size| Request {
        payload: vec![7; size],
        count: 1,
        ..Request::default()
    };
    let refused = |error: Status, limit: usize| {
        let text = format!("the decoded message needs more than {limit} bytes of memory");
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert!(error.message().contains(&text), "{error}");
    };
    link.stub.unary(sized(10_000)).await.unwrap();
    refused(link.stub.unary(sized(20_000)).await.unwrap_err(), 10_000);
    refused(
        link.stub.client_stream([sized(20_000)]).await.unwrap_err(),
        10_000,
    );
    let mut call = link.stub.bidi([sized(20_000), sized(50_000)]);
    assert_eq!(call.message().await.unwrap().unwrap().payload.len(), 20_000);
    refused(call.message().await.unwrap_err(), 40_000);
    // Responses have the limit of the call or of the channel.
    let call = link.stub.unary(sized(5_000)).max_message_memory(4_000);
    refused(call.await.unwrap_err(), 4_000);
    let call = link
        .stub
        .server_stream(sized(5_000))
        .max_message_memory(4_000);
    refused(call.try_collect::<Vec<_>>().await.unwrap_err(), 4_000);
}

async fn a_call_over_the_maximum_fails_at_once(transport: Transport) {
    let options = Server::builder().max_concurrent_rpcs(3);
    let mut link = transport.link(options).await;
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(at_work(&link.stub).await);
        assert_eq!(link.event().await, Event::Started);
    }
    for _ in 0..10 {
        // The call has an unfinished stream of requests, and nothing waits for its response.
        let mut call = link.stub.bidi(stream::pending::<Request>());
        let error = call.message().await.unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        let words = "the server already has its maximum of 3 concurrent calls";
        assert_eq!(error.message(), words);
    }
    // No handler was run for them.
    assert!(link.events.try_recv().is_err());
    calls.pop();
    while code(&link.stub).await == Code::ResourceExhausted {
        tokio::task::yield_now().await;
    }
    calls.push(at_work(&link.stub).await);
    assert_eq!(code(&link.stub).await, Code::ResourceExhausted);
}

async fn a_slot_comes_back_after_each_kind_of_end(transport: Transport) {
    let link = transport
        .link(Server::builder().max_concurrent_rpcs(1))
        .await;
    let stub = &link.stub;
    for action in [Action::End, Action::Fail, Action::Panic] {
        for _ in 0..20 {
            // The next call is accepted as soon as the caller has seen the end of this one.
            drop(stub.unary(acting(action)).await);
            assert_eq!(code(stub).await, Code::Ok, "unary, {action:?}");
            drop(
                stub.server_stream(acting(action))
                    .try_collect::<Vec<_>>()
                    .await,
            );
            assert_eq!(code(stub).await, Code::Ok, "server streaming, {action:?}");
            drop(stub.client_stream([acting(action)]).await);
            assert_eq!(code(stub).await, Code::Ok, "client streaming, {action:?}");
            drop(stub.bidi([acting(action)]).try_collect::<Vec<_>>().await);
            assert_eq!(code(stub).await, Code::Ok, "bidirectional, {action:?}");
        }
    }
    // The handler of a cancelled call is dropped a moment later.
    let comes_back = async || {
        while code(stub).await == Code::ResourceExhausted {
            tokio::task::yield_now().await;
        }
    };
    let call = at_work(stub).await;
    assert_eq!(code(stub).await, Code::ResourceExhausted);
    drop(call);
    within(comes_back()).await;
    let mut call = at_work(stub).await;
    call.cancel();
    within(comes_back()).await;
    let call = stub.unary(acting(Action::Hang));
    let error = call.timeout(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    within(comes_back()).await;
    assert_eq!(code(stub).await, Code::Ok);
}

async fn the_maximum_counts_the_calls_of_all_methods(transport: Transport) {
    let link = transport
        .link(Server::builder().max_concurrent_rpcs(1))
        .await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let requests = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut call = link.stub.bidi(requests);
    sender.send(Request::default()).unwrap();
    assert!(call.message().await.unwrap().is_some());
    let stub = &link.stub;
    assert_eq!(code(stub).await, Code::ResourceExhausted);
    let refused = stub.client_stream([Request::default()]).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(sender);
    assert!(call.message().await.unwrap().is_none());
    assert_eq!(code(stub).await, Code::Ok);
}

fn sized(size: usize) -> Request {
    Request {
        payload: vec![7; size],
        count: 1,
        ..Request::default()
    }
}

fn code_of<T>(result: &Result<T>) -> Code {
    result
        .as_ref()
        .map_or_else(|status| status.code(), |_| Code::Ok)
}

async fn messages_have_the_limits_of_their_method(transport: Transport) {
    let options = Server::builder()
        .max_receive_message_length(1000)
        .max_send_message_length(900)
        .method_options(
            "probe.v1.Probe",
            MethodOptions::new().max_receive_message_length(2000),
        )
        .method_options(
            "/probe.v1.Probe/ClientStream",
            MethodOptions::new().max_receive_message_length(3000),
        )
        .method_options(
            "probe.v1.Probe/ServerStream",
            MethodOptions::new().max_send_message_length(1500),
        );
    let link = transport.link(options).await;
    let stub = &link.stub;
    for (size, unary, streamed, uploaded) in [
        (800, Code::Ok, Code::Ok, Code::Ok),
        (1400, Code::ResourceExhausted, Code::Ok, Code::Ok),
        (
            1600,
            Code::ResourceExhausted,
            Code::ResourceExhausted,
            Code::Ok,
        ),
        (
            2500,
            Code::ResourceExhausted,
            Code::ResourceExhausted,
            Code::Ok,
        ),
        (
            3500,
            Code::ResourceExhausted,
            Code::ResourceExhausted,
            Code::ResourceExhausted,
        ),
    ] {
        let result = stub.unary(sized(size)).await;
        assert_eq!(code_of(&result), unary, "{size} {result:?}");
        let result = stub
            .server_stream(sized(size))
            .try_collect::<Vec<_>>()
            .await;
        assert_eq!(code_of(&result), streamed, "{size} {result:?}");
        let result = stub.client_stream([sized(size)]).await;
        assert_eq!(code_of(&result), uploaded, "{size} {result:?}");
    }
    let error = stub.unary(sized(1400)).await.unwrap_err();
    let words = "a message of 1403 bytes is over the limit of 900";
    assert_eq!(error.message(), words);
}

async fn a_response_over_the_limit_loses_none_before_it(transport: Transport) {
    let link = transport
        .link(Server::builder().max_send_message_length(100))
        .await;
    let mut call = link
        .stub
        .bidi([sized(10), sized(20), sized(200), sized(10)]);
    for size in [10, 20] {
        assert_eq!(call.next().await.unwrap().unwrap().payload.len(), size);
    }
    let error = call.message().await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
}

async fn a_call_ends_at_the_time_limit_of_its_method(transport: Transport) {
    let options = Server::builder()
        .timeout(Duration::from_secs(1000))
        .method_options(
            "/probe.v1.Probe/ServerStream",
            MethodOptions::new().timeout(Duration::from_millis(50)),
        );
    let mut link = transport.link(options).await;
    let mut call = link.stub.server_stream(acting(Action::Hang));
    call.message().await.unwrap().unwrap();
    let error = call.message().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(link.event().await, Event::Started);
    assert_eq!(link.event().await, Event::Dropped);
    for (timeout, bound) in [(None, 1000), (Some(2000), 1000), (Some(100), 100)] {
        let mut call = link
            .stub
            .unary(Request::default())
            .metadata("describe", "1");
        if let Some(timeout) = timeout {
            call = call.timeout(Duration::from_secs(timeout));
        }
        let (_, call) = call.with_call().await.unwrap();
        let left = call.trailing_metadata.get("seconds-left").unwrap();
        let left: u64 = left.parse().unwrap();
        assert!((bound - 30..=bound).contains(&left), "{left} of {bound}");
    }
}

#[tokio::test]
async fn options_of_an_unregistered_method_are_an_error_that_names_it() {
    let mut server = Server::builder()
        .method_options("probe.v1.Probe", MethodOptions::new())
        .method_options("/probe.v1.Probe/Unary", MethodOptions::new())
        .method_options("/probe.v1.Probe/Unari", MethodOptions::new())
        .method_options("prob.v1.Probe", MethodOptions::new())
        .build();
    let (probe, _events) = Probe::new();
    stubwright_tests::pb::probe::v1::add_probe_servicer_to_server(probe, &mut server);
    server.add_insecure_port("127.0.0.1:0").await.unwrap();
    let error = server.start().unwrap_err();
    assert_eq!(
        error.to_string(),
        "method_options of prob.v1.Probe, probe.v1.Probe/Unari: no method or service with this name is registered"
    );
}
