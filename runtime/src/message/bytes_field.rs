//! Reading of texts and bytes.

use bytes::{Buf, Bytes};
#[cfg(feature = "shared-strings")]
use bytestring::ByteString;

use super::error::Cause;
use super::{DecodeError, Reader};

impl Reader<'_> {
    /// Reads a text. What `into` holds is replaced.
    #[inline(never)]
    pub(super) fn text(&mut self, into: &mut String) -> Result<(), DecodeError> {
        let length = self.length()?;
        self.charge(length)?;
        let Some(bytes) = self.whole(length) else {
            return self.split_text(length, into);
        };
        // The copy is checked and not the original, because the check is faster on aligned memory.
        match String::from_utf8(bytes.to_vec()) {
            Ok(text) => {
                *into = text;
                Ok(())
            }
            Err(_) => Err(self.error(Cause::Utf8)),
        }
    }

    /// Reads a text that lies in several pieces.
    #[cold]
    fn split_text(&mut self, length: usize, into: &mut String) -> Result<(), DecodeError> {
        let mut bytes = Vec::with_capacity(length);
        self.copy(length, &mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) => {
                *into = text;
                Ok(())
            }
            Err(_) => Err(self.error(Cause::Utf8)),
        }
    }

    /// Reads bytes. What `into` holds is replaced.
    #[inline(never)]
    pub(super) fn octets(&mut self, into: &mut Vec<u8>) -> Result<(), DecodeError> {
        let length = self.length()?;
        self.charge(length)?;
        into.clear();
        into.reserve_exact(length);
        self.copy(length, into)
    }

    /// Reads bytes, which share the memory of the message if that is possible.
    pub(super) fn shared_octets(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.length()?;
        self.buffer_of(length)
    }

    /// Copies the next `length` bytes from all pieces in which they lie.
    pub(super) fn copy(
        &mut self,
        mut length: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        while length > 0 {
            let part = self.part(length);
            if part.is_empty() {
                return Err(self.error(Cause::Truncated));
            }
            into.extend_from_slice(part);
            length -= part.len();
        }
        Ok(())
    }

    /// Returns the next `length` bytes as a buffer that outlives the reader.
    #[inline]
    pub(super) fn buffer_of(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        match self.slice(length)? {
            Some(bytes) => Ok(bytes),
            None => self.copied(length),
        }
    }

    /// Copies the next `length` bytes to a buffer.
    #[cold]
    #[inline(never)]
    fn copied(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        self.charge(length)?;
        let mut bytes = Vec::with_capacity(length);
        self.copy(length, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reads a text, which shares the memory of the message if that is possible.
#[cfg(feature = "shared-strings")]
impl Reader<'_> {
    pub(super) fn shared_text(&mut self) -> Result<ByteString, DecodeError> {
        let bytes = self.shared_octets()?;
        ByteString::try_from(bytes).map_err(|_| self.error(Cause::Utf8))
    }
}

/// Returns all bytes of a buffer in one piece.
pub(super) fn drain(buffer: &mut impl Buf) -> Bytes {
    buffer.copy_to_bytes(buffer.remaining())
}
