//! Responses that are not gRPC's, such as a proxy's error pages. Rows have the numbers of the table in
//! `hostile_input.md`.

use std::time::Duration;

use stubwright::{Channel, Code, Result, Status};
use stubwright_tests::frames::{DATA, END_STREAM, RST_STREAM};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::script::{Peer, Script, within};

const PLAIN: (&str, &str) = ("content-type", "text/plain");

/// A client, and a server that writes the frames it is told to.
struct Pair {
    stub: ProbeStub,
    peer: Peer,
    _script: Script,
}

impl Pair {
    async fn new() -> Pair {
        let (channel, mut script) = Script::new(Channel::builder());
        let stub = ProbeStub::new(channel);
        let call = tokio::spawn(stub.unary(Request::default()).into_future());
        let mut peer = script.serve().await;
        peer.answer().await;
        within(call).await.unwrap().unwrap();
        Pair {
            stub,
            peer,
            _script: script,
        }
    }

    /// Makes a call and sends the head of a response. Returns the call and its stream.
    async fn call(
        &mut self,
        status: &str,
        fields: &[(&str, &str)],
    ) -> (JoinHandle<Result<Response>>, u32) {
        let call = tokio::spawn(self.stub.unary(Request::default()).into_future());
        let stream = self.peer.request().await;
        let head = [&[(":status", status)][..], fields].concat();
        self.peer.headers(stream, &head, false).await;
        (call, stream)
    }

    /// Makes a call whose response has this head and these pieces of a body. Returns the status of the call.
    async fn error(&mut self, status: &str, fields: &[(&str, &str)], pieces: &[&[u8]]) -> Status {
        let (call, stream) = self.call(status, fields).await;
        for (place, piece) in pieces.iter().enumerate() {
            let flags = if place + 1 == pieces.len() {
                END_STREAM
            } else {
                0
            };
            self.peer.frame(DATA, flags, stream, piece).await;
        }
        ended(call).await
    }
}

async fn ended(call: JoinHandle<Result<Response>>) -> Status {
    within(call).await.unwrap().unwrap_err()
}

const HTTP: &str = "the peer answered with HTTP status 503 and no grpc-status";

#[tokio::test(start_paused = true)]
async fn row_59_a_text_body_stands_in_the_message() {
    let mut pair = Pair::new().await;
    for (pieces, text) in [
        (
            &[&b"upstream connect error"[..]][..],
            ": \"upstream connect error\"",
        ),
        (
            &[b"no healthy", b" upstream\n"],
            ": \"no healthy upstream\"",
        ),
        (&[b"a\tb\x01\"\n\xffc"], ": \"a\\tb\\u{1}\\\"\\n\u{fffd}c\""),
        (&["gr\u{fc}n".as_bytes()], ": \"gr\u{fc}n\""),
        (&[b"", b""], ""),
        (&[b" \n"], ""),
    ] {
        let error = pair.error("503", &[PLAIN], pieces).await;
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(error.message(), format!("{HTTP}{text}"));
    }
    let html = [("content-type", "text/html; charset=utf-8")];
    let error = pair.error("200", &html, &[b"<h1>It works!</h1>"]).await;
    assert_eq!(error.code(), Code::Unknown);
    assert!(
        error
            .message()
            .ends_with("not gRPC's: \"<h1>It works!</h1>\""),
        "{error}"
    );
    // A body without a content type is probably text.
    let error = pair.error("401", &[], &[b"who are you?"]).await;
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().ends_with("\"who are you?\""), "{error}");
    // The connection remains usable.
    let call = tokio::spawn(pair.stub.unary(Request::default()).into_future());
    pair.peer.answer().await;
    within(call).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_59_of_a_long_text_the_beginning() {
    let mut pair = Pair::new().await;
    for (text, kept) in [
        ("x".repeat(100_000), "x".repeat(1024)),
        // The limit would split the last character.
        (
            format!("x{}", "\u{fc}".repeat(5000)),
            format!("x{}", "\u{fc}".repeat(511)),
        ),
    ] {
        let (call, stream) = pair.call("503", &[PLAIN]).await;
        for piece in text.as_bytes().chunks(1000) {
            pair.peer.frame(DATA, 0, stream, piece).await;
        }
        let error = ended(call).await;
        assert_eq!(error.message(), format!("{HTTP}: {kept:?}"));
        // The client resets the stream, since it needs no more of the body.
        while within(pair.peer.read()).await.unwrap().0 != RST_STREAM {}
    }
}

#[tokio::test(start_paused = true)]
async fn row_59_what_ends_before_its_text_does() {
    let mut pair = Pair::new().await;
    let begun = format!("{HTTP}: \"the begin\"");
    // The body ends with a reset.
    let (call, stream) = pair.call("503", &[PLAIN]).await;
    pair.peer.frame(DATA, 0, stream, b"the begin").await;
    pair.peer.reset(stream, 8).await;
    assert_eq!(ended(call).await.message(), begun);
    // The body ends with trailers, without and with a status.
    let (call, stream) = pair.call("503", &[PLAIN]).await;
    pair.peer.frame(DATA, 0, stream, b"the begin").await;
    pair.peer.headers(stream, &[("x", "y")], true).await;
    assert_eq!(ended(call).await.message(), begun);
    let (call, stream) = pair.call("503", &[PLAIN]).await;
    let trailers = [("grpc-status", "8"), ("grpc-message", "quota")];
    pair.peer.headers(stream, &trailers, true).await;
    let error = ended(call).await;
    assert_eq!(
        (error.code(), error.message()),
        (Code::ResourceExhausted, "quota")
    );
    // The body stops. The client waits for it no longer than for the call itself.
    for (timeout, waited) in [(None, 1000), (Some(300), 300)] {
        let mut call = pair.stub.unary(Request::default());
        if let Some(timeout) = timeout {
            call = call.timeout(Duration::from_millis(timeout));
        }
        let call = tokio::spawn(call.into_future());
        let stream = pair.peer.request().await;
        let head = [(":status", "503"), PLAIN];
        pair.peer.headers(stream, &head, false).await;
        pair.peer.frame(DATA, 0, stream, b"the begin").await;
        let before = Instant::now();
        assert_eq!(ended(call).await.message(), begun);
        let waited = Duration::from_millis(waited);
        assert!(before.elapsed().abs_diff(waited) < Duration::from_millis(50));
        while within(pair.peer.read()).await.unwrap().0 != RST_STREAM {}
    }
    // The body ends with the connection.
    let (call, stream) = pair.call("503", &[PLAIN]).await;
    pair.peer.frame(DATA, 0, stream, b"the begin").await;
    drop(pair.peer);
    assert_eq!(ended(call).await.message(), begun);
}

#[tokio::test(start_paused = true)]
async fn row_59_what_is_no_text_is_not_waited_for() {
    let mut pair = Pair::new().await;
    for fields in [
        &[("content-type", "application/octet-stream")][..],
        &[("content-type", "application/grpc")],
        &[PLAIN, ("content-encoding", "gzip")],
    ] {
        let before = Instant::now();
        let (call, _) = pair.call("503", fields).await;
        assert_eq!(ended(call).await.message(), HTTP);
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
