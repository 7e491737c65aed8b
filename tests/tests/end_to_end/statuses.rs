//! Failed calls and their statuses.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use stubwright::{
    Channel, ClientCall, Code, Metadata, Raw, Result, Server, ServerCall, ServiceConfig, Status,
};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request};

use crate::transports::{Link, Transport, over_every_transport};

over_every_transport!(
    a_status_arrives_whole,
    every_code_arrives,
    a_stream_ends_with_its_status_after_its_messages,
    a_failure_brings_its_metadata,
    a_panic_is_one_call_only,
    metadata_that_cannot_be_sent_fails_the_call,
    an_unary_call_over_the_limit,
    row_54_an_error_that_says_ok_of_a_handler,
    row_54_an_error_that_says_ok_of_an_interceptor,
    row_54_an_error_that_says_ok_of_a_caller,
    row_73_blanks_at_the_ends_of_a_message,
);

fn failing(code: Code, message: &str, count: u32) -> Request {
    Request {
        action: Action::Fail.into(),
        code: i32::try_from(code.number()).unwrap(),
        message: message.to_owned(),
        count,
        ..Request::default()
    }
}

async fn a_status_arrives_whole(link: Link) {
    let long = "x".repeat(5000);
    for message in ["", "plain", "line\nbreak, 100 %, \u{fc}\u{1f600}", &long] {
        let error = link
            .stub
            .unary(failing(Code::Aborted, message, 0))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::Aborted);
        assert_eq!(error.message(), message);
        assert_eq!(&error.details()[..], [8, 5]);
    }
}

async fn every_code_arrives(link: Link) {
    for number in 1..=16 {
        let code = Code::from_number(number).unwrap();
        let error = link.stub.unary(failing(code, "x", 0)).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
}

async fn a_stream_ends_with_its_status_after_its_messages(link: Link) {
    let mut call = link
        .stub
        .server_stream(failing(Code::DataLoss, "enough", 20));
    for _ in 0..20 {
        assert!(call.message().await.unwrap().is_some());
    }
    let error = call.message().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::DataLoss, "enough"));
    assert!(call.message().await.unwrap().is_none());
    assert_eq!(call.code(), Some(Code::DataLoss));
    assert_eq!(call.details().as_deref(), Some("enough"));
}

async fn a_failure_brings_its_metadata(link: Link) {
    let call = link.stub.unary(failing(Code::NotFound, "x", 0));
    let error = call.metadata("trailing-a", "1").await.unwrap_err();
    assert_eq!(error.metadata().get("trailing-a"), Some("1"));
}

async fn a_panic_is_one_call_only(link: Link) {
    let panicking = Request {
        action: Action::Panic.into(),
        ..Request::default()
    };
    let error = link.stub.unary(panicking.clone()).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    let error = link
        .stub
        .server_stream(panicking)
        .message()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    link.stub.unary(Request::default()).await.unwrap();
}

async fn metadata_that_cannot_be_sent_fails_the_call(link: Link) {
    let call = link.stub.unary(Request::default());
    let error = call.metadata("Bad Key", "x").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("\"Bad Key\""), "{error}");
}

async fn an_unary_call_over_the_limit(link: Link) {
    let request = Request {
        payload: vec![0; 5 << 20],
        ..Request::default()
    };
    let error = link.stub.unary(request).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().contains("4194304"), "{error}");
    link.stub.unary(Request::default()).await.unwrap();
}

/// Makes one call of each kind with this request. Returns their errors.
async fn errors_of_each_kind(stub: &ProbeStub, request: &Request) -> [Status; 4] {
    let requests = || stream::iter([request.clone()]);
    [
        stub.unary(request.clone()).await.map(drop),
        stub.server_stream(request.clone())
            .try_for_each(async |_| Ok(()))
            .await,
        stub.client_stream(requests()).await.map(drop),
        stub.bidi(requests()).try_for_each(async |_| Ok(())).await,
    ]
    .map(Result::unwrap_err)
}

fn assert_ok_is_no_error(errors: impl IntoIterator<Item = Status>) {
    for error in errors {
        assert_eq!(error.code(), Code::Internal, "{error}");
        let message = "an error was created with the code OK: fine";
        assert_eq!(error.message(), message);
    }
}

async fn row_54_an_error_that_says_ok_of_a_handler(link: Link) {
    let failing = failing(Code::Ok, "fine", 2);
    assert_ok_is_no_error(errors_of_each_kind(&link.stub, &failing).await);
    let seen = async |mut call: ClientCall| {
        let end = call.proceed().await;
        assert_eq!(end.code(), Code::Internal);
        end.result
    };
    let stub = ProbeStub::new(link.channel.with_interceptor(seen));
    assert_ok_is_no_error(errors_of_each_kind(&stub, &failing).await);
}

async fn row_54_an_error_that_says_ok_of_an_interceptor(transport: Transport) {
    // The outer interceptor sees the converted error of the inner one.
    let outer = async |mut call: ServerCall| {
        let end = call.proceed().await;
        assert_eq!(end.result.as_ref().unwrap_err().code(), Code::Internal);
        end.result
    };
    let inner = async |mut call: ServerCall| {
        if call.context().invocation_metadata().contains_key("late") {
            call.proceed().await.result?;
        }
        Err(Status::new(Code::Ok, "fine"))
    };
    let server = Server::builder().interceptor(outer).interceptor(inner);
    let link = transport.link(server).await;
    let request = Request::default();
    assert_ok_is_no_error(errors_of_each_kind(&link.stub, &request).await);
    let late = ProbeStub::new(link.channel.with_metadata("late", "1"));
    assert_ok_is_no_error(errors_of_each_kind(&late, &request).await);
}

async fn row_54_an_error_that_says_ok_of_a_caller(link: Link) {
    let request = Request::default();
    let ending = |is_late| {
        move |mut call: ClientCall| async move {
            if is_late {
                call.proceed().await.result?;
            }
            Err(Status::new(Code::Ok, "fine"))
        }
    };
    for is_late in [false, true] {
        let stub = ProbeStub::new(link.channel.with_interceptor(ending(is_late)));
        assert_ok_is_no_error(errors_of_each_kind(&stub, &request).await);
    }
    // A failing stream of requests ends the call with its error.
    let requests = || stream::iter([Ok(Request::default()), Err(Status::new(Code::Ok, "fine"))]);
    let ended = link.stub.client_stream(requests()).await;
    assert_ok_is_no_error([ended.unwrap_err()]);
    let ended = link.stub.bidi(requests()).try_for_each(async |_| Ok(()));
    assert_ok_is_no_error([ended.await.unwrap_err()]);
}

/// The handler fails with a retryable status at first. After the retry it returns an error with the code OK, which
/// ends the call.
#[tokio::test]
async fn row_54_an_error_that_says_ok_is_not_made_again() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let handler = |_requests, _context| {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        let code = if asked == 0 {
            Code::Unavailable
        } else {
            Code::Ok
        };
        stream::iter([Err(Status::new(code, "fine"))])
    };
    let mut server = Transport::Tcp.server(Server::builder());
    server.add_generic_handler(handler);
    let (_server, address) = Transport::Tcp.link_to(server).await.take_server();
    let config = r#"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4,
        "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
        "retryableStatusCodes": ["UNAVAILABLE"]}}]}"#;
    let channel = Channel::builder()
        .service_config(ServiceConfig::from_json(config).unwrap())
        .build_insecure(address.to_string())
        .unwrap();
    let call = channel.unary_unary("/any.Service/Any", Raw, Bytes::new());
    let ended: Result<Bytes> = call.await;
    assert_ok_is_no_error([ended.unwrap_err()]);
    assert_eq!(ASKED.load(Ordering::Relaxed), 2);
}

async fn row_73_blanks_at_the_ends_of_a_message(link: Link) {
    for message in [" padded ", "cannot open: ", " ", "\t", "\n ", "  \u{fc}  "] {
        let error = link.stub.unary(failing(Code::Aborted, message, 0)).await;
        let error = error.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Aborted, message));
        let mut call = link.stub.server_stream(failing(Code::Aborted, message, 1));
        assert!(call.message().await.unwrap().is_some());
        let error = call.message().await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Aborted, message));
    }
}

/// A client with any limit receives the code, and a message cut to the limit.
#[tokio::test]
async fn row_73_a_status_arrives_at_a_client_that_takes_little() {
    let mut link = Link::tcp().await;
    let (_server, address) = link.take_server();
    for limit in (0..400).step_by(7) {
        let channel = Channel::builder().max_metadata_size(limit);
        let channel = channel.build_insecure(address.to_string()).unwrap();
        let stub = ProbeStub::new(channel);
        let message = " a message that has a length ";
        // The head before messages is larger than the smallest limits, and is refused.
        let counts = if limit < 200 { 0..1 } else { 0..2 };
        for count in counts {
            let mut call = stub.server_stream(failing(Code::Aborted, message, count));
            let error = loop {
                match call.message().await {
                    Ok(response) => assert!(response.is_some()),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.code(), Code::Aborted, "{limit}: {error}");
            assert!(message.starts_with(error.message()), "{limit}: {error}");
            assert!(
                limit < 300 || error.message() == message,
                "{limit}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_with_its_path() -> Result<()> {
    let nothing = Channel::in_process(stubwright::Handlers::default());
    let error = ProbeStub::new(nothing)
        .unary(Request::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains("/probe.v1.Probe/Unary"));
    Ok(())
}

#[test]
fn a_status_with_metadata_keeps_it() {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    let status = Status::aborted("x").with_metadata(metadata);
    assert_eq!(status.metadata().get("a"), Some("1"));
}
