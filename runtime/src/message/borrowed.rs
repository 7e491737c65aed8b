//! Borrowing of texts and bytes. A message whose content is borrowed must lie in one piece.

use std::str::from_utf8;

use super::error::Cause;
use super::{DecodeError, Reader};

/// How far beyond a text the bytes are searched for further texts.
const AHEAD: usize = 1024;

/// The number of bytes of a word.
const WORD: usize = 8;

/// The highest bit of each byte of a word, which is set in bytes that are not ASCII.
const HIGH: u64 = 0x8080_8080_8080_8080;

impl<'a> Reader<'a> {
    /// Reads bytes where they are.
    #[inline(always)]
    pub(super) fn borrowed_octets(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.length()?;
        match self.whole(length) {
            Some(bytes) => Ok(bytes),
            None => Err(self.error(Cause::Truncated)),
        }
    }

    /// Reads a text where it is.
    ///
    /// Most texts are short, and keys and lengths between them are ASCII too. So the bytes after a text are checked with it, and
    /// the texts in them are only cut out.
    #[inline(always)]
    pub(super) fn borrowed_text(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.borrowed_octets()?;
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.checked.as_ptr() as usize);
        match self.checked.get(start..start.wrapping_add(bytes.len())) {
            Some(text) => Ok(text),
            None => self.checked_text(bytes),
        }
    }

    /// Checks a text, together with the ASCII around it.
    #[inline(never)]
    fn checked_text(&mut self, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
        let (around, start) = self.around(bytes);
        let end = start + bytes.len();
        let after = around.get(end..).unwrap_or_default();
        let after = ascii_prefix(after.get(..AHEAD).unwrap_or(after));
        let all = around.get(..end + after).unwrap_or_default();
        let text = match from_utf8(all) {
            Ok(all) => {
                self.checked = all;
                all.get(start..end)
            }
            Err(_) => from_utf8(bytes).ok(),
        };
        text.ok_or_else(|| self.error(Cause::Utf8))
    }

    /// Returns the bytes of the current piece that begin with `text`, or with the whole word in memory in which it begins, if that
    /// is ASCII. (From there on, the standard library checks a text faster.) Also returns where the text begins in them.
    fn around(&self, text: &'a [u8]) -> (&'a [u8], usize) {
        let (piece, _) = self.piece();
        let start = (text.as_ptr() as usize).wrapping_sub(piece.as_ptr() as usize);
        let before = text.as_ptr() as usize % WORD;
        match piece.get(start.wrapping_sub(before)..) {
            Some(around) if around.first_chunk().is_some_and(is_ascii) => (around, before),
            _ => (piece.get(start..).unwrap_or(text), 0),
        }
    }
}

/// Returns whether all bytes of a word are ASCII.
#[inline(always)]
fn is_ascii(word: &[u8; WORD]) -> bool {
    u64::from_le_bytes(*word) & HIGH == 0
}

/// Returns the number of ASCII characters at the beginning.
fn ascii_prefix(bytes: &[u8]) -> usize {
    let mut length = 0;
    let mut words = bytes.chunks_exact(WORD);
    for chunk in &mut words {
        let mut word = [0; WORD];
        word.copy_from_slice(chunk);
        let high = u64::from_le_bytes(word) & HIGH;
        if high != 0 {
            return length + high.trailing_zeros() as usize / 8;
        }
        length += WORD;
    }
    let rest = words.remainder();
    length + rest.iter().take_while(|byte| byte.is_ascii()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ascii_prefix_ends_before_the_first_other_byte() {
        for length in 0..40 {
            let mut bytes = vec![b'a'; length];
            assert_eq!(ascii_prefix(&bytes), length);
            for other in 0..length {
                bytes[other] = 0x80;
                assert_eq!(ascii_prefix(&bytes), other);
                bytes[other] = 0x7f;
            }
        }
    }

    #[test]
    fn a_text_is_borrowed_whatever_is_around_it() {
        // Each text with its length. The bytes between are no UTF-8.
        let texts = ["", "a", "gr\u{fc}n", "abc", "\u{1f980}", "x"];
        let mut bytes = Vec::new();
        for text in texts.iter().cycle().take(60) {
            bytes.push(text.len() as u8);
            bytes.extend(text.as_bytes());
            bytes.extend([0xff, 7]);
        }
        let mut reader = Reader::new(&bytes);
        for text in texts.iter().cycle().take(60) {
            assert_eq!(reader.borrowed_text().unwrap(), *text);
            reader.array::<2>().unwrap();
        }
        assert!(reader.is_at_end());
        let mut reader = Reader::new(b"\x01a\x02a\xff\x01b");
        assert_eq!(reader.borrowed_text().unwrap(), "a");
        assert!(reader.borrowed_text().is_err());
    }
}
