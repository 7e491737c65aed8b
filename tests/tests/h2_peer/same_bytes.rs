//! Sends the same bytes to our server and to an `h2` server. Both must see the same calls and the same faults.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stubwright::Server;
use stubwright_tests::pb::probe::v1::Request;

use crate::caller::Served;
use crate::listener::Listener;
use crate::raw::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY,
    RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, code, frame, literals,
};
use crate::scripts::{HEAD, any_noise, any_script, mixed, setting};
use crate::wire::{framed, read_all};

/// The last PING. Once it is answered, the bytes before it have been processed.
const LAST: [u8; 8] = *b"the last";

/// A server's reaction to some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Status and body of the streams that were not reset.
    answers: BTreeMap<u32, (Option<u32>, Vec<u8>)>,
    /// Codes of the streams that were reset.
    resets: BTreeMap<u32, u32>,
    pings: Vec<Vec<u8>>,
    settings_acknowledged: usize,
    /// Code of the GOAWAY.
    goaway: Option<u32>,
}

/// Sends bytes after the preface, in pieces of this size. Watches until `calls` calls and the last PING have been
/// answered, or the connection has ended.
async fn watch(address: SocketAddr, bytes: &[u8], piece: usize, calls: usize) -> Seen {
    let mut raw = Raw::new(address).await;
    let last = frame(PING, 0, 0, &LAST);
    for part in [bytes, &last].concat().chunks(piece) {
        // A server that has found a fault stops reading.
        if !raw.try_write(part).await {
            break;
        }
    }
    let mut seen = Seen::default();
    let mut answered = 0;
    let mut has_ponged = false;
    while !(has_ponged && answered >= calls) {
        let Some(frame) = raw.read().await else {
            return seen;
        };
        let ends = frame.flags & END_STREAM != 0;
        match frame.kind {
            HEADERS => {
                let fields = raw.fields(&frame).await;
                let status = fields.iter().find(|field| field.0 == "grpc-status");
                let answer = seen.answers.entry(frame.stream).or_default();
                answer.0 = status.and_then(|status| status.1.parse().ok());
                answered += usize::from(ends);
            }
            DATA => {
                let answer = seen.answers.entry(frame.stream).or_default();
                answer.1.extend(frame.payload);
            }
            RST_STREAM => {
                seen.resets.insert(frame.stream, code(&frame.payload));
                answered += 1;
            }
            SETTINGS if frame.flags & ACK != 0 => seen.settings_acknowledged += 1,
            PING if frame.payload == LAST => has_ponged = true,
            PING if frame.flags & ACK != 0 => seen.pings.push(frame.payload),
            GOAWAY => seen.goaway = Some(code(&frame.payload[4..])),
            _ => {}
        }
    }
    seen
}

/// Runs an `h2` server that answers as the probe does. A request with only a payload has the same bytes as its
/// response.
async fn echo(listener: Listener) {
    loop {
        let Some(mut accepted) = listener.try_accept().await else {
            continue;
        };
        tokio::spawn(async move {
            while let Some(mut call) = accepted.next_call().await {
                tokio::spawn(async move {
                    if let Ok((body, _)) = read_all(call.request.body_mut()).await {
                        call.answer(body, "0");
                    }
                });
            }
        });
    }
}

/// Both servers.
struct Both {
    ours: Served,
    theirs: SocketAddr,
}

impl Both {
    async fn new() -> Both {
        let listener = Listener::new().await;
        let theirs = listener.address;
        tokio::spawn(echo(listener));
        // `h2` has no such limit.
        let builder = Server::builder().max_ping_strikes(0);
        Both {
            ours: Served::with(builder).await,
            theirs,
        }
    }

    /// Returns the reactions of our server and of the `h2` server to some bytes.
    async fn watch(&self, bytes: &[u8], piece: usize, calls: usize) -> (Seen, Seen) {
        tokio::join!(
            watch(self.ours.address, bytes, piece, calls),
            watch(self.theirs, bytes, piece, calls)
        )
    }
}

#[test]
fn calls_in_frames_of_all_kinds() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let both = runtime.block_on(Both::new());
    let strategy = (
        prop::collection::vec(any_script(), 1..5),
        prop::collection::vec(any_noise(), 0..8),
        prop::collection::vec(0..1000_usize, 1..40),
        1..2000_usize,
    );
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&strategy, |(scripts, noise, picks, piece)| {
        let bytes = mixed(&scripts, &noise, &picks);
        let (ours, theirs) = runtime.block_on(both.watch(&bytes, piece, scripts.len()));
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(ours.answers.len(), scripts.len());
        prop_assert!(ours.answers.values().all(|answer| answer.0 == Some(0)));
        Ok(())
    });
    result.unwrap();
}

/// Returns a call whose frames are valid apart from the effect of `change`.
fn call(change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let request = framed(&Request {
        payload: b"x".to_vec(),
        ..Request::default()
    });
    let mut frames = vec![
        frame(HEADERS, END_HEADERS, 1, &literals(&HEAD)),
        frame(DATA, END_STREAM, 1, &request),
    ];
    change(&mut frames);
    frames.concat()
}

/// Returns a call with this frame between its head and its body.
fn with(between: Vec<u8>) -> Vec<u8> {
    call(|frames| frames.insert(1, between.clone()))
}

/// Returns a call with this header block.
fn headed(flags: u8, block: &[u8]) -> Vec<u8> {
    call(|frames| frames[0] = frame(HEADERS, flags, 1, block))
}

/// Returns a call with these additional fields in its head.
fn fielded(fields: &[(&str, &str)]) -> Vec<u8> {
    headed(END_HEADERS, &literals(&[&HEAD[..], fields].concat()))
}

/// Faults of a client.
fn faults() -> Vec<(&'static str, Vec<u8>)> {
    let goaway = [0; 8];
    vec![
        ("none", call(|_| {})),
        ("DATA on stream 0", with(frame(DATA, 0, 0, b"x"))),
        ("DATA on an idle stream", with(frame(DATA, 0, 3, b"x"))),
        (
            "HEADERS on stream 0",
            with(frame(HEADERS, END_HEADERS, 0, &literals(&HEAD))),
        ),
        (
            "an even stream",
            with(frame(HEADERS, END_HEADERS, 2, &literals(&HEAD))),
        ),
        ("a frame in a header block", call(|frames| frames[0][4] = 0)),
        (
            "CONTINUATION alone",
            with(frame(CONTINUATION, END_HEADERS, 1, &[])),
        ),
        (
            "padding over the frame",
            with(frame(DATA, PADDED, 1, &[9, 0, 0])),
        ),
        (
            "padding without its length",
            with(frame(DATA, PADDED, 1, &[])),
        ),
        ("PING of 7 bytes", with(frame(PING, 0, 0, &[0; 7]))),
        ("PING on a stream", with(frame(PING, 0, 1, &[0; 8]))),
        ("SETTINGS of 5 bytes", with(frame(SETTINGS, 0, 0, &[0; 5]))),
        ("SETTINGS on a stream", with(frame(SETTINGS, 0, 1, &[]))),
        (
            "a window over 2^31-1",
            with(frame(SETTINGS, 0, 0, &setting(4, 1 << 31))),
        ),
        (
            "frames of 2^24",
            with(frame(SETTINGS, 0, 0, &setting(5, 1 << 24))),
        ),
        ("push of 2", with(frame(SETTINGS, 0, 0, &setting(2, 2)))),
        (
            "WINDOW_UPDATE of 0",
            with(frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ),
        (
            "WINDOW_UPDATE of 0 on a stream",
            with(frame(WINDOW_UPDATE, 0, 1, &[0; 4])),
        ),
        (
            "WINDOW_UPDATE of 3 bytes",
            with(frame(WINDOW_UPDATE, 0, 0, &[0; 3])),
        ),
        (
            "a window that overflows",
            with(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ),
        (
            "a stream's window that overflows",
            with(frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])),
        ),
        (
            "WINDOW_UPDATE on an idle stream",
            with(frame(WINDOW_UPDATE, 0, 9, &[0, 0, 0, 1])),
        ),
        (
            "RST_STREAM on stream 0",
            with(frame(RST_STREAM, 0, 0, &[0; 4])),
        ),
        (
            "RST_STREAM on an idle stream",
            with(frame(RST_STREAM, 0, 9, &[0; 4])),
        ),
        (
            "RST_STREAM of 3 bytes",
            with(frame(RST_STREAM, 0, 1, &[0; 3])),
        ),
        ("PRIORITY of 4 bytes", with(frame(PRIORITY, 0, 1, &[0; 4]))),
        ("GOAWAY on a stream", with(frame(GOAWAY, 0, 1, &goaway))),
        (
            "PUSH_PROMISE of a client",
            with(frame(5, END_HEADERS, 1, &[0, 0, 0, 2])),
        ),
        (
            "DATA after the end",
            call(|frames| frames.push(frame(DATA, END_STREAM, 1, b"x"))),
        ),
        (
            "a lower stream",
            with(call(|frames| {
                frames.iter_mut().for_each(|frame| frame[8] = 5)
            }))
            .into_iter()
            .chain(call(|frames| {
                frames.iter_mut().for_each(|frame| frame[8] = 3)
            }))
            .collect(),
        ),
        (
            "an index that is nothing",
            headed(END_HEADERS, &[0xff, 0x80, 0x01]),
        ),
        (
            "a table that is too large",
            headed(END_HEADERS, &[0x3f, 0xff, 0xff, 0x7f]),
        ),
        (
            "a string that is cut",
            headed(END_HEADERS, &[0x00, 0x05, b'a']),
        ),
        ("upper case", fielded(&[("X-Upper", "v")])),
        ("a connection's field", fielded(&[("connection", "close")])),
        ("te of other things", fielded(&[("te", "gzip")])),
        ("a pseudo-header at the end", fielded(&[(":late", "v")])),
        (
            "a duplicate pseudo-header",
            headed(END_HEADERS, &literals(&[&HEAD[..2], &HEAD[..]].concat())),
        ),
        ("no path", headed(END_HEADERS, &literals(&HEAD[..2]))),
        (
            "a status from a client",
            headed(
                END_HEADERS,
                &literals(&[&[(":status", "200")], &HEAD[..]].concat()),
            ),
        ),
        (
            "a content-length that is wrong",
            fielded(&[("content-length", "3")]),
        ),
        (
            "trailers that do not end",
            with(frame(HEADERS, END_HEADERS, 1, &literals(&[("a", "b")]))),
        ),
        (
            "a frame over the limit",
            with(frame(DATA, 0, 1, &[0; 16_385])),
        ),
    ]
}

/// Returns our server's reaction where `h2` is less exact (PROTOCOL_ERROR on the connection) or has none, and the
/// section of RFC 9113 that requires it. For header blocks the section is RFC 7541's.
fn exact(fault: &str) -> Option<(Told, &'static str)> {
    let size = Told::Goaway(6);
    let compression = Told::Goaway(9);
    Some(match fault {
        "padding without its length" => (size, "4.2"),
        "PING of 7 bytes" => (size, "6.7"),
        "SETTINGS of 5 bytes" => (size, "6.5"),
        "a window over 2^31-1" => (Told::Goaway(3), "6.5.2"),
        "WINDOW_UPDATE of 0 on a stream" => (Told::Reset(1), "6.9"),
        "WINDOW_UPDATE of 3 bytes" => (size, "6.9"),
        "RST_STREAM of 3 bytes" => (size, "6.4"),
        "PRIORITY of 4 bytes" => (Told::Reset(6), "6.3"),
        "DATA after the end" => (Told::Reset(5), "5.1"),
        "an index that is nothing" => (compression, "2.3.3"),
        "a table that is too large" => (compression, "6.3"),
        "a string that is cut" => (compression, "5.2"),
        "upper case" => (Told::Reset(1), "8.2.1"),
        "a pseudo-header at the end" => (Told::Reset(1), "8.3"),
        "no path" => (Told::Reset(1), "8.3.1"),
        _ => return None,
    })
}

/// A server's reaction to a fault: the code of a GOAWAY, or of the stream's reset.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Goaway(u32),
    Reset(u32),
}

impl Seen {
    fn told(&self) -> Told {
        match (self.goaway, self.resets.get(&1)) {
            (Some(code), _) => Told::Goaway(code),
            (None, Some(&code)) => Told::Reset(code),
            (None, None) => Told::Nothing,
        }
    }
}

#[tokio::test]
async fn faults_of_a_client() {
    let both = Both::new().await;
    for (fault, bytes) in faults() {
        let (ours, theirs) = both.watch(&bytes, 5000, 1).await;
        let (expected, why) = exact(fault).unwrap_or((theirs.told(), "h2"));
        assert_eq!(
            ours.told(),
            expected,
            "{fault} ({why}): {ours:?}, {theirs:?}"
        );
    }
    assert_eq!(
        both.watch(&call(|_| {}), 5000, 1).await.0.told(),
        Told::Nothing
    );
}
