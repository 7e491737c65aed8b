//! A queue of bytes, in the pieces in which they came.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::codec::Encoded;

/// A piece below this size that has to wait is copied to the ones before it: many small pieces would each keep the whole
/// buffer alive in which a connection read them.
const SMALL: usize = 1024;

/// Bytes in the order of their coming. The first piece needs no allocation, and as a rule it is the only one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    first: Bytes,
    rest: VecDeque<Bytes>,
    /// Small pieces behind the rest, packed.
    tail: BytesMut,
    len: usize,
}

impl Chunks {
    /// Puts a piece at the end.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if self.first.is_empty() && self.rest.is_empty() && self.tail.is_empty() {
            self.first = chunk;
        } else if chunk.len() < SMALL {
            self.tail.extend_from_slice(&chunk);
        } else {
            if !self.tail.is_empty() {
                self.rest.push_back(self.tail.split().freeze());
            }
            self.rest.push_back(chunk);
        }
    }

    /// Takes up to `most` bytes off the front, out of one piece; none when there are none.
    pub(crate) fn take(&mut self, most: usize) -> Bytes {
        self.settle();
        let taken = self.first.split_to(most.min(self.first.len()));
        self.len -= taken.len();
        taken
    }

    /// Takes `N` bytes off the front, if one piece has them; unlike [`take`](Chunks::take) it leaves no second owner of the piece.
    pub(crate) fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.settle();
        let taken = *self.first.first_chunk()?;
        self.first.advance(N);
        self.len -= N;
        Some(taken)
    }

    /// Reads so many bytes at the front, which one piece has. What is left of them is skipped.
    pub(crate) fn read<T>(&mut self, length: usize, read: impl FnOnce(Encoded<'_>) -> T) -> T {
        self.settle();
        let behind = self.first.len().saturating_sub(length);
        self.len -= self.first.len() - behind;
        let value = read(Encoded::front(&mut self.first, length));
        self.first.advance(self.first.len() - behind);
        value
    }

    /// Takes everything that `other` has, behind what is here.
    pub(crate) fn append(&mut self, other: &mut Chunks) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        while !other.is_empty() {
            self.push(other.take(usize::MAX));
        }
    }

    /// How many bytes the front piece has.
    pub(crate) fn front_len(&mut self) -> usize {
        self.settle();
        self.first.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn clear(&mut self) {
        *self = Chunks::default();
    }

    /// Brings the next piece to the front when the front has been used up.
    fn settle(&mut self) {
        if self.first.is_empty() && self.len > 0 {
            self.first = match self.rest.pop_front() {
                Some(chunk) => chunk,
                None => self.tail.split().freeze(),
            };
        }
    }
}

impl From<Bytes> for Chunks {
    fn from(first: Bytes) -> Chunks {
        Chunks {
            len: first.len(),
            first,
            ..Chunks::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 0..8),
            takes in proptest::collection::vec(1_usize..4000, 0..20),
        ) {
            let mut chunks = Chunks::default();
            for piece in &pieces {
                chunks.push(Bytes::copy_from_slice(piece));
            }
            let mut out = Vec::new();
            while let Some(taken) = chunks.take_array::<5>() {
                out.extend_from_slice(&taken);
                if out.len() > 50 {
                    break;
                }
            }
            for most in takes.into_iter().chain(std::iter::repeat(usize::MAX)) {
                let before = chunks.len();
                let taken = chunks.take(most);
                prop_assert_eq!(before - taken.len(), chunks.len());
                prop_assert!(taken.len() <= most);
                out.extend_from_slice(&taken);
                if taken.is_empty() {
                    break;
                }
            }
            prop_assert!(chunks.is_empty());
            prop_assert_eq!(out, pieces.concat());
        }
    }
}
