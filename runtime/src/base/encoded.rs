//! The bytes of a message.

use bytes::{Buf, Bytes};

/// The bytes of one message, borrowed from a buffer that may hold more messages.
///
/// This type implements [`Buf`]. Its `copy_to_bytes` returns [`Bytes`] that share the memory of the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    buffer: &'a Bytes,
    /// The unread part of the buffer.
    rest: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Returns the message in the first `length` bytes of the buffer.
    pub(crate) fn front(buffer: &'a Bytes, length: usize) -> Encoded<'a> {
        let rest = buffer.get(..length).unwrap_or(buffer);
        Encoded { buffer, rest }
    }

    /// Returns the bytes that have not been read.
    pub fn into_bytes(self) -> Bytes {
        self.buffer.slice_ref(self.rest)
    }
}

/// Borrows a buffer that holds exactly one message.
impl<'a> From<&'a Bytes> for Encoded<'a> {
    fn from(buffer: &'a Bytes) -> Encoded<'a> {
        Encoded {
            buffer,
            rest: buffer,
        }
    }
}

impl Buf for Encoded<'_> {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        self.buffer.slice_ref(taken)
    }
}
