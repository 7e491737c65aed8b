//! The four kinds of calls, with their messages and metadata.

use futures_util::{StreamExt, TryStreamExt, stream};
use stubwright::Code;
use stubwright_tests::pb::probe::v1::Request;

use crate::transports::{Link, over_every_transport};

over_every_transport!(
    unary,
    unary_with_call,
    server_streaming,
    client_streaming_from_an_iterator,
    client_streaming_from_a_stream,
    client_streaming_of_nothing,
    bidirectional,
    bidirectional_responses_arrive_before_the_next_request,
    streaming_metadata,
    many_calls_at_once,
);

fn request(payload: &[u8], count: u32) -> Request {
    Request {
        payload: payload.to_vec(),
        count,
        ..Request::default()
    }
}

async fn unary(link: Link) {
    let response = link.stub.unary(request(b"hello", 0)).await.unwrap();
    assert_eq!(response.payload, b"hello");
}

async fn unary_with_call(link: Link) {
    let call = link.stub.unary(request(b"hello", 0));
    let call = call
        .metadata("initial-text", "abc-42")
        .metadata("initial-text", "second")
        .metadata("trailing-bytes-bin", [0, 1, 255])
        .metadata("not-echoed", "x");
    let (response, call) = call.with_call().await.unwrap();
    assert_eq!(response.payload, b"hello");
    let initial: Vec<_> = call.initial_metadata.get_all("initial-text").collect();
    assert_eq!(initial.len(), 2);
    assert_eq!(initial[1].as_str(), Some("second"));
    let bytes = call.trailing_metadata.get_bin("trailing-bytes-bin");
    assert_eq!(bytes.as_deref(), Some(&[0, 1, 255][..]));
    assert!(!call.trailing_metadata.contains_key("not-echoed"));
    assert_eq!((call.code(), call.details()), (Code::Ok, ""));
}

async fn server_streaming(link: Link) {
    for count in [0, 1, 2, 1000] {
        let call = link.stub.server_stream(request(b"x", count));
        let responses: Vec<_> = call.try_collect().await.unwrap();
        let indices: Vec<_> = responses.iter().map(|response| response.index).collect();
        assert_eq!(indices, (0..count).collect::<Vec<_>>());
    }
}

async fn client_streaming_from_an_iterator(link: Link) {
    let requests = (0..12).map(|_| request(b"abc", 0));
    let response = link.stub.client_stream(requests).await.unwrap();
    assert_eq!(response.index, 12);
    assert_eq!(response.payload, 36_u64.to_be_bytes());
}

async fn client_streaming_from_a_stream(link: Link) {
    let requests = async_stream::stream! {
        for _ in 0..12 {
            tokio::task::yield_now().await;
            yield request(b"abc", 0);
        }
    };
    let response = link.stub.client_stream(requests).await.unwrap();
    assert_eq!(response.index, 12);
}

async fn client_streaming_of_nothing(link: Link) {
    let response = link
        .stub
        .client_stream(stream::empty::<Request>())
        .await
        .unwrap();
    assert_eq!(response.index, 0);
}

async fn bidirectional(link: Link) {
    let requests = (0..1000).map(|_| request(b"abc", 0));
    let responses: Vec<_> = link.stub.bidi(requests).try_collect().await.unwrap();
    assert_eq!(responses.len(), 1000);
    assert_eq!(responses[999].index, 999);
}

async fn bidirectional_responses_arrive_before_the_next_request(link: Link) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut call = link
        .stub
        .bidi(stream::poll_fn(move |context| receiver.poll_recv(context)));
    for index in 0..5 {
        sender.send(request(b"abc", 0)).unwrap();
        let response = call.next().await.unwrap().unwrap();
        assert_eq!(response.index, index);
    }
    drop(sender);
    assert!(call.message().await.unwrap().is_none());
    assert_eq!(call.code(), Some(Code::Ok));
}

async fn streaming_metadata(link: Link) {
    let call = link.stub.server_stream(request(b"x", 3));
    let mut call = call.metadata("initial-a", "1").metadata("trailing-b", "2");
    assert!(call.trailing_metadata().is_none());
    assert_eq!(
        call.initial_metadata().await.unwrap().get("initial-a"),
        Some("1")
    );
    let mut count = 0;
    while call.message().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 3);
    assert_eq!(
        call.trailing_metadata().unwrap().get("trailing-b"),
        Some("2")
    );
    assert_eq!(
        call.initial_metadata().await.unwrap().get("initial-a"),
        Some("1")
    );
    assert_eq!(call.details().as_deref(), Some(""));
}

async fn many_calls_at_once(link: Link) {
    let calls = (0..2000_u32).map(|i| {
        let stub = link.stub.clone();
        tokio::spawn(async move {
            let payload = i.to_be_bytes();
            let response = stub.unary(request(&payload, 0)).await.unwrap();
            assert_eq!(response.payload, payload);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}
