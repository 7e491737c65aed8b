//! Compressed messages on the wire, and the rows of `hostile_input.md` that are about them.

use std::fs;
use std::io::Write;
use std::process::Command;

use flate2::write::{GzEncoder, ZlibEncoder};
use http::HeaderMap;
use stubwright::prost::Message;
use stubwright::{
    Channel, ChannelBuilder, ClientCall, Code, Compression, MethodOptions, ResponseCompression,
    Server, ServerBuilder,
};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request, Response};

use crate::caller::Served;
use crate::listener::{Call, Listener};
use crate::raw::{Answer, Raw, field};
use crate::wire::{framed, pattern, prefixed, within};

fn request(payload: Vec<u8>, count: u32) -> Request {
    Request {
        payload,
        count,
        ..Request::default()
    }
}

fn response(payload: Vec<u8>, index: u32) -> Response {
    Response { payload, index }
}

fn gzip(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(message).unwrap();
    encoder.finish().unwrap()
}

/// Compresses a message to the zlib format, which HTTP and gRPC call `deflate`.
fn deflate(message: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(message).unwrap();
    encoder.finish().unwrap()
}

fn zstd(message: &[u8]) -> Vec<u8> {
    zstd::encode_all(message, 19).unwrap()
}

/// Splits a body into messages with their flags, decompressed.
fn messages(mut body: &[u8]) -> Vec<(u8, Response)> {
    let mut messages = Vec::new();
    while let Some((prefix, rest)) = body.split_at_checked(5) {
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
        let (message, rest) = rest.split_at(length);
        let message = match prefix[0] {
            0 => message.to_vec(),
            _ if message.starts_with(&[0x1f, 0x8b]) => {
                let mut decoder = flate2::write::GzDecoder::new(Vec::new());
                decoder.write_all(message).unwrap();
                decoder.finish().unwrap()
            }
            _ if message.starts_with(&[0x78]) => {
                let mut decoder = flate2::write::ZlibDecoder::new(Vec::new());
                decoder.write_all(message).unwrap();
                decoder.finish().unwrap()
            }
            _ => zstd::decode_all(message).unwrap(),
        };
        messages.push((prefix[0], Response::decode(&message[..]).unwrap()));
        body = rest;
    }
    messages
}

struct Pair {
    served: Served,
    raw: Raw,
}

impl Pair {
    async fn new() -> Pair {
        Pair::with(Server::builder()).await
    }

    async fn with(builder: ServerBuilder) -> Pair {
        let served = Served::with(builder).await;
        let raw = Raw::new(served.address).await;
        Pair { served, raw }
    }

    async fn call(&mut self, method: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let path = format!("/probe.v1.Probe/{method}");
        let mut head = vec![
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &*path),
            ("content-type", "application/grpc"),
        ];
        head.extend(fields);
        self.raw.call(&head, body).await
    }
}

#[tokio::test]
async fn requests_say_how_they_are_compressed() {
    let mut pair = Pair::new().await;
    let sent = request(vec![7; 1000], 0).encode_to_vec();
    let plain = prefixed(0, &sent);
    for (name, compressed) in [
        ("deflate", deflate(&sent)),
        ("gzip", gzip(&sent)),
        ("zstd", zstd(&sent)),
    ] {
        let compressed = prefixed(1, &compressed);
        // Messages whose flag is not set are not compressed.
        for body in [&compressed, &plain] {
            let answer = pair.call("Unary", &[("grpc-encoding", name)], body).await;
            answer.assert_status(0, "");
            assert_eq!(messages(&answer.body), [(0, response(vec![7; 1000], 0))]);
            assert_eq!(field(&answer.head, "grpc-encoding"), None);
            let accepted = field(&answer.head, "grpc-accept-encoding");
            assert_eq!(accepted, Some("identity,deflate,gzip,zstd"));
        }
        let body = [&compressed[..], &plain, &framed(&request(vec![], 0))].concat();
        let fields = [("grpc-encoding", name)];
        let answer = pair.call("ClientStream", &fields, &body).await;
        let expected = response(2000_u64.to_be_bytes().to_vec(), 3);
        assert_eq!(messages(&answer.body), [(0, expected)]);
    }
}

/// grpcio offers `deflate`, and uses the zlib format for it.
#[tokio::test]
async fn row_72_deflate_is_served_and_read() {
    let mut pair = Pair::new().await;
    let sent = request(vec![7; 1000], 3);
    let body = prefixed(1, &deflate(&sent.encode_to_vec()));
    let fields = [
        ("grpc-encoding", "deflate"),
        ("grpc-accept-encoding", "identity,deflate,gzip"),
        ("compress", "deflate"),
    ];
    let answer = pair.call("ServerStream", &fields, &body).await;
    answer.assert_status(0, "");
    assert_eq!(field(&answer.head, "grpc-encoding"), Some("deflate"));
    let expected = [0, 1, 2].map(|index| (1, response(vec![7; 1000], index)));
    assert_eq!(messages(&answer.body), expected);

    let expected = response(vec![9; 1000], 5);
    let compressed = prefixed(1, &deflate(&expected.encode_to_vec()));
    let (head, body, result) = exchange(Compression::Deflate, sent, |call| {
        call.answer_with(&[("grpc-encoding", "deflate")], compressed, ok());
    })
    .await;
    assert_eq!(result.unwrap(), expected);
    assert_eq!(head["grpc-encoding"], "deflate");
    // A request has its payload and its count where a response has its payload and its index.
    assert_eq!(messages(&body), [(1, response(vec![7; 1000], 3))]);
}

#[tokio::test]
async fn responses_are_compressed_by_server_method_and_call() {
    let plain = MethodOptions::new().compression(Compression::Identity);
    let options = Server::builder()
        .compression(Compression::Gzip)
        .method_options("/probe.v1.Probe/ServerStream", plain);
    let mut pair = Pair::with(options).await;
    let body = framed(&request(vec![7; 1000], 1));
    for (method, wanted, encoding) in [
        ("Unary", None, Some("gzip")),
        ("ServerStream", None, None),
        ("Unary", Some("identity"), None),
        ("ServerStream", Some("zstd"), Some("zstd")),
    ] {
        let mut fields = vec![("grpc-accept-encoding", "gzip, zstd")];
        fields.extend(wanted.map(|wanted| ("compress", wanted)));
        let answer = pair.call(method, &fields, &body).await;
        answer.assert_status(0, "");
        assert_eq!(field(&answer.head, "grpc-encoding"), encoding, "{method}");
    }
}

/// By the options of the server or of the method, or by the handler.
#[tokio::test]
async fn responses_are_compressed_as_requests_were() {
    let as_request = MethodOptions::new().compression(ResponseCompression::AsRequest);
    let gzip_unless = Server::builder()
        .compression(Compression::Gzip)
        .method_options("/probe.v1.Probe/Unary", as_request);
    for (options, wanted) in [
        (
            Server::builder().compression(ResponseCompression::AsRequest),
            None,
        ),
        (gzip_unless, None),
        (Server::builder(), Some(("compress", "as-request"))),
    ] {
        let mut pair = Pair::with(options).await;
        let body = framed(&request(vec![7; 1000], 1));
        for (sent, accepted, encoding) in [
            (Some("zstd"), "gzip, zstd", Some("zstd")),
            (Some("deflate"), "deflate, gzip", Some("deflate")),
            (Some("zstd"), "gzip", None),
            (Some("identity"), "gzip, zstd", None),
            (None, "gzip, zstd", None),
        ] {
            let mut fields = vec![("grpc-accept-encoding", accepted)];
            fields.extend(sent.map(|sent| ("grpc-encoding", sent)));
            fields.extend(wanted);
            let answer = pair.call("Unary", &fields, &body).await;
            answer.assert_status(0, "");
            assert_eq!(field(&answer.head, "grpc-encoding"), encoding, "{fields:?}");
            let flag = u8::from(encoding.is_some());
            assert_eq!(messages(&answer.body), [(flag, response(vec![7; 1000], 0))]);
        }
    }
}

#[tokio::test]
async fn responses_are_compressed_only_if_the_client_accepts_it() {
    let mut pair = Pair::new().await;
    let body = framed(&request(vec![7; 1000], 3));
    let expected = |flags: [u8; 3]| {
        let messages = flags.into_iter().zip(0..);
        messages
            .map(|(flag, index)| (flag, response(vec![7; 1000], index)))
            .collect::<Vec<_>>()
    };
    for (wanted, accepted, skip, encoding, flags) in [
        ("gzip", "identity,deflate,gzip", "", Some("gzip"), [1, 1, 1]),
        ("gzip", "gzip", "1", Some("gzip"), [0, 1, 1]),
        ("gzip", "identity, zstd", "", None, [0, 0, 0]),
        ("gzip", "", "", None, [0, 0, 0]),
        ("zstd", "gzip, zstd", "", Some("zstd"), [1, 1, 1]),
        ("identity", "gzip, zstd", "", None, [0, 0, 0]),
    ] {
        let mut fields = vec![("compress", wanted), ("grpc-accept-encoding", accepted)];
        fields.extend((!skip.is_empty()).then_some(("skip", skip)));
        let answer = pair.call("ServerStream", &fields, &body).await;
        answer.assert_status(0, "");
        assert_eq!(field(&answer.head, "grpc-encoding"), encoding, "{fields:?}");
        assert!(messages(&answer.body) == expected(flags), "{fields:?}");
        let answer = pair.call("Unary", &fields, &body).await;
        assert_eq!(field(&answer.head, "grpc-encoding"), encoding, "{fields:?}");
        assert!(messages(&answer.body) == expected(flags)[..1], "{fields:?}");
    }
}

#[tokio::test]
async fn incompressible_messages_are_not_compressed() {
    let mut pair = Pair::new().await;
    for payload in [vec![], vec![0; 5], pattern(1000)] {
        let fields = [("compress", "gzip"), ("grpc-accept-encoding", "gzip")];
        let body = framed(&request(payload.clone(), 0));
        let answer = pair.call("Unary", &fields, &body).await;
        assert_eq!(messages(&answer.body), [(0, response(payload, 0))]);
    }
}

#[tokio::test]
async fn a_server_compresses_by_default() {
    let served = Served::with(Server::builder().compression(Compression::Gzip)).await;
    let raw = Raw::new(served.address).await;
    let mut pair = Pair { served, raw };
    let body = framed(&request(vec![7; 1000], 0));
    for (fields, flag) in [
        (&[("grpc-accept-encoding", "gzip")][..], 1),
        (&[], 0),
        (
            &[("grpc-accept-encoding", "gzip"), ("compress", "identity")],
            0,
        ),
    ] {
        let answer = pair.call("Unary", fields, &body).await;
        let expected = response(vec![7; 1000], 0);
        assert_eq!(messages(&answer.body), [(flag, expected)]);
    }
    assert!(pair.served.past_event().is_some());
}

#[tokio::test]
async fn row_08_compressed_without_an_encoding() {
    let mut pair = Pair::new().await;
    let body = prefixed(1, &gzip(&request(vec![7; 1000], 0).encode_to_vec()));
    for fields in [&[][..], &[("grpc-encoding", "identity")]] {
        let answer = pair.call("Unary", fields, &body).await;
        answer.assert_status(13, "");
    }
    assert_eq!(pair.served.past_event(), None);
}

#[tokio::test]
async fn row_09_unknown_encodings() {
    let mut pair = Pair::new().await;
    for encoding in ["zlib", "br", "GZIP", "gzip,zstd"] {
        let fields = [("grpc-encoding", encoding)];
        let answer = pair
            .call("Unary", &fields, &framed(&Request::default()))
            .await;
        answer.assert_status(12, encoding);
        let accepted = field(&answer.head, "grpc-accept-encoding");
        assert_eq!(accepted, Some("identity,deflate,gzip,zstd"));
    }
    assert_eq!(pair.served.past_event(), None);
}

#[tokio::test]
async fn row_10_corrupt_messages() {
    let mut pair = Pair::new().await;
    let sent = request(vec![7; 1000], 0).encode_to_vec();
    for (name, good, other) in [
        ("deflate", deflate(&sent), gzip(&sent)),
        ("gzip", gzip(&sent), zstd(&sent)),
        ("zstd", zstd(&sent), deflate(&sent)),
    ] {
        let cut = good[..good.len() - 1].to_vec();
        let longer = [&good[..], b"x"].concat();
        let mut wrong = good.clone();
        wrong[good.len() / 2] ^= 0xff;
        for bad in [cut, longer, wrong, other, vec![], sent.clone(), pattern(50)] {
            let fields = [("grpc-encoding", name)];
            let answer = pair.call("Unary", &fields, &prefixed(1, &bad)).await;
            answer.assert_status(13, "");
        }
        assert_eq!(pair.served.past_event(), None);
        let answer = pair
            .call("Unary", &[("grpc-encoding", name)], &prefixed(1, &good))
            .await;
        answer.assert_status(0, "");
        while pair.served.past_event().is_some() {}
    }
}

/// Environment variable that makes this program the measured process.
const CHILD: &str = "STUBWRIGHT_TESTS_MEASURE_BOMBS";

/// The bombs run in a process of its own, so that nothing else uses its memory.
#[tokio::test]
async fn row_11_decompression_bombs() {
    if std::env::var_os(CHILD).is_some() {
        return send_bombs().await;
    }
    let name = "compression_rows::row_11_decompression_bombs";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    let figure = said.lines().find(|line| line.contains("KiB"));
    println!("{}", figure.expect("the child should print its figures"));
}

async fn send_bombs() {
    let mut pair = Pair::new().await;
    let bombs = [
        ("deflate", deflate_bomb()),
        ("gzip", gzip_bomb()),
        ("zstd", zstd_bomb()),
    ];
    // Allocate everything that stays allocated anyway.
    let body = prefixed(1, &gzip(&request(vec![0; 10_000], 0).encode_to_vec()));
    let answer = pair
        .call("Unary", &[("grpc-encoding", "gzip")], &body)
        .await;
    answer.assert_status(0, "");
    let before = peak();
    for _ in 0..10 {
        for (name, bomb) in &bombs {
            pair.raw = Raw::new(pair.served.address).await;
            for method in ["Unary", "ClientStream"] {
                let fields = [("grpc-encoding", *name)];
                let answer = pair.call(method, &fields, &prefixed(1, bomb)).await;
                answer.assert_status(8, "limit");
            }
        }
    }
    let (Some(before), Some(after)) = (before, peak()) else {
        return println!("0 KiB: this system does not report the memory of a process");
    };
    let sizes = bombs.map(|(_, bomb)| bomb.len());
    println!(
        "60 bombs of 64 MiB in {sizes:?} bytes: the peak of resident memory goes from {before} to {after} KiB"
    );
    // The limit of 4 MiB, zstd's window of up to 8 MiB, and the bombs themselves.
    assert!(after - before < 16 * 1024, "{before} to {after} KiB");
}

const BOMB: u64 = 64 << 20;

fn deflate_bomb() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..BOMB >> 16 {
        encoder.write_all(&[0; 1 << 16]).unwrap();
    }
    encoder.finish().unwrap()
}

fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..BOMB >> 16 {
        encoder.write_all(&[0; 1 << 16]).unwrap();
    }
    encoder.finish().unwrap()
}

fn zstd_bomb() -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for _ in 0..BOMB >> 16 {
        encoder.write_all(&[0; 1 << 16]).unwrap();
    }
    encoder.finish().unwrap()
}

/// Returns the peak of this process's resident memory, in KiB.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Makes a call of our client. Returns its request and the result of the response.
async fn exchange(
    compression: Compression,
    sent: Request,
    answer: impl FnOnce(&mut Call),
) -> (HeaderMap, Vec<u8>, stubwright::Result<Response>) {
    let listener = Listener::new().await;
    let stub = ProbeStub::new(Channel::insecure(listener.address.to_string()).unwrap());
    let call = stub.unary(sent).compression(compression);
    let call = tokio::spawn(call.into_future());
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    let body = within(seen.body()).await;
    answer(&mut seen);
    let head = seen.request.headers().clone();
    (head, body, within(call).await.unwrap())
}

fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers
}

#[tokio::test]
async fn a_client_compresses_requests_by_its_options() {
    compresses_every_second(Channel::builder()).await;
    let interceptor = async |mut call: ClientCall| call.proceed().await.result;
    compresses_every_second(Channel::builder().interceptor(interceptor)).await;
}

async fn compresses_every_second(channel: ChannelBuilder) {
    let listener = Listener::new().await;
    let stub = ProbeStub::new(
        channel
            .build_insecure(listener.address.to_string())
            .unwrap(),
    );
    let call = stub
        .client_stream([1, 2, 3, 4].map(|count| request(vec![7; 1000], count)))
        .compress_if(|request: &Request| request.count % 2 == 0)
        .compression(Compression::Gzip);
    let call = tokio::spawn(call.into_future());
    let mut connection = within(listener.accept()).await;
    let mut seen = within(connection.call()).await;
    let body = within(seen.body()).await;
    assert_eq!(seen.request.headers()["grpc-encoding"], "gzip");
    // A compressed request has only a few bytes.
    let (mut flags, mut rest) = (Vec::new(), &body[..]);
    while let Some((prefix, after)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
        flags.push((prefix[0], length < 100));
        rest = &after[length..];
    }
    assert_eq!(flags, [(0, false), (1, true), (0, false), (1, true)]);
    seen.answer(framed(&response(vec![], 0)), "0");
    within(call).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_compresses_and_reads() {
    let expected = response(vec![9; 1000], 5);
    let compressed = prefixed(1, &gzip(&expected.encode_to_vec()));
    for (compression, payload, flag) in [
        (Compression::Identity, vec![7; 1000], 0),
        (Compression::Gzip, vec![7; 1000], 1),
        (Compression::Zstd, vec![7; 1000], 1),
        (Compression::Gzip, vec![], 0),
    ] {
        let sent = request(payload.clone(), 0);
        let (head, body, result) = exchange(compression, sent, |call| {
            call.answer_with(&[("grpc-encoding", "gzip")], compressed.clone(), ok());
        })
        .await;
        assert_eq!(result.unwrap(), expected);
        assert_eq!(head["grpc-accept-encoding"], "identity,deflate,gzip,zstd");
        let encoding = head.get("grpc-encoding").map(|name| name.to_str().unwrap());
        let name = (compression != Compression::Identity).then(|| compression.name());
        assert_eq!(encoding, name);
        // A request has its payload where a response has it.
        assert_eq!(messages(&body), [(flag, response(payload, 0))]);
    }
}

#[tokio::test]
async fn invalid_compressed_responses() {
    let good = gzip(&response(vec![9; 1000], 0).encode_to_vec());
    for (encoding, body, code) in [
        ("identity", prefixed(1, &good), Code::Internal),
        ("deflate", prefixed(1, &good), Code::Internal),
        (
            "deflate",
            prefixed(1, &deflate_bomb()),
            Code::ResourceExhausted,
        ),
        ("gzip", prefixed(1, &good[1..]), Code::Internal),
        ("gzip", prefixed(1, &gzip_bomb()), Code::ResourceExhausted),
        ("zstd", prefixed(1, &zstd_bomb()), Code::ResourceExhausted),
        ("zstd", prefixed(1, &good), Code::Internal),
        ("br", prefixed(1, &good), Code::Internal),
    ] {
        let sent = request(vec![], 0);
        let (_, _, result) = exchange(Compression::Identity, sent, |call| {
            call.answer_with(&[("grpc-encoding", encoding)], body, ok());
        })
        .await;
        let status = result.unwrap_err();
        assert_eq!(status.code(), code, "{encoding}: {status}");
    }
}
