//! Metadata, with raw frames in both roles. Rows have the numbers of the table in `hostile_input.md`.

use stubwright::{Code, Result, Status, UnaryCall};
use stubwright_tests::pb::probe::v1::{Request, Response};

use crate::raw::Answer;
use crate::request_rows::{Pair, head};
use crate::status_rows::Caller;
use crate::wire::framed;

/// Returns the fields that a handler has echoed.
fn echoed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    let echoed = fields
        .iter()
        .filter(|(name, _)| name.contains("ial-") || name.contains("ing-"));
    echoed.map(|(name, value)| (&**name, &**value)).collect()
}

/// Makes a call with these fields besides those of a valid head.
async fn call(pair: &mut Pair, fields: &[(&str, &str)]) -> Answer {
    let mut all = head(&[]);
    all.extend(fields);
    pair.raw.call(&all, &framed(&Request::default())).await
}

#[tokio::test]
async fn row_69_blanks_around_metadata_of_a_request() {
    let mut pair = Pair::new().await;
    let sent = [
        ("x", " v"),
        ("initial-a", " v w "),
        ("initial-b", "\tv\t"),
        ("trailing-a", "v "),
        ("trailing-b", " "),
        ("trailing-c-bin", " AAE "),
        ("grpc-timeout", " 10S "),
        ("user-agent", " a peer "),
        ("content-length", " 5 "),
    ];
    let answer = call(&mut pair, &sent).await;
    answer.assert_status(0, "");
    assert_eq!(
        echoed(&answer.head),
        [("initial-a", "v w"), ("initial-b", "v")]
    );
    let trailing = [
        ("trailing-a", "v"),
        ("trailing-b", ""),
        ("trailing-c-bin", "AAE"),
    ];
    assert_eq!(echoed(&answer.end), trailing);
    pair.served.event().await;
    // Pseudo-headers may not have blanks around their values.
    for name in [":path", ":method", ":scheme", ":authority"] {
        let answer = pair.call(&[(name, " /x ")]).await;
        assert_eq!(answer.reset, Some(1), "{name}");
    }
}

#[tokio::test]
async fn row_69_blanks_around_metadata_of_a_response() {
    let mut caller = Caller::new().await;
    let call = caller.call();
    let stream = caller.request().await;
    let head = [
        (":status", "200"),
        ("content-type", " application/grpc "),
        ("a", " v w\t"),
        ("b-bin", " AAE "),
    ];
    caller.raw().answer_head(stream, &head, false).await;
    let raw = caller.raw();
    raw.frame(0, 0, stream, &framed(&Response::default())).await;
    let trailers = [("c", " v"), ("grpc-status", " 0 "), ("d", " ")];
    raw.answer_head(stream, &trailers, true).await;
    let (_, call) = call.await.unwrap().unwrap();
    assert_eq!(call.initial_metadata.get("a"), Some("v w"));
    assert_eq!(
        call.initial_metadata.get_bin("b-bin").as_deref(),
        Some(&[0, 1][..])
    );
    assert_eq!(call.trailing_metadata.get("c"), Some("v"));
    assert_eq!(call.trailing_metadata.get("d"), Some(""));
}

#[tokio::test]
async fn row_69_what_a_peer_may_not_be_sent_is_an_error_before() {
    let mut caller = Caller::new().await;
    for value in [" v", "v ", " ", "\tv", "a\x01b", "a\x7f", "\u{fc}"] {
        let call: UnaryCall<Request, Response> = caller.stub.unary(Request::default());
        let error = call.metadata("key", value).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{value:?}");
        assert!(error.message().contains("\"key\""), "{error}");
    }
    // None of these calls has left the client.
    let call = caller.call();
    let stream = caller.request().await;
    assert_eq!(stream, 1);
    caller
        .raw()
        .respond(stream, &framed(&Response::default()))
        .await;
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn row_74_joined_binary_values_of_a_request() {
    let mut pair = Pair::new().await;
    let sent = [
        ("initial-a-bin", "AAE,AgM"),
        ("trailing-a-bin", "AAE= , AgM=,,AA"),
        ("trailing-b-bin", ","),
        ("trailing-c", "AAE,AgM"),
    ];
    let answer = call(&mut pair, &sent).await;
    answer.assert_status(0, "");
    let initial = [("initial-a-bin", "AAE"), ("initial-a-bin", "AgM")];
    assert_eq!(echoed(&answer.head), initial);
    let trailing = [
        ("trailing-a-bin", "AAE"),
        ("trailing-a-bin", "AgM"),
        ("trailing-a-bin", ""),
        ("trailing-a-bin", "AA"),
        ("trailing-b-bin", ""),
        ("trailing-b-bin", ""),
        ("trailing-c", "AAE,AgM"),
    ];
    assert_eq!(echoed(&answer.end), trailing);
    pair.served.event().await;
    pair.served.event().await;
    for value in ["AAE,!", "AAE;AgM", "AAE AgM", "AAE,A", "A,AAE"] {
        for name in ["x-bin", "grpc-trace-bin"] {
            let answer = call(&mut pair, &[(name, value)]).await;
            answer.assert_status(13, name);
            pair.assert_no_handler_ran();
        }
    }
    // Each part counts as a field of its own.
    let many = ",".repeat(2_000);
    let answer = call(&mut pair, &[("x-bin", &many)]).await;
    answer.assert_status(8, "metadata");
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

/// Makes a call that is answered with these fields in its head and in its trailers.
async fn answered(
    caller: &mut Caller,
    initial: (&str, &str),
    trailing: (&str, &str),
) -> Result<[Vec<Vec<u8>>; 2]> {
    let call = caller.call();
    let stream = caller.request().await;
    let raw = caller.raw();
    let head = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        initial,
    ];
    raw.answer_head(stream, &head, false).await;
    raw.frame(0, 0, stream, &framed(&Response::default())).await;
    raw.answer_head(stream, &[("grpc-status", "0"), trailing], true)
        .await;
    let (_, call) = call.await.unwrap()?;
    let values = |metadata: &stubwright::Metadata, key| {
        let values = metadata
            .get_all(key)
            .filter_map(stubwright::Value::to_bytes);
        values.map(|value| value.to_vec()).collect()
    };
    Ok([
        values(&call.initial_metadata, initial.0),
        values(&call.trailing_metadata, trailing.0),
    ])
}

#[tokio::test]
async fn row_74_joined_binary_values_of_a_response() {
    let mut caller = Caller::new().await;
    let values = answered(&mut caller, ("a-bin", "AAE,AgM"), ("b-bin", "AA , AgM=")).await;
    let expected = [vec![vec![0, 1], vec![2, 3]], vec![vec![0], vec![2, 3]]];
    assert_eq!(values.unwrap(), expected);
    let initial = answered(&mut caller, ("a-bin", "AAE,!"), ("b", "")).await;
    assert_malformed(initial.unwrap_err(), "a-bin");
    let trailing = answered(&mut caller, ("a", ""), ("b-bin", "AAE;AgM")).await;
    assert_malformed(trailing.unwrap_err(), "b-bin");
}

#[track_caller]
fn assert_malformed(error: Status, key: &str) {
    assert_eq!(error.code(), Code::Internal, "{error}");
    assert!(
        error.message().contains(&format!("{key:?} is not base64")),
        "{error}"
    );
}
