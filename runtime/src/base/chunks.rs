//! A queue of bytes, in the pieces in which they came.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// A piece below this size that has to wait is copied to the ones before it: many small pieces would each keep the whole
/// buffer alive in which a connection read them.
const SMALL: usize = 4 * 1024;

/// Bytes in the order of their coming. The first piece needs no allocation, and as a rule it is the only one: a call has several of
/// these, and they are moved about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    /// Empty only if all is.
    first: Bytes,
    more: Option<Box<More>>,
    len: usize,
    /// How many bytes at the end were not set aside. Taking bytes off the front leaves it as it is, so it may be more than there are.
    fresh: usize,
}

/// What is behind the first piece.
#[derive(Clone, Debug, Default)]
struct More {
    pieces: VecDeque<Bytes>,
    /// Small pieces behind the others, packed.
    tail: BytesMut,
}

impl Chunks {
    /// Puts a piece at the end.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.fresh = self.fresh.min(self.len) + chunk.len();
        self.len += chunk.len();
        if self.first.is_empty() {
            self.first = chunk;
        } else {
            self.more.get_or_insert_default().push(chunk);
        }
    }

    /// Takes up to `most` bytes off the front, out of one piece; none when there are none.
    pub(crate) fn take(&mut self, most: usize) -> Bytes {
        let taken = self.first.split_to(most.min(self.first.len()));
        self.used(taken.len());
        taken
    }

    /// The piece at the front; it is empty only if nothing is there.
    pub(crate) fn front(&self) -> &Bytes {
        &self.first
    }

    /// Skips so many bytes of the piece at the front, or all of it.
    pub(crate) fn skip(&mut self, count: usize) {
        let count = count.min(self.first.len());
        self.first.advance(count);
        self.used(count);
    }

    /// Takes everything that `other` has, behind what is here.
    #[cfg(feature = "client")]
    pub(crate) fn append(&mut self, other: &mut Chunks) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        while !other.is_empty() {
            self.push(other.take(usize::MAX));
        }
    }

    /// Takes a piece off the front of `other`, behind what is here.
    pub(crate) fn take_piece(&mut self, other: &mut Chunks) {
        if self.is_empty() && other.more.is_none() {
            std::mem::swap(self, other);
        } else {
            self.push(other.take(usize::MAX));
        }
    }

    /// Copies what lies in the buffers that a connection reads into to ones of its own, which are no larger: a piece may be a small
    /// part of what it keeps alive.
    pub(crate) fn set_aside(&mut self) {
        let new = self.fresh.min(self.len);
        if new == 0 {
            return;
        }
        let mut old = std::mem::take(self);
        let mut left = old.len - new;
        while left > 0 {
            let piece = old.take(left);
            left -= piece.len();
            self.push_whole(piece);
        }
        let mut copy = BytesMut::with_capacity(new);
        while !old.is_empty() {
            copy.extend_from_slice(&old.take(usize::MAX));
        }
        self.push_whole(copy.freeze());
        self.fresh = 0;
    }

    /// Puts a piece at the end, however small it is.
    fn push_whole(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if self.first.is_empty() {
            self.first = chunk;
        } else {
            self.more.get_or_insert_default().pieces.push_back(chunk);
        }
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

    /// So many bytes of the first piece are gone; behind its last comes the next piece.
    #[inline]
    fn used(&mut self, count: usize) {
        self.len -= count;
        if self.first.is_empty() && self.len > 0 {
            self.bring_next();
        }
    }

    #[cold]
    fn bring_next(&mut self) {
        self.first = self
            .more
            .as_mut()
            .map(|more| more.pop())
            .unwrap_or_default();
    }
}

impl More {
    fn push(&mut self, chunk: Bytes) {
        if chunk.len() < SMALL {
            self.tail.extend_from_slice(&chunk);
            return;
        }
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.pieces.push_back(chunk);
    }

    fn pop(&mut self) -> Bytes {
        match self.pieces.pop_front() {
            Some(chunk) => chunk,
            None => self.tail.split().freeze(),
        }
    }
}

impl From<Bytes> for Chunks {
    fn from(first: Bytes) -> Chunks {
        Chunks {
            len: first.len(),
            fresh: first.len(),
            first,
            ..Chunks::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_set_aside_once() {
        let mut chunks = Chunks::default();
        chunks.push(Bytes::from(vec![1; 5_000]));
        chunks.set_aside();
        let first = chunks.front().as_ptr();
        let second = Bytes::from(vec![2; 5_000]);
        chunks.push(second.clone());
        // Fewer bytes are left than were not set aside when they came.
        assert_eq!(chunks.take(4_000).as_ptr(), first);
        chunks.set_aside();
        assert_eq!(chunks.take(usize::MAX).as_ptr(), first.wrapping_add(4_000));
        let copy = chunks.take(1_000);
        assert_eq!(copy, [2; 1_000][..]);
        assert_ne!(copy.as_ptr(), second.as_ptr());
        chunks.set_aside();
        assert_eq!(
            chunks.take(usize::MAX).as_ptr(),
            copy.as_ptr().wrapping_add(1_000)
        );
        chunks.push(second.clone());
        chunks.take(1_000);
        chunks.set_aside();
        let rest = chunks.take(usize::MAX);
        assert_eq!(rest, [2; 4_000][..]);
        assert_ne!(rest.as_ptr(), second.as_ptr().wrapping_add(1_000));
    }

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
            while let Some(front) = chunks.front().first_chunk::<5>() {
                out.extend_from_slice(front);
                chunks.skip(5);
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
