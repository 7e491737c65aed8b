//! Invalid requests, with raw frames to our server. Rows have the numbers of the table in `hostile_input.md`.

use bytes::Bytes;
use stubwright::{Code, RequestStream, Server, ServerBuilder, ServicerContext};
use stubwright_tests::pb::probe::v1::{Action, Request, Response, add_probe_servicer_to_server};
use stubwright_tests::{Event, Probe};

use crate::caller::Served;
use crate::raw::{Answer, DATA, END_STREAM, GOAWAY, RST_STREAM, Raw, code, field};
use crate::wire::{framed, pattern, prefixed};

const UNARY: &str = "/probe.v1.Probe/Unary";

pub fn request(payload: &[u8]) -> Request {
    Request {
        payload: payload.to_vec(),
        ..Request::default()
    }
}

/// Returns a valid head with some fields replaced and others added. An empty value leaves a field out.
pub fn head<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut head = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", UNARY),
        (":authority", "probe.test"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for change in changes {
        match head.iter_mut().find(|field| field.0 == change.0) {
            Some(field) => *field = *change,
            None => head.push(*change),
        }
    }
    head.retain(|field| !field.1.is_empty());
    head
}

/// A server and a connection to it.
pub struct Pair {
    pub served: Served,
    pub raw: Raw,
}

impl Pair {
    pub async fn new() -> Pair {
        Pair::with(Server::builder()).await
    }

    pub async fn with(builder: ServerBuilder) -> Pair {
        let served = Served::with(builder).await;
        let raw = Raw::new(served.address).await;
        Pair { served, raw }
    }

    /// Makes a call with a changed head and a valid body.
    pub async fn call(&mut self, changes: &[(&str, &str)]) -> Answer {
        self.raw.call(&head(changes), &framed(&request(b"x"))).await
    }

    /// Makes a call with a valid head and this body.
    pub async fn send(&mut self, body: &[u8]) -> Answer {
        self.raw.call(&head(&[]), body).await
    }

    pub fn assert_no_handler_ran(&mut self) {
        assert_eq!(self.served.past_event(), None);
    }

    /// Checks that the connection remains usable.
    pub async fn assert_alive(&mut self) {
        let answer = self.call(&[]).await;
        answer.assert_status(0, "");
        assert_eq!(
            answer.body,
            framed(&Response {
                payload: b"x".to_vec(),
                index: 0
            })
        );
    }
}

#[tokio::test]
async fn row_01_content_types() {
    let mut pair = Pair::new().await;
    for content_type in [
        "",
        "text/plain",
        "application/grpcx",
        "application/grpc-web",
        "application/json",
        "application/grpc+",
        "application/grpc+foo",
        "application/grpc+json;charset=utf-8",
        "application/grpc+protobuf",
    ] {
        let answer = pair.call(&[("content-type", content_type)]).await;
        assert_eq!(answer.status(), "415", "{content_type:?}");
        pair.assert_no_handler_ran();
    }
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
        "application/grpc+proto ; charset=utf-8",
    ] {
        let answer = pair.call(&[("content-type", content_type)]).await;
        answer.assert_status(0, "");
    }
}

#[tokio::test]
async fn row_01_a_generic_handler_takes_other_formats_of_messages() {
    let (probe, _events) = Probe::new();
    let mut server = Server::new();
    add_probe_servicer_to_server(probe, &mut server);
    server.add_generic_handler(|requests: RequestStream<Bytes>, _: ServicerContext| requests);
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let mut raw = Raw::new(address).await;
    for (path, content_type, status) in [
        ("/any.Service/Any", "application/grpc+foo", "200"),
        ("/any.Service/Any", "application/grpcx", "415"),
        (UNARY, "application/grpc+foo", "415"),
    ] {
        let head = head(&[(":path", path), ("content-type", content_type)]);
        let answer = raw.call(&head, &framed(&request(b"x"))).await;
        assert_eq!(answer.status(), status, "{path} {content_type}");
    }
}

#[tokio::test]
async fn row_02_methods_other_than_post() {
    let mut pair = Pair::new().await;
    for method in ["GET", "PUT", "HEAD", "OPTIONS", "post"] {
        let answer = pair.call(&[(":method", method)]).await;
        assert_eq!(answer.status(), "405", "{method}");
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_03_unknown_services_and_methods() {
    let mut pair = Pair::new().await;
    for path in [
        "/probe.v1.Probe/Nothing",
        "/probe.v1.Nothing/Unary",
        "/probe.v1.Probe/unary",
    ] {
        pair.call(&[(":path", path)]).await.assert_status(12, path);
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_04_paths_that_are_none() {
    let mut pair = Pair::new().await;
    for path in [
        "/",
        "//",
        "//probe.v1.Probe/Unary",
        "/probe.v1.Probe",
        "/probe.v1.Probe/",
        "/probe.v1.Probe/Unary/",
        "/probe.v1.Probe/Unary/x",
        "/probe.v1.Probe/Unary?",
        "/probe.v1.Probe/%55nary",
        "/probe.v1.Probe%2FUnary",
        "/./probe.v1.Probe/Unary",
        "/probe.v1.Probe/Unary%00",
        "*",
    ] {
        let answer = pair.call(&[(":path", path)]).await;
        answer.assert_status(12, "");
        pair.assert_no_handler_ran();
    }
    // RFC 9113, 8.3.1: a path of `http` starts with a slash. Without one, a reset is a valid answer too.
    for path in ["foo", "probe.v1.Probe/Unary"] {
        let answer = pair.call(&[(":path", path)]).await;
        assert!(
            answer.grpc_status() == Some(12) || answer.reset == Some(1),
            "{answer:?}"
        );
        pair.assert_no_handler_ran();
    }
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_05_malformed_timeouts() {
    let mut pair = Pair::new().await;
    for timeout in [
        "1x",
        "S",
        "1.5S",
        "123456789S",
        "-1S",
        "+1S",
        "1",
        "1 S",
        "0x1S",
    ] {
        let answer = pair.call(&[("grpc-timeout", timeout)]).await;
        answer.assert_status(13, "malformed grpc-timeout");
        pair.assert_no_handler_ran();
    }
    let mut fields = head(&[]);
    fields.push(("grpc-timeout", ""));
    let answer = pair.raw.call(&fields, &framed(&request(b"x"))).await;
    answer.assert_status(13, "malformed grpc-timeout");
    pair.assert_no_handler_ran();
    for timeout in ["1H", "99999999H", "60M", "5000m", "99999999n", "99999999u"] {
        pair.call(&[("grpc-timeout", timeout)])
            .await
            .assert_status(0, "");
    }
}

#[tokio::test]
async fn row_06_timeouts_that_are_over() {
    let mut pair = Pair::new().await;
    for timeout in ["0n", "0S", "00000000H"] {
        pair.call(&[("grpc-timeout", timeout)])
            .await
            .assert_status(4, "");
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_07_flags_that_are_none() {
    let mut pair = Pair::new().await;
    let message = framed(&request(b"x"));
    for flag in [2, 3, 128, 255] {
        pair.send(&prefixed(flag, &message[5..]))
            .await
            .assert_status(13, "");
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_08_compressed_without_an_encoding() {
    let mut pair = Pair::new().await;
    pair.send(&prefixed(1, b"x")).await.assert_status(13, "");
    let fields = head(&[("grpc-encoding", "identity")]);
    let answer = pair.raw.call(&fields, &prefixed(1, b"x")).await;
    answer.assert_status(13, "");
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_09_unknown_encodings() {
    let mut pair = Pair::new().await;
    for encoding in ["br", "snappy", "x"] {
        let answer = pair.call(&[("grpc-encoding", encoding)]).await;
        answer.assert_status(12, encoding);
        let accepted = field(&answer.head, "grpc-accept-encoding").unwrap();
        assert!(accepted.contains("identity"), "{accepted}");
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_12_prefixes_over_the_limit() {
    let mut pair = Pair::new().await;
    for length in [5 << 20, (4 << 20) + 1, u32::MAX] {
        // Only the prefix is sent, and the call stays open. The error does not wait for the message.
        let stream = pair.raw.open(&head(&[]), false).await;
        let mut prefix = vec![0];
        prefix.extend(length.to_be_bytes());
        pair.raw.frame(DATA, 0, stream, &prefix).await;
        pair.raw.answer(stream).await.assert_status(8, "");
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_13_ends_inside_a_message() {
    let mut pair = Pair::new().await;
    let message = framed(&request(b"hello"));
    for length in 1..message.len() {
        pair.send(&message[..length]).await.assert_status(13, "");
    }
    pair.assert_no_handler_ran();
    // In a stream, complete messages are delivered, and an incomplete one is an error.
    let fields = head(&[(":path", "/probe.v1.Probe/ClientStream")]);
    let body = [&message[..], &message[..3]].concat();
    pair.raw.call(&fields, &body).await.assert_status(13, "");
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_14_no_message_and_two() {
    let mut pair = Pair::new().await;
    let message = framed(&request(b"x"));
    pair.send(&[]).await.assert_status(13, "none came");
    let stream = pair.raw.open(&head(&[]), true).await;
    pair.raw.answer(stream).await.assert_status(13, "none came");
    let twice = [&message[..], &message[..]].concat();
    pair.send(&twice).await.assert_status(13, "second");
    let fields = head(&[(":path", "/probe.v1.Probe/ServerStream")]);
    pair.raw
        .call(&fields, &twice)
        .await
        .assert_status(13, "second");
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_15_bytes_that_are_no_message() {
    let mut pair = Pair::new().await;
    for garbage in [&b"\xff"[..], b"\x0a\x05x", b"\x00\x00", &pattern(1000)] {
        pair.send(&prefixed(0, garbage)).await.assert_status(13, "");
    }
    pair.assert_no_handler_ran();
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_16_binary_metadata_that_is_not_base64() {
    let mut pair = Pair::new().await;
    for value in ["!", "A", "AAE=A", "A A", "AA_-", "AAE=="] {
        let answer = pair.call(&[("x-bin", value)]).await;
        answer.assert_status(13, "x-bin");
        pair.assert_no_handler_ran();
    }
    for value in ["AAE", "AAE=", "AAAA", "AA==", "AA"] {
        pair.call(&[("x-bin", value)]).await.assert_status(0, "");
    }
}

#[tokio::test]
async fn row_17_metadata_over_the_limit() {
    let mut pair = Pair::new().await;
    let value = "v".repeat(17 << 10);
    let answer = pair.call(&[("k", &value)]).await;
    assert!(
        answer.grpc_status() == Some(8) || answer.status() == "431",
        "{:?}",
        answer.end
    );
    let names: Vec<_> = (0..1000).map(|number| format!("name-{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (&**name, "v")).collect();
    let answer = pair.call(&many).await;
    assert!(
        answer.grpc_status() == Some(8) || answer.status() == "431",
        "{:?}",
        answer.end
    );
    // The content type comes after the limit.
    let mut late = head(&[("content-type", "")]);
    late.extend([("k", &*value), ("content-type", "application/grpc")]);
    let answer = pair.raw.call(&late, &framed(&request(b"x"))).await;
    answer.assert_status(8, "metadata");
    pair.assert_no_handler_ran();
    pair.call(&[("k", &value[..8 << 10])])
        .await
        .assert_status(0, "");
}

#[tokio::test]
async fn row_18_no_te() {
    let mut pair = Pair::new().await;
    pair.call(&[("te", "")]).await.assert_status(0, "");
}

#[tokio::test]
async fn row_19_a_handler_that_panics() {
    let mut pair = Pair::new().await;
    let panics = Request {
        action: Action::Panic.into(),
        count: 1,
        ..request(b"x")
    };
    let other = pair.raw.open(&head(&[]), false).await;
    for method in ["Unary", "ServerStream", "ClientStream", "Bidi"] {
        let path = format!("/probe.v1.Probe/{method}");
        let answer = pair
            .raw
            .call(&head(&[(":path", &path)]), &framed(&panics))
            .await;
        answer.assert_status(13, "");
        // The panic's message is for the log, not for the caller.
        assert!(!answer.message().contains("asked for it"), "{answer:?}");
    }
    // The other call on the connection goes on, and so does the server.
    let message = framed(&request(b"x"));
    pair.raw.frame(DATA, END_STREAM, other, &message).await;
    pair.raw.answer(other).await.assert_status(0, "");
    pair.raw = Raw::new(pair.served.address).await;
    pair.assert_alive().await;
}

#[tokio::test]
async fn row_20_status_messages_of_all_kinds() {
    let mut pair = Pair::new().await;
    for (message, encoded) in [
        ("one\ntwo\r\n", "one%0Atwo%0D%0A".to_owned()),
        (
            "100 %, gr\u{fc}n \u{1f980}",
            "100 %25, gr%C3%BCn %F0%9F%A6%80".to_owned(),
        ),
        ("", String::new()),
    ] {
        let fails = Request {
            action: Action::Fail.into(),
            code: 9,
            message: message.to_owned(),
            ..request(b"")
        };
        let answer = pair.send(&framed(&fails)).await;
        answer.assert_status(9, "");
        assert_eq!(answer.message(), encoded);
    }
    let fails = Request {
        action: Action::Fail.into(),
        code: 9,
        message: "m".repeat(60_000),
        ..request(b"")
    };
    let answer = pair.send(&framed(&fails)).await;
    answer.assert_status(9, "mmm");
    assert!("m".repeat(60_000).starts_with(answer.message()));
    pair.assert_alive().await;
}

/// Starts a call whose handler has moved its request stream to another task.
async fn given_away(pair: &mut Pair) -> u32 {
    let fields = head(&[(":path", "/probe.v1.Probe/ClientStream")]);
    let stream = pair.raw.open(&fields, false).await;
    let give_away = Request {
        action: Action::GiveAway.into(),
        ..request(b"")
    };
    pair.raw.frame(DATA, 0, stream, &framed(&give_away)).await;
    for expected in [Event::Started, Event::GivenAway] {
        assert_eq!(pair.served.event().await, expected);
    }
    stream
}

async fn assert_cancelled(served: &mut Served) {
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(served.event().await);
    }
    for event in [
        Event::Dropped,
        Event::Cancelled,
        Event::Ended(Some(Code::Cancelled)),
    ] {
        assert!(events.contains(&event), "no {event:?} in {events:?}");
    }
}

/// A call that is cut off by the end of the connection is an error for its handler.
#[tokio::test]
async fn a_connection_that_breaks_drops_its_handlers() {
    let mut pair = Pair::new().await;
    given_away(&mut pair).await;
    drop(pair.raw);
    assert_cancelled(&mut pair.served).await;
}

#[tokio::test]
async fn row_43_a_call_that_is_reset() {
    let mut pair = Pair::new().await;
    let stream = given_away(&mut pair).await;
    // CANCEL.
    pair.raw.frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]).await;
    assert_cancelled(&mut pair.served).await;
    pair.assert_alive().await;
}

/// A call over the limit of streams is refused, and the others go on.
#[tokio::test]
async fn row_30_a_call_over_the_limit_is_refused() {
    let served = Served::with(Server::builder().max_concurrent_streams(2)).await;
    let mut raw = Raw::new(served.address).await;
    let fields = head(&[(":path", "/probe.v1.Probe/Bidi")]);
    let first = raw.open(&fields, false).await;
    let second = raw.open(&fields, false).await;
    let third = raw.open(&fields, false).await;
    // REFUSED_STREAM: RFC 9113, 5.1.2.
    assert_eq!(raw.answer(third).await.reset, Some(7));
    for stream in [second, first] {
        raw.frame(DATA, END_STREAM, stream, &framed(&request(b"x")))
            .await;
        raw.answer(stream).await.assert_status(0, "");
    }
}

/// GOAWAY of a client. Open calls are answered, and the connection ends when the client closes it.
#[tokio::test]
async fn a_client_that_says_goodbye_gets_its_answers() {
    let mut pair = Pair::new().await;
    let stream = pair.raw.open(&head(&[]), false).await;
    // No streams of the server, NO_ERROR.
    pair.raw.frame(GOAWAY, 0, 0, &[0; 8]).await;
    let message = framed(&request(b"x"));
    pair.raw.frame(DATA, END_STREAM, stream, &message).await;
    pair.raw.answer(stream).await.assert_status(0, "");
    pair.raw.close().await;
    while let Some(frame) = pair.raw.read().await {
        assert!(
            frame.kind != GOAWAY || code(&frame.payload[4..]) == 0,
            "{frame:?}"
        );
    }
}
