//! Our server, with a client of the `h2` crate.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use stubwright::Server;
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{Action, Request, Response};

use crate::caller::{Caller, Served, answer};
use crate::wire::{fields, framed, next_message, pairs, pattern, read_all, within};

/// Encodings that a server with all of them announces in every response.
const ENCODINGS: (&str, &str) = ("grpc-accept-encoding", "identity,deflate,gzip,zstd");

fn request(payload: &[u8]) -> Request {
    Request {
        payload: payload.to_vec(),
        ..Request::default()
    }
}

fn response(payload: &[u8], index: u32) -> Response {
    Response {
        payload: payload.to_vec(),
        index,
    }
}

#[tokio::test]
async fn a_unary_call_is_answered_in_these_bytes() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let answer = caller.call("Unary", &[], framed(&request(b"hello"))).await;
    assert_eq!(answer.status, 200);
    let head = pairs(&[("content-type", "application/grpc"), ENCODINGS]);
    assert_eq!(fields(&answer.head), head);
    assert_eq!(answer.body, b"\0\0\0\0\x07\x0a\x05hello");
    assert_eq!(fields(&answer.end), pairs(&[("grpc-status", "0")]));
}

#[tokio::test]
async fn a_response_stream_arrives_in_order() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    for count in [0, 1, 1000] {
        let request = Request {
            count,
            ..request(b"xyz")
        };
        let answer = caller.call("ServerStream", &[], framed(&request)).await;
        let expected: Vec<u8> = (0..count)
            .flat_map(|index| framed(&response(b"xyz", index)))
            .collect();
        assert_eq!(answer.body, expected);
        assert_eq!(answer.end["grpc-status"], "0");
    }
}

#[tokio::test]
async fn messages_may_be_cut_anywhere() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let body: Vec<u8> = [&b"first"[..], b"", b"third"]
        .iter()
        .flat_map(|payload| framed(&request(payload)))
        .collect();
    for cut in 1..body.len() {
        let (answered, mut requests) = caller.open("ClientStream", &[]).await;
        let (one, other) = body.split_at(cut);
        requests
            .send_data(Bytes::copy_from_slice(one), false)
            .unwrap();
        requests
            .send_data(Bytes::copy_from_slice(other), true)
            .unwrap();
        let answer = answer(answered).await;
        assert_eq!(answer.body, framed(&response(&10_u64.to_be_bytes(), 3)));
    }
}

#[tokio::test]
async fn each_request_of_a_bidirectional_call_is_answered_at_once() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let (answered, mut requests) = caller.open("Bidi", &[]).await;
    requests
        .send_data(framed(&request(b"0")).into(), false)
        .unwrap();
    let mut body = within(answered).await.unwrap().into_body();
    let mut rest = Vec::new();
    for index in 0..10_u32 {
        let payload = index.to_string();
        let next: Response = within(next_message(&mut body, &mut rest)).await;
        assert_eq!(next, response(payload.as_bytes(), index));
        let payload = (index + 1).to_string();
        let next = framed(&request(payload.as_bytes()));
        requests.send_data(next.into(), index == 9).unwrap();
    }
    let last: Response = within(next_message(&mut body, &mut rest)).await;
    assert_eq!(last, response(b"10", 10));
    let (nothing, trailers) = within(read_all(&mut body)).await.unwrap();
    assert!(nothing.is_empty() && rest.is_empty());
    assert_eq!(trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn metadata_goes_out_before_and_after_the_messages() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let metadata = [
        ("initial-text", "abc 42"),
        ("initial-text", "again"),
        ("initial-x-bin", "AAH/"),
        // Padding is optional.
        ("trailing-padded-bin", "AAE="),
        ("trailing-plain-bin", "AAE"),
        ("not-echoed", "x"),
    ];
    for method in ["Unary", "ServerStream"] {
        let answer = caller.call(method, &metadata, framed(&request(b""))).await;
        let head = pairs(&[
            ("content-type", "application/grpc"),
            ENCODINGS,
            ("initial-text", "abc 42"),
            ("initial-text", "again"),
            ("initial-x-bin", "AAH/"),
        ]);
        assert_eq!(fields(&answer.head), head, "{method}");
        let end = pairs(&[
            ("grpc-status", "0"),
            ("trailing-padded-bin", "AAE"),
            ("trailing-plain-bin", "AAE"),
        ]);
        assert_eq!(fields(&answer.end), end, "{method}");
    }
}

#[tokio::test]
async fn a_trailers_only_response_has_a_percent_encoded_message() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let request = Request {
        action: Action::Fail.into(),
        code: 5,
        message: "no \u{fc}\n100 %\u{7f}~".to_owned(),
        ..request(b"")
    };
    let answer = caller.call("Unary", &[], framed(&request)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    let end = pairs(&[
        ("content-type", "application/grpc"),
        ("grpc-message", "no %C3%BC%0A100 %25%7F~"),
        ("grpc-status", "5"),
        ("grpc-status-details-bin", "CAU"),
    ]);
    assert_eq!(fields(&answer.end), end);
    assert_eq!(fields(&answer.head), end);
}

#[tokio::test]
async fn row_20_a_message_is_cut_at_the_limit_of_the_peer() {
    let served = Served::new().await;
    let mut settings = h2::client::Builder::new();
    settings.max_header_list_size(8 << 10);
    let mut caller = Caller::with(served.address, &settings).await;
    for (method, count) in [("Unary", 0), ("ServerStream", 1)] {
        let request = Request {
            action: Action::Fail.into(),
            code: 5,
            count,
            message: "m\u{fc}".repeat(50_000),
            ..request(b"")
        };
        let answer = caller.call(method, &[], framed(&request)).await;
        assert_eq!(answer.end["grpc-status"], "5");
        let message = answer
            .end
            .get("grpc-message")
            .map_or(&b""[..], |message| message.as_bytes());
        assert!("m%C3%BC".repeat(50_000).as_bytes().starts_with(message));
    }
    let answer = caller.call("Unary", &[], framed(&request(b"x"))).await;
    assert_eq!(answer.end["grpc-status"], "0");
}

/// Only this call fails, and its handler is dropped.
#[tokio::test]
async fn initial_metadata_over_the_limit_of_the_peer() {
    let mut served = Served::new().await;
    let mut settings = h2::client::Builder::new();
    settings.max_header_list_size(300);
    let mut caller = Caller::with(served.address, &settings).await;
    let hangs = Request {
        action: Action::Hang.into(),
        ..request(b"")
    };
    let metadata = [("initial-k", &*"v".repeat(300))];
    for method in ["Unary", "ServerStream", "Bidi"] {
        let answer = caller.call(method, &metadata, framed(&hangs)).await;
        assert_eq!(answer.end["grpc-status"], "8", "{answer:?}");
        assert!(!answer.head.contains_key("initial-k"));
        assert_eq!(served.event().await, Event::Started);
        assert_eq!(served.event().await, Event::Dropped);
    }
    let metadata = [("initial-k", "v")];
    let answer = caller
        .call("Unary", &metadata, framed(&request(b"x")))
        .await;
    assert_eq!(answer.head["initial-k"], "v");
    assert_eq!(answer.end["grpc-status"], "0");
}

#[tokio::test]
async fn a_status_after_messages_is_in_trailers() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let request = Request {
        count: 2,
        action: Action::Fail.into(),
        code: 10,
        ..request(b"")
    };
    let answer = caller.call("ServerStream", &[], framed(&request)).await;
    assert_eq!(
        answer.body,
        [framed(&response(b"", 0)), framed(&response(b"", 1))].concat()
    );
    assert!(!answer.head.contains_key("grpc-status"));
    assert_eq!(answer.end["grpc-status"], "10");
    assert!(!answer.end.contains_key("grpc-message"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_go_there_and_back() {
    let builder = Server::builder().max_receive_message_length(16 << 20);
    let served = Served::with(builder).await;
    let mut caller = Caller::new(served.address).await;
    let payload = pattern(10 << 20);
    let answer = caller.call("Unary", &[], framed(&request(&payload))).await;
    let expected = framed(&response(&payload, 0));
    // `assert_eq` would print both values.
    assert!(answer.body == expected, "{} bytes", answer.body.len());
    assert_eq!(answer.end["grpc-status"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_are_open_at_once() {
    let served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let mut calls = Vec::new();
    for number in 0..1000_u32 {
        let (answered, mut requests) = caller.open("Bidi", &[]).await;
        let message = framed(&request(&number.to_be_bytes()));
        requests.send_data(message.into(), false).unwrap();
        let mut body = within(answered).await.unwrap().into_body();
        let first: Response = within(next_message(&mut body, &mut Vec::new())).await;
        assert_eq!(first.payload, number.to_be_bytes());
        calls.push((requests, body));
    }
    // All calls are open. They are answered in reverse order.
    for (mut requests, mut body) in calls.into_iter().rev() {
        requests
            .send_data(framed(&request(b"last")).into(), true)
            .unwrap();
        let (bytes, trailers) = within(read_all(&mut body)).await.unwrap();
        assert_eq!(bytes, framed(&response(b"last", 1)));
        assert_eq!(trailers.unwrap()["grpc-status"], "0");
    }
}

#[tokio::test]
async fn a_reset_drops_the_handler() {
    let mut served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    for method in ["ClientStream", "Bidi"] {
        let (_answered, mut requests) = caller.open(method, &[]).await;
        requests
            .send_data(framed(&request(b"x")).into(), false)
            .unwrap();
        assert_eq!(served.event().await, Event::Started);
        requests.send_reset(Reason::CANCEL);
        assert_eq!(served.event().await, Event::Dropped);
    }
    // The connection remains usable.
    let answer = caller.call("Unary", &[], framed(&request(b"x"))).await;
    assert_eq!(answer.end["grpc-status"], "0");
}

#[tokio::test]
async fn a_request_stream_in_another_task_sees_a_reset_as_an_error() {
    let mut served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let (_answered, mut requests) = caller.open("ClientStream", &[]).await;
    let give_away = Request {
        action: Action::GiveAway.into(),
        ..request(b"")
    };
    requests
        .send_data(framed(&give_away).into(), false)
        .unwrap();
    for expected in [Event::Started, Event::GivenAway] {
        assert_eq!(served.event().await, expected);
    }
    requests.send_reset(Reason::CANCEL);
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(served.event().await);
    }
    assert!(events.contains(&Event::Ended(Some(stubwright::Code::Cancelled))));
    assert!(events.contains(&Event::Cancelled));
    assert!(events.contains(&Event::Dropped));
}

#[tokio::test]
async fn a_client_that_sends_goaway_gets_its_responses_first() {
    let mut served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let (answered, mut requests) = caller.open("ClientStream", &[]).await;
    requests
        .send_data(framed(&request(b"x")).into(), false)
        .unwrap();
    assert_eq!(served.event().await, Event::Started);
    let connection = caller.go_away();
    requests
        .send_data(framed(&request(b"y")).into(), true)
        .unwrap();
    let answer = answer(answered).await;
    assert_eq!(answer.body, framed(&response(&2_u64.to_be_bytes(), 2)));
    drop(requests);
    within(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_stops_sends_goaway_and_completes_open_calls() {
    let mut served = Served::new().await;
    let mut caller = Caller::new(served.address).await;
    let (answered, mut requests) = caller.open("ClientStream", &[]).await;
    requests
        .send_data(framed(&request(b"x")).into(), false)
        .unwrap();
    assert_eq!(served.event().await, Event::Started);
    let server = served.server;
    let stopped = tokio::spawn(async move { server.stop(Duration::from_secs(20)).await });
    // Once this side refuses a new request, the GOAWAY has arrived.
    let refused = async {
        loop {
            let request = http::Request::post("http://probe.test/x").body(()).unwrap();
            match caller.send(request).await {
                Err(error) => break error,
                Ok((answered, mut requests)) => {
                    requests.send_data(Bytes::new(), true).ok();
                    answered.await.ok();
                }
            }
        }
    };
    let error = within(refused).await;
    assert_eq!(error.reason(), Some(Reason::NO_ERROR), "{error}");
    requests
        .send_data(framed(&request(b"y")).into(), true)
        .unwrap();
    let answer = answer(answered).await;
    assert_eq!(answer.body, framed(&response(&2_u64.to_be_bytes(), 2)));
    within(stopped).await.unwrap();
}
