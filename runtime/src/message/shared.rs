//! Memory that fields share with the bytes of a message.

use bytes::Bytes;

use super::{DecodeError, Reader};

/// The size of the buffers that connections read into, in bytes. A buffer of which only a part is known counts as one of them.
pub(crate) const BUFFER: usize = 64 << 10;

/// What fields share the memory of. This is decided at the first such field of each piece.
#[derive(Debug)]
pub(super) enum Shared<'a> {
    /// Nothing: the piece does not lie in a shared buffer.
    Nothing,
    /// The buffer in which the piece lies, or a copy.
    Undecided(&'a Bytes),
    /// The rest of the piece, in its buffer or copied, and the address of its first byte in the piece.
    Rest(Bytes, usize),
}

impl<'a> Reader<'a> {
    /// Returns the next `length` bytes as a part of a buffer that outlives the reader. Returns `None` if there is none.
    ///
    /// A field that is kept keeps its whole buffer. So the rest of a message that takes less than a quarter of its buffer is copied
    /// to a buffer of its own, once.
    #[inline]
    pub(super) fn slice(&mut self, length: usize) -> Result<Option<Bytes>, DecodeError> {
        if length == 0 {
            return Ok(Some(Bytes::new()));
        }
        match self.shared {
            Shared::Nothing => return Ok(None),
            Shared::Undecided(buffer) => self.decide(buffer)?,
            Shared::Rest(..) => {}
        }
        let Some(bytes) = self.whole(length) else {
            return Ok(None);
        };
        let Shared::Rest(rest, start) = &self.shared else {
            return Ok(None);
        };
        let at = bytes.as_ptr() as usize - start;
        Ok(Some(rest.slice(at..at + length)))
    }

    #[cold]
    fn decide(&mut self, buffer: &'a Bytes) -> Result<(), DecodeError> {
        let (piece, rest) = self.piece();
        let shared = if piece.len() >= buffer.len().max(BUFFER) / 4 {
            buffer.slice_ref(rest)
        } else {
            self.charge(rest.len())?;
            Bytes::copy_from_slice(rest)
        };
        self.shared = Shared::Rest(shared, rest.as_ptr() as usize);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::kind::Octets;

    /// Reads all fields of a message.
    fn fields(mut from: Reader<'_>) -> Vec<Bytes> {
        let mut fields = Vec::new();
        while from.key().unwrap() != 0 {
            fields.push(from.new_value(Octets).unwrap());
        }
        fields
    }

    #[test]
    fn fields_are_read_across_pieces() {
        let bytes = b"\x0a\x03abc\x0a\x00\x0a\x05defgh\x0a\x01i";
        let expected = ["abc", "", "defgh", "i"];
        for cut in 0..bytes.len() {
            let first = Bytes::copy_from_slice(&bytes[..cut]);
            let more = [Bytes::copy_from_slice(&bytes[cut..])];
            let from = Reader::shared(&first, &first).followed_by(&more, bytes.len() - cut);
            assert_eq!(fields(from), expected, "{cut}");
        }
        // Bytes without a shared buffer are copied.
        assert_eq!(fields(Reader::new(bytes)), expected);
    }

    #[test]
    fn a_quarter_of_a_buffer_is_not_copied() {
        let mut bytes = b"\x0a\x03abc".repeat(BUFFER / 5);
        bytes.resize(BUFFER, 0);
        let buffer = Bytes::from(bytes);
        for (length, lies) in [(BUFFER / 4 - 4, false), (BUFFER / 4 + 1, true)] {
            let length = length - length % 5;
            let fields = fields(Reader::shared(&buffer[..length], &buffer));
            assert_eq!(fields.len(), length / 5);
            for field in &fields {
                assert_eq!(field, "abc");
                assert_eq!(buffer.as_ptr_range().contains(&field.as_ptr()), lies);
            }
        }
    }

    #[test]
    fn the_copy_counts_against_the_limit_of_memory() {
        let buffer = Bytes::from_static(b"\x0a\x03abc\x0a\x03def");
        let read = |limit| {
            let mut from = Reader::shared(&buffer, &buffer).memory(limit);
            from.key()?;
            from.new_value::<Bytes, _>(Octets)
        };
        // The key and the length of the first field are not copied.
        assert_eq!(read(8).unwrap(), "abc");
        assert!(read(7).unwrap_err().is_over_budget());
    }
}
