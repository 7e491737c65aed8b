//! Silent peers, with raw frames in both roles. Rows have the numbers of the table in `hostile_input.md`.
//!
//! Every limit is far below its default, and must take effect before the default would.

use std::time::{Duration, Instant};

use stubwright::{Channel, Code, Limits, Server};
use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};
use tokio::net::TcpListener;

use crate::caller::Served;
use crate::raw::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, Raw, SETTINGS, WINDOW_UPDATE, frame,
    literals,
};
use crate::wire::{framed, within};

const SHORT: Duration = Duration::from_millis(200);
/// A time below every default.
const SOON: Duration = Duration::from_secs(8);
const ACK: u8 = 1;

fn head(method: &str) -> [(&str, &str); 5] {
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", "probe.test"),
        ("content-type", "application/grpc"),
    ]
}

const UNARY: &str = "/probe.v1.Probe/Unary";
const SERVER_STREAM: &str = "/probe.v1.Probe/ServerStream";
const CLIENT_STREAM: &str = "/probe.v1.Probe/ClientStream";

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("too late")
}

async fn assert_serves(raw: &mut Raw) {
    let answer = raw.call(&head(UNARY), &framed(&Request::default())).await;
    answer.assert_status(0, "");
}

/// Reads to the end of the connection. Returns the number of PINGs.
async fn pings_to_the_end(raw: &mut Raw) -> usize {
    let mut pings = 0;
    while let Some(frame) = soon(raw.read()).await {
        pings += usize::from(frame.kind == PING && frame.flags & ACK == 0);
    }
    pings
}

#[tokio::test]
async fn row_29_silence_instead_of_a_handshake() {
    let served = Served::with(Server::builder().handshake_timeout(SHORT)).await;
    let mut half_settings = PREFACE.to_vec();
    half_settings.extend(&frame(SETTINGS, 0, 0, &[0; 6])[..10]);
    for bytes in [&b""[..], &PREFACE[..10], PREFACE, &half_settings] {
        let before = Instant::now();
        let mut raw = Raw::silent(served.address).await;
        raw.write(bytes).await;
        pings_to_the_end(&mut raw).await;
        assert!(before.elapsed() >= SHORT, "{bytes:?}");
    }
    // A peer that has sent its preface in time may then be silent.
    let mut raw = Raw::new(served.address).await;
    assert_serves(&mut raw).await;
    tokio::time::sleep(2 * SHORT).await;
    assert_serves(&mut raw).await;
}

#[tokio::test]
async fn row_29_half_a_header_block() {
    let mut limits = Limits::default();
    limits.header_timeout = SHORT;
    let served = Served::with(Server::builder().limits(limits)).await;
    let whole = frame(HEADERS, END_HEADERS, 1, &literals(&head(UNARY)));
    // A block without its CONTINUATION, an incomplete frame, and an incomplete frame header.
    for bytes in [
        &frame(HEADERS, 0, 1, &literals(&head(UNARY))),
        &whole[..20],
        &whole[..5],
    ] {
        let before = Instant::now();
        let mut raw = Raw::new(served.address).await;
        raw.write(bytes).await;
        let (code, text) = soon(raw.goodbye()).await;
        assert_eq!(code, 11, "{text}");
        assert!(before.elapsed() >= SHORT, "{bytes:?}");
    }
    assert_serves(&mut Raw::new(served.address).await).await;
}

#[tokio::test]
async fn row_29_a_server_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut limits = Limits::default();
    limits.handshake_timeout = SHORT;
    let channel = Channel::builder()
        .limits(limits)
        .build_insecure(listener.local_addr().unwrap().to_string())
        .unwrap();
    let error = soon(ProbeStub::new(channel).unary(Request::default()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

/// The peer opens all windows, and reads nothing.
#[tokio::test]
async fn row_32_a_peer_that_stops_to_read() {
    let mut served = Served::with(Server::builder().write_timeout(SHORT)).await;
    let mut raw = Raw::new(served.address).await;
    raw.frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff])
        .await;
    raw.frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0, 0]).await;
    let stream = raw.open(&head(SERVER_STREAM), false).await;
    let endless = Request {
        payload: vec![7; 10_000],
        count: u32::MAX,
        ..Request::default()
    };
    raw.frame(DATA, END_STREAM, stream, &framed(&endless)).await;
    assert_eq!(served.event().await, Event::Started);
    assert_eq!(soon(served.event()).await, Event::Dropped);
    // The bytes written before are in the sockets' buffers, and the end of the connection follows.
    let mut size = 0;
    while let Some(frame) = soon(raw.read()).await {
        size += frame.payload.len();
    }
    assert!(size < 64 << 20, "{size} bytes");
    assert_serves(&mut Raw::new(served.address).await).await;
}

fn keepalive(address: String) -> ProbeStub {
    let builder = Channel::builder();
    let channel = builder.keepalive_time(SHORT).keepalive_timeout(SHORT);
    ProbeStub::new(channel.build_insecure(address).unwrap())
}

#[tokio::test]
async fn row_40_a_server_that_falls_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stub = keepalive(listener.local_addr().unwrap().to_string());
    let unary = tokio::spawn(stub.unary(Request::default()).into_future());
    let mut stream = stub.server_stream(Request::default());
    let streaming = tokio::spawn(async move { stream.message().await });
    let mut raw = Raw::accept(&listener).await;
    for _ in 0..2 {
        raw.request().await;
    }
    let unary = soon(unary).await.unwrap().unwrap_err();
    assert_eq!(unary.code(), Code::Unavailable, "{unary}");
    let streaming = soon(streaming).await.unwrap().unwrap_err();
    assert_eq!(streaming.code(), Code::Unavailable, "{streaming}");
    assert_eq!(pings_to_the_end(&mut raw).await, 1);
}

/// A server may take any time if it answers PINGs.
#[tokio::test]
async fn row_40_a_server_that_is_slow() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stub = keepalive(listener.local_addr().unwrap().to_string());
    let call = tokio::spawn(stub.unary(Request::default()).into_future());
    let mut raw = Raw::accept(&listener).await;
    let (stream, _) = raw.request().await;
    answer_pings(&mut raw).await;
    raw.respond(stream, &framed(&Response::default())).await;
    within(call).await.unwrap().unwrap();
}

async fn answer_pings(raw: &mut Raw) {
    for _ in 0..3 {
        loop {
            let frame = soon(raw.read())
                .await
                .expect("the connection should be open");
            if frame.kind == PING && frame.flags & ACK == 0 {
                raw.frame(PING, ACK, 0, &frame.payload).await;
                break;
            }
        }
    }
}

#[tokio::test]
async fn row_40_a_client_that_falls_silent() {
    let builder = Server::builder().keepalive_time(SHORT);
    let mut served = Served::with(builder.keepalive_timeout(SHORT)).await;
    let mut raw = Raw::new(served.address).await;
    raw.open(&head(CLIENT_STREAM), false).await;
    assert_eq!(served.event().await, Event::Started);
    assert_eq!(soon(served.event()).await, Event::Dropped);
    assert_eq!(pings_to_the_end(&mut raw).await, 1);
    // A client that answers PINGs stays connected.
    let mut raw = Raw::new(served.address).await;
    answer_pings(&mut raw).await;
    assert_serves(&mut raw).await;
}
