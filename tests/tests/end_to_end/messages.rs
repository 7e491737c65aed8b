//! Messages of all sizes, through windows of all sizes.

use futures_util::TryStreamExt;
use stubwright_tests::pb::probe::v1::Request;

use crate::transports::{Link, over_every_transport};

over_every_transport!(
    every_size_comes_back,
    a_stream_of_large_messages,
    large_messages_both_ways,
    an_upload_in_chunks,
    a_slow_reader_loses_nothing,
);

fn request(size: usize, count: u32) -> Request {
    Request {
        payload: (0..size).map(|i| i as u8).collect(),
        count,
        ..Request::default()
    }
}

async fn every_size_comes_back(link: Link) {
    let sizes = [
        0, 1, 100, 16_370, 16_380, 16_384, 65_535, 65_536, 300_000, 4_000_000,
    ];
    for size in sizes {
        let sent = request(size, 0);
        let response = link.stub.unary(sent.clone()).await.unwrap();
        assert!(response.payload == sent.payload, "{size}");
    }
}

async fn a_stream_of_large_messages(link: Link) {
    let sent = request(1 << 20, 20);
    let mut call = link.stub.server_stream(sent.clone());
    let mut count = 0;
    while let Some(response) = call.message().await.unwrap() {
        assert!(response.payload == sent.payload);
        count += 1;
    }
    assert_eq!(count, 20);
}

async fn large_messages_both_ways(link: Link) {
    let responses: Vec<_> = link
        .stub
        .bidi((0..20).map(|_| request(1 << 20, 0)))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(responses.len(), 20);
    assert!(
        responses
            .iter()
            .all(|response| response.payload.len() == 1 << 20)
    );
}

async fn an_upload_in_chunks(link: Link) {
    let requests = (0..640).map(|_| request(64 << 10, 0));
    let response = link.stub.client_stream(requests).await.unwrap();
    assert_eq!(response.index, 640);
    assert_eq!(response.payload, (40_u64 << 20).to_be_bytes());
}

async fn a_slow_reader_loses_nothing(link: Link) {
    let mut call = link.stub.server_stream(request(10_000, 500));
    let mut index = 0;
    while let Some(response) = call.message().await.unwrap() {
        assert_eq!(response.index, index);
        index += 1;
        for _ in 0..index % 7 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(index, 500);
}
