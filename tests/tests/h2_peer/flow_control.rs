//! Windows of all sizes, in both directions and both roles: bytes arrive whole, whatever they had to wait for.

use h2::client;
use stubwright::{Channel, Server};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};

use crate::caller::{Caller, Served};
use crate::listener::Listener;
use crate::wire::{framed, pattern, prefixed, within};

fn request(payload: Vec<u8>) -> Request {
    Request {
        payload,
        ..Request::default()
    }
}

/// Our server sends to a client with a window of so many bytes.
async fn send_from_server(window: u32, size: usize) {
    let builder = Server::builder().max_receive_message_length(32 << 20);
    let served = Served::with(builder).await;
    let mut settings = client::Builder::new();
    settings.initial_window_size(window);
    let mut caller = Caller::with(served.address, &settings).await;
    let payload = pattern(size);
    let body = framed(&request(payload.clone()));
    let answer = within(caller.call("Unary", &[], body)).await;
    let expected = framed(&Response { payload, index: 0 });
    assert!(answer.body == expected, "{} bytes", answer.body.len());
    assert_eq!(answer.end["grpc-status"], "0");
}

/// Our client sends to a server with a window of so many bytes.
async fn send_from_client(window: u32, size: usize) {
    let mut settings = h2::server::Builder::new();
    settings.initial_window_size(window);
    let listener = Listener::with(settings).await;
    let channel = Channel::insecure(listener.address.to_string()).unwrap();
    let payload = pattern(size);
    let call = tokio::spawn(ProbeStub::new(channel).unary(request(payload.clone())));
    let mut connection = within(listener.accept()).await;
    let mut call_there = within(connection.call()).await;
    let body = within(call_there.body()).await;
    let expected = framed(&request(payload));
    assert!(body == expected, "{} bytes", body.len());
    call_there.answer(prefixed(0, b""), "0");
    within(call).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_sends_through_a_window_of_one_byte() {
    send_from_server(1, 30_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_sends_through_a_window_of_64_kib() {
    send_from_server(64 << 10, 10 << 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_sends_through_a_window_of_16_mib() {
    send_from_server(16 << 20, 10 << 20).await;
}

#[tokio::test]
async fn a_client_sends_through_a_window_of_one_byte() {
    send_from_client(1, 30_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sends_through_a_window_of_64_kib() {
    send_from_client(64 << 10, 10 << 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sends_through_a_window_of_16_mib() {
    send_from_client(16 << 20, 10 << 20).await;
}
