//! Compressed messages in both directions. In-process, nothing is compressed, but everything else is the same.

use futures_util::TryStreamExt;
use stubwright::{Channel, Code, Compression, Server};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};

use crate::transports::{Link, Transport, over_every_transport, within};

over_every_transport!(
    all_kinds_of_calls_compress_both_ways,
    every_size_comes_back,
    the_limit_counts_decompressed_bytes,
    compression_is_set_before_anything_is_sent,
);

const KINDS: [Compression; 4] = [
    Compression::Identity,
    Compression::Deflate,
    Compression::Gzip,
    Compression::Zstd,
];

fn request(payload: Vec<u8>, count: u32) -> Request {
    Request {
        payload,
        count,
        ..Request::default()
    }
}

/// Returns compressible bytes.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place / 100) as u8).collect()
}

async fn all_kinds_of_calls_compress_both_ways(link: Link) {
    for up in KINDS {
        for down in KINDS {
            let sent = request(text(5000), 20);
            let requests = || (0..20).map(|_| request(text(5000), 0));
            let stub = &link.stub;

            let call = stub.unary(sent.clone()).compression(up);
            let response = call.metadata("compress", down.name()).await.unwrap();
            assert!(response.payload == sent.payload, "{up:?} {down:?}");

            let call = stub.client_stream(requests()).compression(up);
            let response = call.metadata("compress", down.name()).await.unwrap();
            assert_eq!(response.payload, 100_000_u64.to_be_bytes());

            let call = stub.server_stream(sent.clone()).compression(up);
            let call = call.metadata("compress", down.name()).metadata("skip", "1");
            let responses: Vec<_> = call.try_collect().await.unwrap();
            assert_eq!(responses.len(), 20);
            assert!(responses.iter().all(|one| one.payload == sent.payload));

            let call = stub.bidi(requests()).compression(up);
            let call = call.metadata("compress", down.name());
            let responses: Vec<_> = call.try_collect().await.unwrap();
            assert_eq!(responses.len(), 20);
            assert!(responses.iter().all(|one| one.payload == sent.payload));
        }
    }
}

async fn every_size_comes_back(link: Link) {
    for kind in KINDS {
        for size in [0, 1, 15, 16, 17, 20, 100, 16_384, 65_536, 4_000_000] {
            // One payload that can be compressed, and one that cannot.
            let mut state = 1_u32;
            let noise = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            });
            for payload in [vec![0; size], noise.take(size).collect()] {
                let call = link.stub.unary(request(payload.clone(), 0));
                let call = call.compression(kind).metadata("compress", kind.name());
                let response = call.await.unwrap();
                assert!(response.payload == payload, "{kind:?} {size}");
            }
        }
    }
}

async fn the_limit_counts_decompressed_bytes(link: Link) {
    for kind in KINDS {
        let call = link.stub.unary(request(vec![0; 5 << 20], 0));
        let status = call.compression(kind).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let call = link.stub.unary(request(vec![0; 4_000_000], 0));
        call.compression(kind).await.unwrap();
    }
}

async fn compression_is_set_before_anything_is_sent(link: Link) {
    let call = link.stub.unary(request(text(100), 0));
    let call = call
        .metadata("initial-", "1")
        .metadata("compress-late", "gzip");
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("compression"), "{status}");
}

#[tokio::test]
async fn defaults_of_server_and_channel() {
    let builder = Server::builder().compression(Compression::Gzip);
    let mut link = Transport::Tcp.link(builder).await;
    let (_server, address) = link.take_server();
    let channel = Channel::builder().compression(Compression::Zstd);
    let stub = ProbeStub::new(channel.build_insecure(address.to_string()).unwrap());
    within(async {
        for compression in KINDS {
            let sent = request(text(5000), 0);
            let response = stub.unary(sent.clone()).await.unwrap();
            assert!(response.payload == sent.payload);
            let call = stub.unary(sent.clone()).compression(compression);
            assert!(call.await.unwrap().payload == sent.payload);
        }
    })
    .await;
}
