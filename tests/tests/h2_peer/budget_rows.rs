//! Budgets of a server for what its clients do, with raw frames. These rows of `hostile_input.md` say where honest
//! use ends.

use std::io::Write;
use std::time::Duration;

use stubwright_tests::Event;
use stubwright_tests::pb::probe::v1::Request;
use tokio::io::AsyncWriteExt;

use crate::caller::Served;
use crate::raw::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE,
    frame, literals,
};
use crate::wire::framed;

const ENHANCE_YOUR_CALM: u32 = 11;
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn head(path: &'static str) -> [(&'static str, &'static str); 5] {
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "probe.test"),
        ("content-type", "application/grpc"),
    ]
}

/// Returns the head of a call, and a request that does not end.
fn open(stream: u32, path: &'static str) -> Vec<u8> {
    let mut call = frame(HEADERS, END_HEADERS, stream, &literals(&head(path)));
    call.extend(frame(DATA, 0, stream, &framed(&Request::default())));
    call
}

fn cancel(streams: impl Iterator<Item = u32>) -> Vec<u8> {
    streams
        .flat_map(|stream| frame(RST_STREAM, 0, stream, &CANCEL))
        .collect()
}

/// Checks that a new call is served.
async fn assert_served(raw: &mut Raw, stream: u32) {
    let mut call = open(stream, "/probe.v1.Probe/Unary");
    call.extend(frame(DATA, END_STREAM, stream, &[]));
    raw.write(&call).await;
    raw.answer(stream).await.assert_status(0, "");
}

async fn expect(served: &mut Served, event: Event, times: usize) {
    for _ in 0..times {
        assert_eq!(served.event().await, event);
    }
}

/// A rapid reset in two writes, so that each call has reached its handler when it is reset.
///
/// The server has no more work than with calls that complete. It refuses none of them, and keeps nothing of them.
#[tokio::test]
async fn row_21_rapid_reset_in_two_writes() {
    let mut served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let mut first = 1;
    for calls in [1; 400].into_iter().chain([100; 20]) {
        let streams = (first..).step_by(2).take(calls);
        let opening = streams
            .clone()
            .flat_map(|stream| open(stream, "/probe.v1.Probe/ClientStream"));
        raw.write(&opening.collect::<Vec<u8>>()).await;
        expect(&mut served, Event::Started, calls).await;
        raw.write(&cancel(streams)).await;
        expect(&mut served, Event::Dropped, calls).await;
        first += 2 * calls as u32;
    }
    assert_served(&mut raw, first).await;
}

#[tokio::test]
async fn row_44_nine_hundred_calls_are_cancelled_at_once() {
    let mut served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let mut first = 1;
    for _ in 0..3 {
        let streams = (first..).step_by(2).take(900);
        let opening = streams
            .clone()
            .flat_map(|stream| open(stream, "/probe.v1.Probe/Bidi"));
        raw.write(&opening.collect::<Vec<u8>>()).await;
        let mut answers = 0;
        while answers < 900 {
            let frame = raw.next().await;
            match frame.kind {
                // The HPACK table has a state, so every header block must be decoded.
                HEADERS => drop(raw.fields(&frame).await),
                DATA => answers += 1,
                _ => {}
            }
        }
        raw.write(&cancel(streams)).await;
        first += 1_800;
        assert_served(&mut raw, first).await;
        first += 2;
    }
    // Each handler has started and was dropped.
    expect_in_any_order(&mut served, 3 * 901).await;
}

/// The engine's tests have the same case with simulated time.
#[tokio::test]
#[ignore = "takes a minute: .ci/long runs it"]
async fn row_44_twenty_calls_are_cancelled_ten_times_a_second_for_a_minute() {
    let mut served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    // Reads and acknowledges the server's SETTINGS, for which it waits ten seconds.
    assert_served(&mut raw, 1).await;
    expect(&mut served, Event::Started, 1).await;
    expect(&mut served, Event::Dropped, 1).await;
    let mut first = 3;
    for _ in 0..600 {
        ticks.tick().await;
        let streams = (first..).step_by(2).take(20);
        let opening = streams
            .clone()
            .flat_map(|stream| open(stream, "/probe.v1.Probe/ClientStream"));
        raw.write(&opening.collect::<Vec<u8>>()).await;
        expect(&mut served, Event::Started, 20).await;
        raw.write(&cancel(streams)).await;
        expect(&mut served, Event::Dropped, 20).await;
        first += 40;
    }
    assert_served(&mut raw, first).await;
}

async fn expect_in_any_order(served: &mut Served, calls: usize) {
    let (mut started, mut dropped) = (0, 0);
    for _ in 0..2 * calls {
        match served.event().await {
            Event::Started => started += 1,
            Event::Dropped => dropped += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((started, dropped), (calls, calls));
}

/// The server computes for a second, while calls of its client exceed their deadlines and are cancelled. All of it
/// arrives at once when the server reads again. The client has done nothing wrong. Time is paused.
#[tokio::test(start_paused = true)]
async fn row_44_calls_that_ran_out_of_time_while_the_server_computed() {
    let mut served = Served::new().await;
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    served.server.add_connection(theirs).unwrap();
    let mut timed = Vec::from(head("/probe.v1.Probe/ClientStream"));
    timed.push(("grpc-timeout", "100m"));
    let block = literals(&timed);
    let open = |stream| frame(HEADERS, END_HEADERS, stream, &block);
    let mut first = PREFACE.to_vec();
    first.extend(frame(SETTINGS, 0, 0, &[]));
    first.extend((1..).step_by(2).take(100).flat_map(open));
    ours.write_all(&first).await.unwrap();
    expect(&mut served, Event::Started, 100).await;
    let more = (201..).step_by(2).take(2_000);
    let more = more.flat_map(|stream| [open(stream), cancel([stream].into_iter())].concat());
    ours.write_all(&more.collect::<Vec<u8>>()).await.unwrap();
    // Nothing else has run since these bytes were written.
    tokio::time::advance(Duration::from_millis(1_100)).await;
    expect(&mut served, Event::Dropped, 100).await;
    ours.write_all(&open(5_001)).await.unwrap();
    assert_eq!(served.event().await, Event::Started);
}

/// The client provokes resets by the server of calls whose handlers run (CVE-2025-8671).
#[tokio::test]
async fn row_44_resets_that_are_provoked_of_calls_at_work() {
    let mut served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let streams = (1..).step_by(2).take(400);
    let opening = streams
        .clone()
        .flat_map(|stream| open(stream, "/probe.v1.Probe/ClientStream"));
    raw.write(&opening.collect::<Vec<u8>>()).await;
    expect(&mut served, Event::Started, 400).await;
    let provocations = streams.flat_map(|stream| frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
    raw.write(&provocations.collect::<Vec<u8>>()).await;
    let (code, text) = raw.goodbye().await;
    assert_eq!((code, &*text), (ENHANCE_YOUR_CALM, "too_many_resets"));
    expect(&mut served, Event::Dropped, 400).await;
}

#[tokio::test]
async fn row_53_a_header_list_far_over_the_limit() {
    let served = Served::new().await;
    // A field in the dynamic table and 16,000 references to it, and as many references to an entry of the static
    // table.
    let long = [&[0x40, 1, b'k', 100][..], &[b'v'; 100], &[0xbe; 16_000]].concat();
    for references in [long, vec![0x82; 16_000]] {
        let mut raw = Raw::new(served.address).await;
        let mut block = literals(&head("/probe.v1.Probe/Unary"));
        block.extend(references);
        raw.frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
            .await;
        let (code, text) = raw.goodbye().await;
        assert_eq!((code, &*text), (ENHANCE_YOUR_CALM, "header_list_too_large"));
    }
    let mut raw = Raw::new(served.address).await;
    assert_served(&mut raw, 1).await;
}

/// The client makes calls and closes the connection before the server sees it.
///
/// The runtime has one thread, on which nothing else runs meanwhile, and all bytes fit into the system's buffers.
#[tokio::test]
async fn row_67_no_handler_is_started_for_a_client_that_is_gone() {
    let mut served = Served::new().await;
    for path in ["/probe.v1.Probe/ClientStream", "/probe.v1.Probe/Unary"] {
        let mut socket = std::net::TcpStream::connect(served.address).unwrap();
        let mut calls = PREFACE.to_vec();
        calls.extend(frame(SETTINGS, 0, 0, &[]));
        calls.extend(
            (1..)
                .step_by(2)
                .take(400)
                .flat_map(|stream| open(stream, path)),
        );
        socket.write_all(&calls).unwrap();
        drop(socket);
        let mut raw = Raw::new(served.address).await;
        assert_served(&mut raw, 1).await;
        let events = [Event::Started, Event::Dropped];
        for expected in events {
            assert_eq!(
                served.event().await,
                expected,
                "of the call that was made last"
            );
        }
        assert_eq!(served.past_event(), None);
    }
}

/// When the server notices that a client has left, it drops the client's handlers in the same poll.
#[tokio::test]
async fn row_67_handlers_are_dropped_when_their_client_leaves() {
    let mut served = Served::new().await;
    let mut raw = Raw::new(served.address).await;
    let streams = (1..).step_by(2).take(900);
    let opening = streams.flat_map(|stream| open(stream, "/probe.v1.Probe/ClientStream"));
    raw.write(&opening.collect::<Vec<u8>>()).await;
    expect(&mut served, Event::Started, 900).await;
    // The last frames are not processed any more.
    let more = (1_801..).step_by(2).take(90);
    let more = more.flat_map(|stream| open(stream, "/probe.v1.Probe/ClientStream"));
    assert!(raw.try_write_now(&more.collect::<Vec<u8>>()));
    // The connection is closed gracefully, so the frames sent before can be read. Nothing else runs meanwhile.
    raw.close().await;
    expect(&mut served, Event::Dropped, 900).await;
    let mut another = Raw::new(served.address).await;
    assert_served(&mut another, 1).await;
    expect(&mut served, Event::Started, 1).await;
    expect(&mut served, Event::Dropped, 1).await;
    assert_eq!(served.past_event(), None);
}

/// Sends a frame again and again after some others. Returns the server's GOAWAY.
async fn flooded(served: &Served, opening: &[u8], frame: &[u8]) -> (u32, String) {
    let mut raw = Raw::new(served.address).await;
    raw.write(opening).await;
    raw.flood(frame, 20_000).await;
    raw.goodbye().await
}

#[tokio::test]
async fn row_66_window_updates_without_end() {
    let served = Served::new().await;
    let opening = open(1, "/probe.v1.Probe/ClientStream");
    for stream in [0, 1] {
        let update = frame(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 1]);
        let (code, text) = flooded(&served, &opening, &update).await;
        let ended = (code, &*text);
        assert_eq!(ended, (ENHANCE_YOUR_CALM, "too_many_window_updates"));
    }
}

#[tokio::test]
async fn row_66_data_of_a_stream_that_was_reset() {
    let served = Served::new().await;
    // An unknown method is answered before its request has ended. The rest of the request is not wanted.
    let opening = open(1, "/probe.v1.Probe/Unknown");
    let data = frame(DATA, 0, 1, &[7; 1_000]);
    let (code, text) = flooded(&served, &opening, &data).await;
    let ended = (code, &*text);
    assert_eq!(ended, (ENHANCE_YOUR_CALM, "too_many_late_frames"));
}
