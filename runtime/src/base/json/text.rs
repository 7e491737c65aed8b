//! JSON text while it is written.

use std::string::FromUtf8Error;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::ser::{CompactFormatter, Formatter};

use super::plain::plain;

/// JSON text on one line, or with a line for each value.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    is_pretty: bool,
    depth: usize,
}

impl Text {
    /// Creates an empty text, with room for a message of so many bytes.
    pub(super) fn new(is_pretty: bool, length: usize) -> Text {
        Text {
            bytes: Vec::with_capacity(length.saturating_mul(2)),
            is_pretty,
            depth: 0,
        }
    }

    /// Begins a list or an object.
    pub(super) fn open(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.depth += 1;
    }

    /// Ends a list or an object.
    pub(super) fn close(&mut self, byte: u8) {
        self.depth -= 1;
        if !self.is_first() {
            self.line();
        }
        self.bytes.push(byte);
    }

    /// Begins the next value of a list, or the next name of an object.
    pub(super) fn next(&mut self) {
        if !self.is_first() {
            self.bytes.push(b',');
        }
        self.line();
    }

    /// Writes the next name of an object.
    pub(super) fn name(&mut self, name: &str) {
        self.next();
        self.string(name.as_bytes());
        self.colon();
    }

    /// Ends a name.
    pub(super) fn colon(&mut self) {
        self.bytes.push(b':');
        if self.is_pretty {
            self.bytes.push(b' ');
        }
    }

    /// Writes something that needs no quotes.
    pub(super) fn bare(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Writes a string that needs no escapes.
    pub(super) fn quoted(&mut self, text: &str) {
        self.bytes.push(b'"');
        self.bare(text);
        self.bytes.push(b'"');
    }

    /// Writes a string. Whether it is UTF-8 is found out when the text is complete.
    pub(super) fn string(&mut self, text: &[u8]) {
        self.bytes.push(b'"');
        let mut rest = text;
        while let Some(length) = plain(rest) {
            let (plain, special) = rest.split_at(length);
            self.bytes.extend_from_slice(plain);
            let Some((byte, after)) = special.split_first() else {
                break;
            };
            self.escape(*byte);
            rest = after;
        }
        self.bytes.extend_from_slice(rest);
        self.bytes.push(b'"');
    }

    #[cold]
    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            8 => b'b',
            9 => b't',
            10 => b'n',
            12 => b'f',
            13 => b'r',
            _ => {
                let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0') as u8;
                let digits = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)];
                self.bytes.extend_from_slice(&digits);
                return;
            }
        };
        self.bytes.extend_from_slice(&[b'\\', short]);
    }

    pub(super) fn signed(&mut self, number: i64) {
        // Writing to memory cannot fail, here and below.
        let _ = CompactFormatter.write_i64(&mut self.bytes, number);
    }

    pub(super) fn unsigned(&mut self, number: u64) {
        let _ = CompactFormatter.write_u64(&mut self.bytes, number);
    }

    /// Writes an integer as a string.
    pub(super) fn quoted_signed(&mut self, number: i64) {
        self.bytes.push(b'"');
        self.signed(number);
        self.bytes.push(b'"');
    }

    /// Writes an integer as a string.
    pub(super) fn quoted_unsigned(&mut self, number: u64) {
        self.bytes.push(b'"');
        self.unsigned(number);
        self.bytes.push(b'"');
    }

    pub(super) fn double(&mut self, number: f64) {
        match name(number) {
            Some(name) => self.quoted(name),
            None => drop(CompactFormatter.write_f64(&mut self.bytes, number)),
        }
    }

    pub(super) fn float(&mut self, number: f32) {
        match name(number.into()) {
            Some(name) => self.quoted(name),
            None => drop(CompactFormatter.write_f32(&mut self.bytes, number)),
        }
    }

    /// Writes bytes in base64.
    pub(super) fn base64(&mut self, bytes: &[u8]) {
        self.bytes.push(b'"');
        let start = self.bytes.len();
        let length = base64::encoded_len(bytes.len(), true).unwrap_or_default();
        self.bytes.resize(start + length, 0);
        let encoded = self.bytes.get_mut(start..).unwrap_or_default();
        // There is room for as much as is written.
        let _ = BASE64_STANDARD.encode_slice(bytes, encoded);
        self.bytes.push(b'"');
    }

    /// Returns the length in bytes.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Removes what was written since the text had this length. Lists and objects that were begun since must have ended.
    pub(super) fn back_to(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Returns the complete text.
    ///
    /// # Errors
    /// Fails if a string was not UTF-8.
    pub(super) fn finish(self) -> Result<String, FromUtf8Error> {
        String::from_utf8(self.bytes)
    }

    /// Returns whether nothing follows the byte that opened the list or object. A string or a number never ends with such a byte.
    fn is_first(&self) -> bool {
        matches!(self.bytes.last(), Some(b'{' | b'['))
    }

    fn line(&mut self) {
        if self.is_pretty {
            self.bytes.push(b'\n');
            let blanks = std::iter::repeat_n(b' ', 2 * self.depth);
            self.bytes.extend(blanks);
        }
    }
}

/// Returns the name of a number for which JSON has no syntax.
fn name(number: f64) -> Option<&'static str> {
    if number.is_finite() {
        None
    } else if number.is_nan() {
        Some("NaN")
    } else if number > 0.0 {
        Some("Infinity")
    } else {
        Some("-Infinity")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_are_written_as_by_serde_json(text in r#"([\x00-\x21"\\aé😀]){0,20}"#) {
            let mut written = Text::new(false, 0);
            written.string(text.as_bytes());
            prop_assert_eq!(written.finish().unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
