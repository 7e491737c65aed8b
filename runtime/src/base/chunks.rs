//! A queue of bytes, kept in the pieces in which they arrived.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// The size in bytes below which pieces are copied together if they have to wait. Otherwise each small piece would keep the whole
/// read buffer of its connection alive.
const SMALL: usize = 4 * 1024;

/// A queue of bytes. The first piece needs no allocation, and usually it is the only one. This keeps the type small: each call
/// has several of them, and they are moved often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    /// Empty only if the whole queue is empty.
    first: Bytes,
    more: Option<Box<More>>,
    len: usize,
    /// The number of bytes at the end of the queue that may still be in read buffers. [`take`](Chunks::take) doesn't lower it, so
    /// it may exceed `len`.
    fresh: usize,
}

/// The pieces after the first.
#[derive(Clone, Debug, Default)]
struct More {
    pieces: VecDeque<Bytes>,
    /// Small pieces after the others, copied together.
    tail: BytesMut,
}

impl Chunks {
    /// Appends a piece.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.fresh = self.fresh.min(self.len) + chunk.len();
        self.len += chunk.len();
        if self.first.is_empty() {
            self.first = chunk;
        } else {
            self.more.get_or_insert_default().push(chunk);
        }
    }

    /// Removes and returns up to `most` bytes from the first piece. Returns no bytes if the queue is empty.
    pub(crate) fn take(&mut self, most: usize) -> Bytes {
        let taken = self.first.split_to(most.min(self.first.len()));
        self.used(taken.len());
        taken
    }

    /// Returns the first piece, which is empty only if the queue is.
    pub(crate) fn front(&self) -> &Bytes {
        &self.first
    }

    /// Removes up to `count` bytes from the first piece.
    pub(crate) fn skip(&mut self, count: usize) {
        let count = count.min(self.first.len());
        self.first.advance(count);
        self.used(count);
    }

    /// Moves everything from `other` to the end of this queue.
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

    /// Moves the first piece of `other` to the end of this queue.
    pub(crate) fn take_piece(&mut self, other: &mut Chunks) {
        if self.is_empty() && other.more.is_none() {
            std::mem::swap(self, other);
        } else {
            self.push(other.take(usize::MAX));
        }
    }

    /// Copies bytes out of the read buffers of connections, into a buffer of their exact size. Otherwise a small piece may keep a
    /// whole read buffer alive.
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

    /// Appends a piece without copying it, however small it is.
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

    /// Accounts for `count` bytes that were removed from the first piece, and replaces that piece once it is empty.
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
        // Fewer bytes are left than the count of bytes in read buffers.
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
