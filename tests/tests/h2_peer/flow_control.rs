//! Windows of all sizes, in both directions and both roles. All bytes arrive, whatever they had to wait for.

use std::time::Duration;

use h2::client;
use stubwright::{Channel, Limits, Server};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};

use crate::caller::{Caller, Served};
use crate::listener::Listener;
use crate::wire::{framed, pattern, prefixed, within};

/// Message limit above the size of all messages here.
const MOST: usize = 101 << 20;

/// The sizes of a call's request and response, and of the windows in each direction.
#[derive(Clone, Copy, Debug)]
struct EachWay {
    window: u32,
    size: usize,
}

impl EachWay {
    /// Returns limits with our window, which does not grow.
    fn limits(self) -> Limits {
        let mut limits = Limits::default();
        limits.stream_window = self.window;
        limits.max_stream_window = self.window;
        limits.connection_window = self.window.max(64 << 10);
        limits.max_connection_window = limits.connection_window;
        limits
    }

    fn request(self) -> Request {
        Request {
            payload: pattern(self.size),
            ..Request::default()
        }
    }

    fn response(self) -> Response {
        Response {
            payload: pattern(self.size),
            index: 0,
        }
    }

    /// Runs the call with our server and an `h2` client.
    async fn to_server(self) {
        let builder = Server::builder().limits(self.limits());
        let served = Served::with(builder.max_receive_message_length(MOST)).await;
        let mut settings = client::Builder::new();
        settings.initial_window_size(self.window);
        let mut caller = Caller::with(served.address, &settings).await;
        let body = framed(&self.request());
        let answer = at_last(caller.call("Unary", &[], body)).await;
        assert_eq!(answer.end["grpc-status"], "0");
        let expected = framed(&self.response());
        assert!(answer.body == expected, "{} bytes", answer.body.len());
    }

    /// Runs the call with our client and an `h2` server.
    async fn to_client(self) {
        let mut settings = h2::server::Builder::new();
        settings.initial_window_size(self.window);
        let listener = Listener::with(settings).await;
        let builder = Channel::builder().limits(self.limits());
        let builder = builder.max_receive_message_length(MOST);
        let channel = builder
            .build_insecure(listener.address.to_string())
            .unwrap();
        let call = tokio::spawn(ProbeStub::new(channel).unary(self.request()));
        let mut connection = within(listener.accept()).await;
        let mut call_there = within(connection.call()).await;
        let body = at_last(call_there.body()).await;
        let expected = framed(&self.request());
        assert!(body == expected, "{} bytes", body.len());
        drop((body, expected));
        let response = stubwright::prost::Message::encode_to_vec(&self.response());
        call_there.answer(prefixed(0, &response), "0");
        let response = at_last(call).await.unwrap().unwrap();
        assert!(response == self.response(), "{}", response.payload.len());
    }
}

/// Waits for a slow call. With a window of one byte, each byte takes a turn of both ends.
async fn at_last<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(300), future)
        .await
        .expect("the call should end within five minutes")
}

/// One byte, HTTP/2's default window, and a window that holds a message.
const WINDOWS: [u32; 3] = [1, 64 << 10, 16 << 20];

/// Message sizes that take a second.
const SHORT: [usize; 3] = [10_000, 10 << 20, 10 << 20];

/// 100 KB and 100 MiB.
const LONG: [usize; 3] = [100_000, 100 << 20, 100 << 20];

fn each_way(sizes: [usize; 3]) -> impl Iterator<Item = EachWay> {
    let pairs = WINDOWS.into_iter().zip(sizes);
    pairs.map(|(window, size)| EachWay { window, size })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_windows_of_all_sizes() {
    for each_way in each_way(SHORT) {
        each_way.to_server().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_and_windows_of_all_sizes() {
    for each_way in each_way(SHORT) {
        each_way.to_client().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: .ci/long runs it"]
async fn a_server_and_long_messages() {
    for each_way in each_way(LONG) {
        each_way.to_server().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: .ci/long runs it"]
async fn a_client_and_long_messages() {
    for each_way in each_way(LONG) {
        println!("{each_way:?}");
        each_way.to_client().await;
    }
}
