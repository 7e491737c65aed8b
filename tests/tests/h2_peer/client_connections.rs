//! Calls that the caller drops, and connections that a server ends or refuses to use, with raw frames to our client.
//! Rows have the numbers of the table in `hostile_input.md`.

use futures_util::StreamExt;
use stubwright::{Channel, Code, Result};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::raw::{GOAWAY, RST_STREAM, Raw, code};
use crate::wire::within;

const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
const CANCEL: u32 = 8;

struct Pair {
    listener: TcpListener,
    stub: ProbeStub,
}

impl Pair {
    async fn new() -> Pair {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let channel = Channel::insecure(address.to_string()).unwrap();
        Pair {
            listener,
            stub: ProbeStub::new(channel),
        }
    }

    fn call(&self, payload: &[u8]) -> JoinHandle<Result<Response>> {
        tokio::spawn(self.stub.unary(request(payload)).into_future())
    }
}

fn request(payload: &[u8]) -> Request {
    Request {
        payload: payload.to_vec(),
        ..Request::default()
    }
}

async fn payload(call: JoinHandle<Result<Response>>) -> Vec<u8> {
    within(call).await.unwrap().unwrap().payload
}

/// A request and a response of a payload only have the same bytes, so the request is sent back as the response.
#[tokio::test]
async fn row_34_goaway_in_the_midst_of_calls() {
    let pair = Pair::new().await;
    let below = pair.call(b"below");
    let mut first = Raw::accept(&pair.listener).await;
    let (one, one_body) = first.request().await;
    let above = pair.call(b"above");
    let (three, _) = first.request().await;
    assert_eq!((one, three), (1, 3));
    // Stream 1 is the last that is processed.
    first.frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]).await;
    let mut second = Raw::accept(&pair.listener).await;
    let (again, body) = second.request().await;
    second.respond(again, &body).await;
    assert_eq!(payload(above).await, b"above");
    first.respond(one, &one_body).await;
    assert_eq!(payload(below).await, b"below");
    // The next call is on the new connection.
    let next = pair.call(b"next");
    let (stream, body) = second.request().await;
    second.respond(stream, &body).await;
    assert_eq!(payload(next).await, b"next");
}

#[tokio::test]
async fn row_35_a_refused_stream_is_tried_again() {
    let pair = Pair::new().await;
    let call = pair.call(b"x");
    let mut raw = Raw::accept(&pair.listener).await;
    let (stream, _) = raw.request().await;
    raw.frame(RST_STREAM, 0, stream, &REFUSED_STREAM).await;
    let (stream, body) = raw.request().await;
    raw.respond(stream, &body).await;
    assert_eq!(payload(call).await, b"x");
}

#[tokio::test]
async fn row_35_a_stream_that_is_refused_twice_is_unavailable() {
    let pair = Pair::new().await;
    let call = pair.call(b"x");
    let mut raw = Raw::accept(&pair.listener).await;
    for _ in 0..2 {
        let (stream, _) = raw.request().await;
        raw.frame(RST_STREAM, 0, stream, &REFUSED_STREAM).await;
    }
    let error = within(call).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

#[tokio::test]
async fn row_41_what_answers_is_not_http2() {
    let pair = Pair::new().await;
    let call = pair.call(b"x");
    let (socket, _) = within(pair.listener.accept()).await.unwrap();
    let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    socket.writable().await.unwrap();
    assert_eq!(socket.try_write(answer).unwrap(), answer.len());
    let error = within(call).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert!(!error.message().is_empty());
}

#[tokio::test]
async fn row_42_a_server_that_dies_ends_every_call() {
    let pair = Pair::new().await;
    let mut streams: Vec<_> = (0..10)
        .map(|_| {
            let mut call = pair.stub.server_stream(request(b"x"));
            tokio::spawn(async move { call.next().await })
        })
        .collect();
    let mut raw = Raw::accept(&pair.listener).await;
    for _ in &streams {
        raw.request().await;
    }
    drop(raw);
    for stream in streams.drain(..) {
        let error = within(stream).await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
    }
    let call = pair.call(b"next");
    let mut raw = Raw::accept(&pair.listener).await;
    let (stream, body) = raw.request().await;
    raw.respond(stream, &body).await;
    assert_eq!(payload(call).await, b"next");
}

/// Waits for the next RST_STREAM, which must be CANCEL on this stream.
async fn assert_cancelled(raw: &mut Raw, stream: u32) {
    loop {
        let frame = raw.next().await;
        if frame.kind == RST_STREAM {
            assert_eq!((frame.stream, code(&frame.payload)), (stream, CANCEL));
            return;
        }
    }
}

#[tokio::test]
async fn row_43_calls_that_are_dropped_are_reset() {
    let pair = Pair::new().await;
    let call = pair.call(b"x");
    let mut raw = Raw::accept(&pair.listener).await;
    let (unary, _) = raw.request().await;
    call.abort();
    assert_cancelled(&mut raw, unary).await;

    let mut call = pair.stub.server_stream(request(b"x"));
    let reader = tokio::spawn(async move {
        let first = call.message().await;
        (call, first)
    });
    let (stream, body) = raw.request().await;
    raw.begin(stream, &body).await;
    let (call, first) = within(reader).await.unwrap();
    assert_eq!(first.unwrap().unwrap().payload, b"x");
    drop(call);
    assert_cancelled(&mut raw, stream).await;

    // The connection remains usable.
    let call = pair.call(b"next");
    let (stream, body) = raw.request().await;
    raw.respond(stream, &body).await;
    assert_eq!(payload(call).await, b"next");
}
