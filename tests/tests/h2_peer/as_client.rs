//! Our client, with a server of the `h2` crate.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use h2::Reason;
use http::HeaderMap;
use stubwright::{Channel, Code};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};

use crate::listener::{Listener, grpc_head};
use crate::wire::{fields, framed, next_message, pattern, within};

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

fn stub(listener: &Listener) -> ProbeStub {
    ProbeStub::new(Channel::insecure(listener.address.to_string()).unwrap())
}

fn trailers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(*name, value.parse().unwrap());
    }
    map
}

#[tokio::test]
async fn a_unary_call_is_sent_in_these_bytes() {
    let listener = Listener::new().await;
    let call = stub(&listener)
        .unary(request(b"hello"))
        .timeout(Duration::from_secs(3600))
        .metadata("text", "abc 42")
        .metadata("text", "again")
        .metadata("x-bin", [0, 1, 255]);
    let call = tokio::spawn(call.with_call());
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    assert_eq!(seen.request.method(), "POST");
    let uri = format!("http://{}/probe.v1.Probe/Unary", listener.address);
    assert_eq!(seen.request.uri().to_string(), uri);
    let mut head = fields(seen.request.headers());
    head.retain(|(name, value)| match &**name {
        "user-agent" => !value.starts_with("grpc-rust-stubwright/"),
        // The value depends on the time that has passed.
        "grpc-timeout" => false,
        _ => true,
    });
    let timeout = seen.request.headers()["grpc-timeout"].to_str().unwrap();
    assert!(timeout.len() <= 9, "{timeout}");
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("text", "abc 42"),
        ("text", "again"),
        ("x-bin", "AAH/"),
    ] {
        let at = head
            .iter()
            .position(|field| field.0 == name && field.1 == value);
        head.remove(at.unwrap_or_else(|| panic!("{name} is missing in {head:?}")));
    }
    head.retain(|(name, _)| !matches!(&**name, "user-agent" | "grpc-accept-encoding"));
    assert!(head.is_empty(), "{head:?}");
    assert_eq!(within(seen.body()).await, b"\0\0\0\0\x07\x0a\x05hello");

    let end = trailers(&[("grpc-status", "0"), ("end-bin", "AAE="), ("end", "e")]);
    let body = framed(&response(b"there", 0));
    seen.answer_with(&[("start", "s")], body, end);
    let (answer, call) = within(call).await.unwrap().unwrap();
    assert_eq!(answer, response(b"there", 0));
    assert_eq!(call.initial_metadata.get("start"), Some("s"));
    assert_eq!(call.trailing_metadata.get("end"), Some("e"));
    let bytes = call.trailing_metadata.get_bin("end-bin");
    assert_eq!(bytes.as_deref(), Some(&[0, 1][..]));
}

#[tokio::test]
async fn responses_may_be_cut_anywhere() {
    let listener = Listener::new().await;
    let stub = stub(&listener);
    let expected = [
        response(b"first", 0),
        Response::default(),
        response(b"third", 2),
    ];
    let body: Vec<u8> = expected.iter().flat_map(framed).collect();
    let mut connection = None;
    for cut in 0..=body.len() {
        let call = tokio::spawn(stub.server_stream(request(b"")).try_collect::<Vec<_>>());
        if connection.is_none() {
            connection = Some(within(listener.accept()).await);
        }
        let mut seen = within(connection.as_mut().unwrap().call()).await;
        let mut stream = seen
            .respond
            .send_response(grpc_head(200, &[]), false)
            .unwrap();
        let (one, other) = body.split_at(cut);
        stream
            .send_data(Bytes::copy_from_slice(one), false)
            .unwrap();
        stream
            .send_data(Bytes::copy_from_slice(other), false)
            .unwrap();
        stream
            .send_trailers(trailers(&[("grpc-status", "0")]))
            .unwrap();
        assert_eq!(within(call).await.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_request_stream_arrives_in_order() {
    let listener = Listener::new().await;
    let numbers = 0..1000_u32;
    let requests = numbers.clone().map(|number| request(&number.to_be_bytes()));
    let call = tokio::spawn(stub(&listener).client_stream(requests));
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    let expected: Vec<u8> = numbers
        .flat_map(|number| framed(&request(&number.to_be_bytes())))
        .collect();
    assert_eq!(within(seen.body()).await, expected);
    seen.answer(framed(&response(b"", 1000)), "0");
    assert_eq!(within(call).await.unwrap().unwrap().index, 1000);
}

#[tokio::test]
async fn a_bidirectional_call_alternates() {
    let listener = Listener::new().await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let requests = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut call = stub(&listener).bidi(requests);
    sender.send(request(b"0")).unwrap();
    let (call_task, seen) = tokio::join!(
        async {
            let first = within(call.message()).await.unwrap().unwrap();
            assert_eq!(first, response(b"0", 0));
            call
        },
        async {
            let mut connection = within(listener.accept()).await;
            let mut seen = within(connection.call()).await;
            let mut stream = seen
                .respond
                .send_response(grpc_head(200, &[]), false)
                .unwrap();
            let mut rest = Vec::new();
            let first: Request = within(next_message(seen.request.body_mut(), &mut rest)).await;
            let answer = framed(&response(&first.payload, 0));
            stream.send_data(answer.into(), false).unwrap();
            (connection, seen, stream, rest)
        },
    );
    let mut call = call_task;
    let (_connection, mut seen, mut stream, mut rest) = seen;
    for index in 1..10 {
        sender.send(request(&[index as u8])).unwrap();
        let next: Request = within(next_message(seen.request.body_mut(), &mut rest)).await;
        assert_eq!(next.payload, [index as u8]);
        let answer = framed(&response(&next.payload, index));
        stream.send_data(answer.into(), false).unwrap();
        let answer = within(call.message()).await.unwrap().unwrap();
        assert_eq!(answer, response(&[index as u8], index));
    }
    drop(sender);
    assert!(
        within(seen.request.body_mut().data())
            .await
            .is_none_or(|data| data.unwrap().is_empty())
    );
    stream
        .send_trailers(trailers(&[("grpc-status", "0")]))
        .unwrap();
    assert_eq!(within(call.message()).await.unwrap(), None);
}

#[tokio::test]
async fn ten_megabytes_are_sent_and_nearly_four_received() {
    let listener = Listener::new().await;
    let payload = pattern(10 << 20);
    let call = tokio::spawn(stub(&listener).unary(request(&payload)));
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    let body = within(seen.body()).await;
    assert!(body == framed(&request(&payload)), "{} bytes", body.len());
    let payload = pattern((4 << 20) - 16);
    seen.answer(framed(&response(&payload, 0)), "0");
    let answer = within(call).await.unwrap().unwrap();
    assert!(answer.payload == payload, "{} bytes", answer.payload.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_keep_to_the_limit_of_the_server() {
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(10);
    let listener = Listener::with(builder).await;
    let stub = stub(&listener);
    let calls: Vec<_> = (0..1000_u32)
        .map(|number| tokio::spawn(stub.unary(request(&number.to_be_bytes()))))
        .collect();
    let mut connection = within(listener.accept()).await;
    let server = tokio::spawn(async move {
        let mut waiting = Vec::new();
        for _ in 0..1000 {
            waiting.push(connection.call().await);
            if waiting.len() == 10 {
                // With ten open, no eleventh call arrives: h2 would refuse it.
                for mut call in waiting.drain(..) {
                    let body = call.body().await;
                    call.answer(body, "0");
                }
            }
        }
        connection
    });
    for (number, call) in (0_u32..).zip(calls) {
        let answer = within(call).await.unwrap().unwrap();
        assert_eq!(answer.payload, number.to_be_bytes());
    }
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_is_reset_with_cancel() {
    let listener = Listener::new().await;
    let call = tokio::spawn(stub(&listener).unary(request(b"")).into_future());
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    call.abort();
    let reason = within(std::future::poll_fn(|context| {
        seen.respond.poll_reset(context)
    }))
    .await;
    assert_eq!(reason.unwrap(), Reason::CANCEL);
}

#[tokio::test]
async fn a_deadline_resets_the_call_on_both_sides() {
    let listener = Listener::new().await;
    let call = stub(&listener).server_stream(request(b""));
    let mut call = call.timeout(Duration::from_millis(50));
    let (error, reason) = tokio::join!(within(call.message()), async {
        let mut connection = within(listener.accept()).await;
        let mut seen = within(connection.call()).await;
        within(std::future::poll_fn(|context| {
            seen.respond.poll_reset(context)
        }))
        .await
    });
    assert_eq!(error.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(reason.unwrap(), Reason::CANCEL);
}

#[tokio::test]
async fn calls_after_a_goaway_go_to_a_new_connection() {
    let listener = Listener::new().await;
    let stub = stub(&listener);
    let open = tokio::spawn(stub.unary(request(b"open")).into_future());
    let mut first = within(listener.accept()).await;
    let mut seen = within(first.call()).await;
    first.go_away();
    // This call is made while the first connection shuts down. h2 may still see it there, before the second GOAWAY
    // has the last stream.
    let (next, ()) = tokio::join!(within(stub.unary(request(b"next"))), async {
        let answer = |mut call: crate::listener::Call| async move {
            let body = within(call.body()).await;
            call.answer(body, "0");
        };
        tokio::select! {
            call = first.call() => answer(call).await,
            mut second = listener.accept() => answer(within(second.call()).await).await,
        }
    });
    assert_eq!(next.unwrap().payload, b"next");
    let body = within(seen.body()).await;
    seen.answer(body, "0");
    assert_eq!(within(open).await.unwrap().unwrap().payload, b"open");
}

#[tokio::test]
async fn metadata_over_the_limit_of_the_server_fails_its_call_alone() {
    let mut builder = h2::server::Builder::new();
    builder.max_header_list_size(8 << 10);
    let listener = Listener::with(builder).await;
    let stub = stub(&listener);
    let open = tokio::spawn(stub.unary(request(b"open")).into_future());
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    for size in [8 << 10, 100 << 10] {
        let call = stub.unary(request(b"")).metadata("k", "v".repeat(size));
        let error = within(call).await.unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    }
    let call = stub.unary(request(b"x")).metadata("k", "v".repeat(7 << 10));
    let call = tokio::spawn(call.into_future());
    for (_, seen) in [(0, &mut seen), (1, &mut within(connection.call()).await)] {
        let body = within(seen.body()).await;
        seen.answer(body, "0");
    }
    assert_eq!(within(open).await.unwrap().unwrap().payload, b"open");
    assert_eq!(within(call).await.unwrap().unwrap().payload, b"x");
}
