//! The output of a connection.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Payloads of up to this many bytes are copied, which is cheaper than writing one more slice.
const COPIED: usize = 4_096;
/// The largest buffer that an empty output keeps, in bytes.
const KEPT: usize = 16_384;

/// The bytes that wait to be written. Small frames are packed in a tail buffer that is reused. Large payloads are segments
/// between them, which are not copied.
#[derive(Default, Debug)]
pub(crate) struct Output {
    tail: BytesMut,
    segments: VecDeque<Segment>,
    /// The number of bytes in `tail` before the last segment.
    claimed: usize,
    /// The number of bytes in all segments.
    payloads: usize,
    /// The number of bytes that have been written since the connection began.
    written: u64,
}

#[derive(Debug)]
struct Segment {
    /// The number of bytes in the tail between the previous segment and this one.
    before: usize,
    payload: Bytes,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.tail.len() + self.payloads
    }

    /// Fills `slices` with the bytes that wait, from the front. Returns the number of slices that were filled.
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

    /// Removes the first `written` bytes, which have been written.
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

    /// Returns the buffer to which small frames are appended.
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

    /// Returns the number of bytes that have been written since the connection began.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Returns the number of bytes that have been appended since the connection began.
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

    /// Checks that small and large pieces, written in steps of `step` bytes, keep their order.
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
