//! Target `messages`: gRPC's framing of messages.

use bytes::Bytes;

use super::input::Input;
use crate::base::Chunks;
use crate::base::framing::{Deframer, PREFIX};
use crate::{Code, Result};

/// Checks that messages do not depend on how their bytes are split, and that an invalid message is exactly one error.
///
/// The first byte selects the limit, 255 being a large one. The next byte has the number of cuts, which follow it.
/// The rest are the bytes of the messages.
pub fn messages(input: &[u8]) {
    let mut input = Input::new(input);
    let limit = match input.byte() {
        255 => 100_000,
        limit => limit.into(),
    };
    let cuts = input.string();
    let wire = input.rest();
    let expected = reference(wire, limit);
    let (messages, end) = read(cut(wire, cuts), limit);
    assert_eq!(messages, expected.0);
    match (end, expected.1) {
        (Ok(at_boundary), Ok(expected)) => assert_eq!(at_boundary, expected),
        (Err(status), Err(code)) => assert_eq!(status.code(), code),
        (end, expected) => panic!("{end:?} in place of {expected:?}"),
    }
}

/// A second decoder of the bytes (gRPC over HTTP/2, "Length-Prefixed-Message"). Returns the messages, and whether the
/// bytes end with a whole one.
fn reference(mut wire: &[u8], limit: usize) -> (Vec<&[u8]>, Result<bool, Code>) {
    let mut messages = Vec::new();
    while let Some((prefix, rest)) = wire.split_first_chunk::<PREFIX>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        if prefix[0] > 0 {
            return (messages, Err(Code::Internal));
        }
        if length > limit {
            return (messages, Err(Code::ResourceExhausted));
        }
        let Some((message, rest)) = rest.split_at_checked(length) else {
            break;
        };
        messages.push(message);
        wire = rest;
    }
    (messages, Ok(wire.is_empty()))
}

/// Splits bytes into pieces with the lengths in `cuts`. A length of 200 or more counts in kilobytes.
fn cut<'a>(mut wire: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &cut in cuts {
        let cut = match usize::from(cut) {
            cut @ 200.. => (cut - 199) * 1_024,
            cut => cut,
        };
        let (piece, rest) = wire.split_at(cut.min(wire.len()));
        pieces.push(piece);
        wire = rest;
    }
    pieces.push(wire);
    pieces
}

/// Decodes pieces. Every second piece arrives before the previous ones are read.
fn read(pieces: Vec<&[u8]>, limit: usize) -> (Vec<Bytes>, Result<bool>) {
    let mut deframer = Deframer::default();
    let mut chunks = Chunks::default();
    let mut messages = Vec::new();
    let last = pieces.len() - 1;
    for (i, piece) in pieces.into_iter().enumerate() {
        chunks.push(Bytes::copy_from_slice(piece));
        if i % 2 == 0 && i < last {
            continue;
        }
        loop {
            match deframer.next(&mut chunks, limit) {
                Ok(Some(message)) => messages.push(message.take(&mut chunks)),
                Ok(None) => break,
                Err(status) => return (messages, Err(status)),
            }
        }
        assert!(chunks.is_empty(), "bytes are left");
    }
    (messages, Ok(deframer.is_at_boundary()))
}
