//! Generates calls as frames, in all the ways in which a client may write them.

use proptest::prelude::*;
use stubwright_tests::pb::probe::v1::Request;

use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY, SETTINGS,
    WINDOW_UPDATE, frame, literals,
};
use crate::wire::framed;

/// Flag of a HEADERS frame that begins with a priority.
const WITH_PRIORITY: u8 = 0x20;

/// The head of a valid call.
pub const HEAD: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/probe.v1.Probe/Unary"),
    (":authority", "probe.test"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
];

/// A call as frames.
#[derive(Clone, Debug)]
pub struct Script {
    payload: Vec<u8>,
    extra: Vec<String>,
    /// Positions at which the header block and the body are split.
    head_cuts: Vec<usize>,
    body_cuts: Vec<usize>,
    padding: Option<u8>,
    priority: bool,
    ending: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    WithData,
    EmptyData,
    Trailers,
}

pub fn any_script() -> impl Strategy<Value = Script> {
    (
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec("[ -~]{0,40}", 0..4),
        prop::collection::vec(0..200_usize, 0..4),
        prop::collection::vec(0..300_usize, 0..6),
        prop::option::of(0..40_u8),
        any::<bool>(),
        prop_oneof![
            Just(Ending::WithData),
            Just(Ending::EmptyData),
            Just(Ending::Trailers)
        ],
    )
        .prop_map(
            |(payload, extra, head_cuts, body_cuts, padding, priority, ending)| Script {
                payload,
                extra,
                head_cuts,
                body_cuts,
                padding,
                priority,
                ending,
            },
        )
}

/// Generates a frame that belongs to no call.
pub fn any_noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<[u8; 8]>().prop_map(|payload| frame(PING, 0, 0, &payload)),
        (0..5000_u32).prop_map(|size| frame(SETTINGS, 0, 0, &setting(1, size))),
        (10_000..1_000_000_u32).prop_map(|size| frame(SETTINGS, 0, 0, &setting(4, size))),
        (1..1_000_000_u32).prop_map(|more| frame(WINDOW_UPDATE, 0, 0, &more.to_be_bytes())),
        any::<u8>().prop_map(|weight| frame(PRIORITY, 0, 1, &[0, 0, 0, 0, weight])),
        (20..255_u8, prop::collection::vec(any::<u8>(), 0..50))
            .prop_map(|(kind, payload)| frame(kind, 0xff, 0, &payload)),
    ]
}

/// Encodes an entry of SETTINGS.
pub fn setting(name: u16, value: u32) -> Vec<u8> {
    [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// Splits bytes at these positions.
fn pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        pieces.push(bytes[start..cut].to_vec());
        start = cut;
    }
    pieces
}

impl Script {
    /// Returns the frames of the call. Those of the head must stay together.
    fn frames(&self, stream: u32) -> Vec<Vec<u8>> {
        let names: Vec<String> = (0..self.extra.len()).map(|n| format!("x-{n}")).collect();
        let extra = names.iter().zip(&self.extra);
        let mut fields = HEAD.to_vec();
        fields.extend(extra.map(|(name, value)| (&**name, value.trim())));
        let mut head = Vec::new();
        let blocks = pieces(&literals(&fields), &self.head_cuts);
        for (index, block) in blocks.iter().enumerate() {
            let mut flags = if index + 1 == blocks.len() {
                END_HEADERS
            } else {
                0
            };
            let (mut kind, mut payload) = (CONTINUATION, block.clone());
            if index == 0 {
                kind = HEADERS;
                if self.priority {
                    flags |= WITH_PRIORITY;
                    payload = [&[0, 0, 0, 0, 15], &*payload].concat();
                }
                (payload, flags) = self.pad(payload, flags);
            }
            head.extend(frame(kind, flags, stream, &payload));
        }
        let mut frames = vec![head];
        let request = Request {
            payload: self.payload.clone(),
            ..Request::default()
        };
        let parts = pieces(&framed(&request), &self.body_cuts);
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len() && matches!(self.ending, Ending::WithData);
            let flags = if is_last { END_STREAM } else { 0 };
            let (payload, flags) = self.pad(part.clone(), flags);
            frames.push(frame(DATA, flags, stream, &payload));
        }
        match self.ending {
            Ending::WithData => {}
            Ending::EmptyData => frames.push(frame(DATA, END_STREAM, stream, &[])),
            Ending::Trailers => {
                let trailers = literals(&[("x-trailer", "yes")]);
                let flags = END_STREAM | END_HEADERS;
                frames.push(frame(HEADERS, flags, stream, &trailers));
            }
        }
        frames
    }

    fn pad(&self, payload: Vec<u8>, flags: u8) -> (Vec<u8>, u8) {
        match self.padding {
            None => (payload, flags),
            Some(padding) => {
                let mut padded = vec![padding];
                padded.extend(payload);
                padded.resize(padded.len() + usize::from(padding), 0);
                (padded, flags | PADDED)
            }
        }
    }
}

/// Merges the frames of several calls and noise, in the order of `picks`. Streams are opened in numerical order.
pub fn mixed(scripts: &[Script], noise: &[Vec<u8>], picks: &[usize]) -> Vec<u8> {
    let numbered = (0_u32..).zip(scripts);
    let mut calls: Vec<_> = numbered
        .map(|(index, script)| script.frames(2 * index + 1).into_iter())
        .collect();
    let mut noise = noise.iter();
    let mut bytes = Vec::new();
    // The number of calls that have been opened.
    let mut open = 0;
    for pick in picks.iter().copied().cycle() {
        if calls.iter().all(|call| call.len() == 0) {
            break;
        }
        if pick % 3 == 0 {
            bytes.extend(noise.next().into_iter().flatten());
        }
        let left: Vec<usize> = (0..open).filter(|&index| calls[index].len() > 0).collect();
        // Pick an open call, or the next one.
        let mut pick = pick % (left.len() + usize::from(open < calls.len()));
        if pick == left.len() {
            open += 1;
            pick = open - 1;
        } else {
            pick = left[pick];
        }
        bytes.extend(calls[pick].next().into_iter().flatten());
    }
    bytes
}
