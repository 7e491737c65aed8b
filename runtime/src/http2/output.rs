//! What waits to be written.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Payloads up to this many bytes are copied: cheaper than one more slice to write.
const COPIED: usize = 4_096;
/// An empty output gives back a buffer that is larger than this.
const KEPT: usize = 16_384;

/// What waits to be written: small frames packed in one tail buffer that is reused, and between them the large payloads, each a
/// segment that is not copied.
#[derive(Default, Debug)]
pub(crate) struct Output {
    tail: BytesMut,
    segments: VecDeque<Segment>,
    /// How much of `tail` comes before the last segment.
    claimed: usize,
    /// The bytes of all segments.
    payloads: usize,
    /// The bytes that were ever written.
    written: u64,
}

#[derive(Debug)]
struct Segment {
    /// How many bytes of the tail come before this, after the segment before.
    before: usize,
    payload: Bytes,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.tail.len() + self.payloads
    }

    /// Fills `slices` from the front with what waits, as far as they go. Returns how many are filled.
    pub(crate) fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut rest: &[u8] = &self.tail;
        let pieces = self
            .segments
            .iter()
            .flat_map(|segment| {
                let (before, after) = rest.split_at(segment.before);
                rest = after;
                [before, &segment.payload]
            })
            .filter(|piece| !piece.is_empty());
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        let last = &self.tail[self.claimed..];
        if let (Some(slice), false) = (slices.get_mut(filled), last.is_empty()) {
            *slice = IoSlice::new(last);
            filled += 1;
        }
        filled
    }

    /// The first `written` bytes have been written.
    pub(crate) fn advance(&mut self, written: usize) {
        let mut left = written.min(self.len());
        self.written += left as u64;
        while let (Some(front), true) = (self.segments.front_mut(), left > 0) {
            let small = left.min(front.before);
            front.before -= small;
            self.claimed -= small;
            self.tail.advance(small);
            let large = (left - small).min(front.payload.len());
            front.payload.advance(large);
            self.payloads -= large;
            left -= small + large;
            if front.before == 0 && front.payload.is_empty() {
                self.segments.pop_front();
            }
        }
        self.tail.advance(left);
        if self.is_empty() && self.tail.capacity() > KEPT {
            self.tail = BytesMut::new();
        }
    }

    /// Where small frames are appended.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Appends a payload, or a part of one, whose frame header is in the tail.
    pub(super) fn push(&mut self, payload: Bytes) {
        if payload.len() <= COPIED {
            self.tail.extend_from_slice(&payload);
            return;
        }
        let before = self.tail.len() - self.claimed;
        self.claimed = self.tail.len();
        self.payloads += payload.len();
        self.segments.push_back(Segment { before, payload });
    }

    /// The bytes that were ever written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The bytes that were ever appended.
    pub(super) fn end(&self) -> u64 {
        self.written + self.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(output: &Output, limit: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); limit];
        let filled = output.io_slices(&mut slices);
        slices[..filled]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect()
    }

    /// Small and large pieces by turns, written in steps of `step`, come out in order.
    fn round_trip(step: usize) {
        let mut output = Output::default();
        let mut expected = Vec::new();
        for (i, length) in [3, 5_000, 9, 9, 4_096, 4_097, 10_000, 1].iter().enumerate() {
            let piece = vec![i as u8; *length];
            output.push(Bytes::from(piece.clone()));
            expected.extend_from_slice(&piece);
        }
        assert_eq!(output.len(), expected.len());
        assert_eq!(collect(&output, 16), expected);
        assert_eq!(output.end(), expected.len() as u64);
        let mut found = Vec::new();
        while !output.is_empty() {
            let next = collect(&output, 1);
            let written = next.len().min(step);
            found.extend_from_slice(&next[..written]);
            output.advance(written);
        }
        assert_eq!(found, expected);
        assert_eq!(output.written(), expected.len() as u64);
        output.advance(1);
        assert_eq!(collect(&output, 4), b"");
    }

    #[test]
    fn pieces_keep_their_order() {
        for step in [1, 7, 4_096, 100_000] {
            round_trip(step);
        }
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let mut output = Output::default();
        for _ in 0..10 {
            output.push(Bytes::from(vec![0; 4_000]));
        }
        output.advance(40_000);
        assert_eq!(output.tail.capacity(), 0);
    }
}
