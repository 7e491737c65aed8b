//! Random steps of an engine. Most are valid, so that runs are long, but some are mistakes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::link::{fields, request, response, trailers};
use super::raw::settings;
use crate::base::header::Header;
use crate::http2::StreamId;
use crate::http2::frame::kind;

/// A stream, which is chosen when its step is performed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    /// A stream that was used before, if there is one.
    Used(usize),
    /// The next stream that a client would open.
    New,
    /// A stream that is probably invalid.
    Wrong(StreamId),
}

/// A step of an engine.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Receive arbitrary bytes.
    Bytes(Vec<u8>),
    /// Receive a frame with an arbitrary payload.
    Frame(u8, u8, Pick, Vec<u8>),
    /// Receive a header block, cut after this many bytes.
    Head(u8, Pick, Vec<Header>, Option<usize>),
    /// Let seconds pass, and handle timeouts.
    Wait(u32),
    /// Move the clock back by milliseconds.
    Back(u32),
    /// Write up to this many bytes of the output.
    Write(usize),
    /// Perform an action of the application.
    Open(bool),
    Respond(Pick, bool),
    Send(Pick, usize, bool),
    Trailers(Pick),
    Reset(Pick),
    Release(Pick, usize),
    Drain,
    GoAway,
    Ping,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![30 => frame_step(), 20 => head_step(), 40 => application_step(), 1 => mistake()]
}

fn used() -> impl Strategy<Value = Pick> {
    (0usize..1_000).prop_map(Pick::Used)
}

/// Generates a stream, sometimes an invalid one.
fn stream() -> impl Strategy<Value = Pick> {
    let wrong = prop_oneof![select(vec![0, 1, 2, 3, 4, 99]), any::<u32>()];
    prop_oneof![200 => used(), 1 => Just(Pick::New), 1 => wrong.prop_map(Pick::Wrong)]
}

fn connection() -> impl Strategy<Value = Pick> {
    prop_oneof![200 => Just(Pick::Wrong(0)), 1 => used()]
}

/// Generates header blocks of requests, responses and trailers, and sometimes others.
fn head() -> impl Strategy<Value = Vec<Header>> {
    let field = select(fields(&[
        (":status", "200"),
        (":status", "103"),
        (":path", ""),
        ("content-length", "5"),
        ("Upper", "case"),
        ("x-long", &"v".repeat(300)),
        ("grpc-status", "0"),
    ]));
    let more = vec(field.clone(), 1..3);
    prop_oneof![
        10 => Just(request()),
        10 => Just(response()),
        10 => Just(trailers()),
        1 => vec(field, 0..4),
        1 => (Just(request()), more).prop_map(|(head, more)| [head, more].concat()),
    ]
}

fn head_step() -> impl Strategy<Value = Step> {
    let cut = || proptest::option::weighted(0.1, 0..30usize);
    let mostly_request = prop_oneof![6 => Just(request()), 1 => head()];
    let requests = (0u8..2, mostly_request, cut())
        .prop_map(|(flags, head, cut)| Step::Head(flags, Pick::New, head, cut));
    let others = (0u8..2, stream(), head(), cut())
        .prop_map(|(flags, pick, head, cut)| Step::Head(flags, pick, head, cut));
    prop_oneof![1 => requests, 1 => others]
}

/// Generates frames that are mostly valid.
pub(super) fn frame_step() -> impl Strategy<Value = Step> {
    fn known(
        kind: u8,
        flags: impl Strategy<Value = u8>,
        pick: impl Strategy<Value = Pick>,
        payload: impl Strategy<Value = Vec<u8>>,
    ) -> impl Strategy<Value = Step> {
        (flags, pick, payload)
            .prop_map(move |(flags, pick, payload)| Step::Frame(kind, flags, pick, payload))
    }
    let flags = || prop_oneof![30 => Just(0), 10 => Just(1), 1 => any::<u8>()];
    let word = || {
        prop_oneof![50 => 1u32..200, 1 => select(vec![0, 0x7fff_ffff]), 1 => any::<u32>()]
            .prop_map(|word| word.to_be_bytes().to_vec())
    };
    let setting = prop_oneof![
        10 => (Just(4u16), 0u32..2_000),
        10 => (select(vec![1u16, 3, 6, 9]), 0u32..5_000),
        1 => (0u16..9, any::<u32>()),
    ];
    let entries = vec(setting, 0..3).prop_map(|entries| settings(&entries));
    let data = prop_oneof![
        vec(any::<u8>(), 0..120),
        // The payload is valid with and without the flag PADDED.
        (0usize..9).prop_map(|pad| [vec![pad as u8; 1], vec![0; pad + 3]].concat()),
    ];
    let padded = prop_oneof![30 => Just(0), 6 => Just(1), 1 => Just(8)];
    prop_oneof![
        30 => known(kind::DATA, padded, stream(), data),
        3 => known(kind::RST_STREAM, flags(), stream(), word()),
        10 => known(kind::WINDOW_UPDATE, flags(), stream(), word()),
        10 => known(kind::WINDOW_UPDATE, flags(), connection(), word()),
        3 => known(kind::SETTINGS, prop_oneof![50 => Just(0), 1 => Just(1)], connection(), entries),
        3 => known(kind::PING, flags(), connection(), Just(b"draining".to_vec())),
        1 => known(kind::GOAWAY, flags(), connection(), vec(0u8..9, 8..20)),
        1 => known(kind::PRIORITY, flags(), stream(), vec(any::<u8>(), 5..6)),
        1 => (10u8.., any::<u8>(), stream(), vec(any::<u8>(), 0..30))
            .prop_map(|(kind, flags, pick, payload)| Step::Frame(kind, flags, pick, payload)),
    ]
}

fn application_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Open),
        3 => (used(), proptest::bool::weighted(0.2)).prop_map(|(pick, end)| Step::Respond(pick, end)),
        6 => (used(), 0..600usize, proptest::bool::weighted(0.2))
            .prop_map(|(pick, length, end)| Step::Send(pick, length, end)),
        2 => used().prop_map(Step::Trailers),
        1 => used().prop_map(Step::Reset),
        4 => (used(), 0..400usize).prop_map(|(pick, bytes)| Step::Release(pick, bytes)),
        5 => prop_oneof![Just(usize::MAX), 0..500usize].prop_map(Step::Write),
        1 => Just(Step::Ping),
    ]
}

/// Generates steps that end a connection sooner or later.
fn mistake() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..5).prop_map(Step::Wait),
        any::<u32>().prop_map(Step::Back),
        Just(Step::Drain),
        Just(Step::GoAway),
        vec(any::<u8>(), 1..4).prop_map(Step::Bytes),
        (any::<u8>(), any::<u8>(), stream(), vec(any::<u8>(), 0..30))
            .prop_map(|(kind, flags, pick, payload)| Step::Frame(kind, flags, pick, payload)),
    ]
}
