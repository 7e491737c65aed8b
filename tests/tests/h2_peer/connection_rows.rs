//! Invalid connections, with raw frames to our server. Rows have the numbers of the table in `hostile_input.md`. Rows
//! about time are tested in the runtime, with a simulated clock.

use stubwright_tests::pb::probe::v1::{Request, Response};

use crate::caller::Served;
use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY, RST_STREAM, Raw,
    SETTINGS, WINDOW_UPDATE, code, frame, literals,
};
use crate::wire::{framed, pattern};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

const HEAD: [(&str, &str); 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/probe.v1.Probe/Unary"),
    (":authority", "probe.test"),
    ("content-type", "application/grpc"),
];

fn request(payload: Vec<u8>) -> Vec<u8> {
    framed(&Request {
        payload,
        ..Request::default()
    })
}

/// Sends bytes on a new connection. Returns the code and the text of the GOAWAY that ends it.
async fn ended(served: &Served, bytes: &[u8]) -> (u32, String) {
    let mut raw = Raw::new(served.address).await;
    raw.write(bytes).await;
    raw.goodbye().await
}

/// Checks that the server accepts another connection and serves on it.
async fn assert_alive(served: &Served) {
    let mut raw = Raw::new(served.address).await;
    let answer = raw.call(&HEAD, &request(b"x".to_vec())).await;
    answer.assert_status(0, "");
}

/// Sends one frame again and again on a new connection with an open stream 1.
async fn flooded(served: &Served, frame: &[u8]) -> u32 {
    let mut raw = Raw::new(served.address).await;
    assert_eq!(raw.open(&HEAD, false).await, 1);
    raw.flood(frame, 20_000).await;
    raw.goodbye().await.0
}

#[tokio::test]
async fn row_21_rapid_reset() {
    let served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let block = literals(&HEAD);
    for stream in (1..4000).step_by(2) {
        let mut both = frame(HEADERS, END_HEADERS, stream, &block);
        both.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        raw.flood(&both, 1).await;
    }
    assert_eq!(raw.goodbye().await.0, ENHANCE_YOUR_CALM);
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_22_resets_that_are_provoked() {
    let served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let block = literals(&HEAD);
    for stream in (1..4000).step_by(2) {
        let mut both = frame(HEADERS, END_HEADERS, stream, &block);
        both.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
        raw.flood(&both, 1).await;
    }
    assert_eq!(raw.goodbye().await.0, ENHANCE_YOUR_CALM);
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_23_ping_flood() {
    let served = Served::new().await;
    let ping = frame(PING, 0, 0, &[7; 8]);
    assert_eq!(flooded(&served, &ping).await, ENHANCE_YOUR_CALM);
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_24_settings() {
    let served = Served::new().await;
    let flood = frame(SETTINGS, 0, 0, &[]);
    assert_eq!(flooded(&served, &flood).await, ENHANCE_YOUR_CALM);
    for (settings, code) in [
        // ENABLE_PUSH of 2; a window over 2^31-1; frame sizes of 100 and of 2^24; half an entry; not on stream 0; an
        // acknowledgement with a payload.
        (frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), PROTOCOL_ERROR),
        (
            frame(SETTINGS, 0, 0, &[0, 4, 128, 0, 0, 0]),
            FLOW_CONTROL_ERROR,
        ),
        (frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 100]), PROTOCOL_ERROR),
        (frame(SETTINGS, 0, 0, &[0, 5, 1, 0, 0, 0]), PROTOCOL_ERROR),
        (frame(SETTINGS, 0, 0, &[0, 4, 0]), FRAME_SIZE_ERROR),
        (frame(SETTINGS, 0, 1, &[]), PROTOCOL_ERROR),
        (frame(SETTINGS, 1, 0, &[0; 6]), FRAME_SIZE_ERROR),
    ] {
        assert_eq!(ended(&served, &settings).await.0, code, "{settings:?}");
    }
    // Unknown settings are ignored.
    let mut raw = Raw::new(served.address).await;
    raw.frame(SETTINGS, 0, 0, &[0xff, 0xff, 1, 2, 3, 4]).await;
    let answer = raw.call(&HEAD, &request(Vec::new())).await;
    answer.assert_status(0, "");
}

#[tokio::test]
async fn row_25_frames_that_are_worth_nothing() {
    let served = Served::new().await;
    for frame in [
        frame(DATA, 0, 1, &[]),
        frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 0]),
        // An unknown type.
        frame(200, 0, 0, &[]),
        frame(DATA, PADDED, 1, &[0]),
    ] {
        assert_eq!(
            flooded(&served, &frame).await,
            ENHANCE_YOUR_CALM,
            "{frame:?}"
        );
    }
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_26_header_blocks_without_end() {
    let served = Served::new().await;
    for part in [
        &[][..],
        &literals(&[("k", "v")]),
        &literals(&[("k", &"v".repeat(10_000))]),
    ] {
        let mut raw = Raw::new(served.address).await;
        raw.frame(HEADERS, 0, 1, &literals(&HEAD)).await;
        raw.flood(&frame(CONTINUATION, 0, 1, part), 20_000).await;
        let (code, text) = raw.goodbye().await;
        assert!(
            matches!(code, ENHANCE_YOUR_CALM | PROTOCOL_ERROR),
            "{code} {text}"
        );
    }
    // An index into the dynamic table, which is empty, and a table size that was never allowed.
    for block in [&[0xff, 0x80, 0x01][..], &[0x3f, 0xff, 0xff, 0x7f]] {
        let bytes = frame(HEADERS, END_HEADERS, 1, block);
        assert_eq!(
            ended(&served, &bytes).await.0,
            COMPRESSION_ERROR,
            "{block:?}"
        );
    }
    assert_alive(&served).await;
}

/// A table entry of 4 KB, and a small block with many references to it.
#[tokio::test]
async fn row_26_a_header_block_that_explodes() {
    let served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let mut block = literals(&HEAD);
    // A literal with incremental indexing, `k` with 4,000 bytes, then references to it.
    block.extend([0x40, 1, b'k', 0x7f, 0xa1, 0x1e]);
    block.extend([b'v'; 4000]);
    block.extend([0xbe; 12_000]);
    raw.frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
        .await;
    assert_eq!(raw.goodbye().await.0, ENHANCE_YOUR_CALM);
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_27_windows() {
    let served = Served::new().await;
    let zero = frame(WINDOW_UPDATE, 0, 0, &[0; 4]);
    assert_eq!(ended(&served, &zero).await.0, PROTOCOL_ERROR);
    let overflow = frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(ended(&served, &overflow).await.0, FLOW_CONTROL_ERROR);
    let short = frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]);
    assert_eq!(ended(&served, &short).await.0, FRAME_SIZE_ERROR);

    let mut raw = Raw::new(served.address).await;
    let stream = raw.open(&HEAD, false).await;
    raw.frame(WINDOW_UPDATE, 0, stream, &[0; 4]).await;
    assert_eq!(raw.answer(stream).await.reset, Some(PROTOCOL_ERROR));
    let stream = raw.open(&HEAD, false).await;
    raw.frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff])
        .await;
    assert_eq!(raw.answer(stream).await.reset, Some(FLOW_CONTROL_ERROR));
    let answer = raw.call(&HEAD, &request(Vec::new())).await;
    answer.assert_status(0, "");
}

/// The handler waits for a second message. The data that it has not read is at most a window.
#[tokio::test]
async fn row_27_data_past_the_window() {
    let served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let mut head = HEAD;
    head[2].1 = "/probe.v1.Probe/Bidi";
    let stream = raw.open(&head, false).await;
    // The probe cannot send its responses through a window of zero, so it stops reading.
    let mut settings = vec![0, 4];
    settings.extend(0_u32.to_be_bytes());
    raw.frame(SETTINGS, 0, 0, &settings).await;
    let message = request(pattern(1000));
    let mut flood = Vec::new();
    for part in message.repeat(16).chunks(16_384) {
        flood.extend(frame(DATA, 0, stream, part));
    }
    raw.flood(&flood, 1000).await;
    let mut reset = None;
    while let Some(frame) = raw.read().await {
        if frame.kind == RST_STREAM {
            reset = Some(code(&frame.payload));
            break;
        }
        if frame.kind == crate::raw::GOAWAY {
            reset = Some(code(&frame.payload[4..]));
            break;
        }
    }
    assert_eq!(reset, Some(FLOW_CONTROL_ERROR));
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_28_a_window_that_is_held_at_zero() {
    let served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    // Streams start without a window.
    raw.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    let body = request(b"hello".to_vec());
    let waits = raw.open(&HEAD, false).await;
    raw.frame(DATA, END_STREAM, waits, &body).await;
    let mut timed: Vec<_> = HEAD.into();
    timed.push(("grpc-timeout", "50m"));
    let expires = raw.open(&timed, false).await;
    raw.frame(DATA, END_STREAM, expires, &body).await;
    // Trailers follow data, and no data may be sent, so the deadline is a reset.
    let answer = raw.answer(expires).await;
    assert!(
        answer.reset.is_some() || answer.grpc_status() == Some(4),
        "{answer:?}"
    );
    assert!(answer.body.is_empty());
    // The other call goes on when its window opens, step by step.
    let expected = framed(&Response {
        payload: b"hello".to_vec(),
        index: 0,
    });
    for _ in 0..expected.len() {
        raw.frame(WINDOW_UPDATE, 0, waits, &[0, 0, 0, 1]).await;
    }
    let answer = raw.answer(waits).await;
    assert_eq!(answer.body, expected);
    assert_eq!(answer.grpc_status(), Some(0));
}

#[tokio::test]
async fn row_31_frames_where_none_belong() {
    let served = Served::new().await;
    let block = literals(&HEAD);
    for (bytes, code) in [
        (frame(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
        (frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
        (frame(RST_STREAM, 0, 1, &[0; 4]), PROTOCOL_ERROR),
        (frame(RST_STREAM, 0, 0, &[0; 4]), PROTOCOL_ERROR),
        (frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS, 2, &block), PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS, 0, &block), PROTOCOL_ERROR),
        (frame(CONTINUATION, END_HEADERS, 1, &block), PROTOCOL_ERROR),
        // PUSH_PROMISE of a client.
        (frame(5, END_HEADERS, 1, &block), PROTOCOL_ERROR),
        (frame(PING, 0, 1, &[0; 8]), PROTOCOL_ERROR),
        (frame(PING, 0, 0, &[0; 7]), FRAME_SIZE_ERROR),
        // More padding than payload.
        (
            frame(HEADERS, END_HEADERS | PADDED, 1, &[9, 0]),
            PROTOCOL_ERROR,
        ),
        // Other frames inside a header block.
        (
            [frame(HEADERS, 0, 1, &block), frame(PING, 0, 0, &[0; 8])].concat(),
            PROTOCOL_ERROR,
        ),
        // A frame over our limit.
        (frame(DATA, 0, 1, &[0; 16_385]), FRAME_SIZE_ERROR),
        // A stream number below one that was used.
        (
            [
                frame(HEADERS, END_HEADERS, 3, &block),
                frame(HEADERS, END_HEADERS, 1, &block),
            ]
            .concat(),
            PROTOCOL_ERROR,
        ),
    ] {
        let (got, text) = ended(&served, &bytes).await;
        let head = &bytes[..9];
        // Both codes are correct, because a stream that was never open counts as closed (RFC 9113, 5.1.1).
        assert!(
            got == code || (got == STREAM_CLOSED && code == PROTOCOL_ERROR),
            "{got} for {head:?}: {text}"
        );
    }
    assert_alive(&served).await;
}

#[tokio::test]
async fn row_31_heads_that_are_malformed() {
    let served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let with = |name, value| {
        let mut head: Vec<(&str, &str)> = HEAD.into();
        head.push((name, value));
        head
    };
    let without = |name| {
        HEAD.into_iter()
            .filter(|field| field.0 != name)
            .collect::<Vec<_>>()
    };
    for head in [
        with("Upper", "case"),
        with("connection", "close"),
        with("transfer-encoding", "chunked"),
        with("te", "gzip"),
        with(":path", "/twice"),
        with(":unknown", "x"),
        with("", "x"),
        with("sp ace", "x"),
        with("line", "one\ntwo"),
        without(":method"),
        without(":path"),
        without(":scheme"),
    ] {
        let stream = raw.open(&head, true).await;
        let answer = raw.answer(stream).await;
        assert_eq!(answer.reset, Some(PROTOCOL_ERROR), "{head:?}: {answer:?}");
    }
    let answer = raw.call(&HEAD, &request(Vec::new())).await;
    answer.assert_status(0, "");
}
