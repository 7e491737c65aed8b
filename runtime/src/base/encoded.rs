//! The bytes of a message.

use bytes::{Buf, Bytes};

use crate::message::{MEMORY, Reader};

/// The bytes of one message, borrowed from a buffer that may hold more messages.
///
/// This type implements [`Buf`]. Its `copy_to_bytes` returns [`Bytes`] that share the memory of the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    buffer: &'a Bytes,
    /// The unread part of the buffer.
    rest: &'a [u8],
    /// The maximum memory of the decoded message, in bytes.
    memory: usize,
}

impl<'a> Encoded<'a> {
    /// Returns the message in the first `length` bytes of the buffer.
    pub(crate) fn front(buffer: &'a Bytes, length: usize) -> Encoded<'a> {
        let rest = buffer.get(..length).unwrap_or(buffer);
        Encoded {
            buffer,
            rest,
            memory: MEMORY,
        }
    }

    /// Sets the maximum memory of the decoded message, in bytes. The default is 32 MiB.
    pub(crate) fn memory(self, memory: usize) -> Encoded<'a> {
        Encoded { memory, ..self }
    }

    /// Returns the maximum memory of the decoded message, in bytes.
    pub(super) fn max_memory(&self) -> usize {
        self.memory
    }

    /// Returns a reader of the message.
    pub(crate) fn reader(self) -> Reader<'a> {
        Reader::shared(self.rest, self.buffer).memory(self.memory)
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
            memory: MEMORY,
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
