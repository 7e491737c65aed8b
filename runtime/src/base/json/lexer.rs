//! A cursor over JSON text (RFC 8259).

use std::borrow::Cow;
use std::fmt::Display;

use super::JsonError;
use super::decimal::Decimal;
use super::depth;
use super::plain::plain;
use super::unique_keys::UniqueKeys;

/// A cursor over JSON text. Each method reads a token of a certain kind, after white space.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Where the last token begins.
    token: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer {
            text,
            at: 0,
            token: 0,
        }
    }

    /// Creates an error at the beginning of the last token.
    #[cold]
    pub(super) fn error(&self, problem: impl Display) -> JsonError {
        let before = self.text.get(..self.token).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        JsonError::at((line, column), problem)
    }

    /// Creates the error of a token that is not what was expected.
    #[cold]
    pub(super) fn unexpected(&mut self, expected: &str) -> JsonError {
        let found = match self.peek() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't' | b'f') => "a Boolean",
            Some(b'n') => "null",
            Some(_) => "something else",
            None => "the end of the text",
        };
        self.error(format_args!("{expected} is expected, and {found} found"))
    }

    /// Returns the first byte of the next token.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => {
                    self.token = self.at;
                    return next.copied();
                }
            }
        }
    }

    /// Reads a byte that opens or separates values.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, name: &str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected(name));
        }
        self.at += 1;
        Ok(())
    }

    /// Moves on to the next value of a list or member of an object. Returns whether there is one; otherwise, reads the byte that
    /// closes the list or the object.
    #[inline]
    pub(super) fn next(&mut self, close: u8, is_first: &mut bool) -> Result<bool, JsonError> {
        let next = self.peek();
        if next == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            if next != Some(b',') {
                return Err(self.unexpected("a comma"));
            }
            self.at += 1;
            if self.peek() == Some(close) {
                return Err(self.error("a value is expected after the comma"));
            }
        }
        Ok(true)
    }

    /// Moves on to the next member of an object, and reads its name. Returns `None` at the end of the object.
    #[inline]
    pub(super) fn key(&mut self, is_first: &mut bool) -> Result<Option<Cow<'t, str>>, JsonError> {
        if !self.next(b'}', is_first)? {
            return Ok(None);
        }
        let key = self.string("the name of a member")?;
        let token = self.token;
        self.expect(b':', "a colon")?;
        // Errors about the member are errors at its name, until its value is read.
        self.token = token;
        Ok(Some(key))
    }

    /// Reads a string.
    #[inline]
    pub(super) fn string(&mut self, expected: &str) -> Result<Cow<'t, str>, JsonError> {
        self.expect(b'"', expected)?;
        let (part, mut escaped) = self.string_part()?;
        if escaped.is_none() {
            return Ok(Cow::Borrowed(part));
        }
        let mut text = part.to_owned();
        while let Some(c) = escaped {
            text.push(c);
            let (part, next) = self.string_part()?;
            text.push_str(part);
            escaped = next;
        }
        Ok(Cow::Owned(text))
    }

    /// Reads a part of a string: what stands before the next escape, and the character that the escape means. Returns no character
    /// at the end of the string.
    fn string_part(&mut self) -> Result<(&'t str, Option<char>), JsonError> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let Some(length) = plain(rest) else {
            return Err(self.error("the string has no end"));
        };
        let part = self.text.get(start..start + length).unwrap_or_default();
        self.at = start + length + 1;
        match rest.get(length) {
            Some(b'"') => Ok((part, None)),
            Some(b'\\') => Ok((part, Some(self.escape()?))),
            _ => {
                self.token = start + length;
                Err(self.error("a control character must be escaped"))
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Result<char, JsonError> {
        self.token = self.at - 1;
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let (c, length) = match rest {
            [b'"', ..] => ('"', 1),
            [b'\\', ..] => ('\\', 1),
            [b'/', ..] => ('/', 1),
            [b'b', ..] => ('\u{8}', 1),
            [b'f', ..] => ('\u{c}', 1),
            [b'n', ..] => ('\n', 1),
            [b'r', ..] => ('\r', 1),
            [b't', ..] => ('\t', 1),
            [b'u', rest @ ..] => {
                let first = unit(rest);
                let second = match rest.get(4..) {
                    Some([b'\\', b'u', rest @ ..]) => unit(rest),
                    _ => None,
                };
                match (first, second) {
                    (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                        let c = 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
                        (char::from_u32(c).unwrap_or_default(), 11)
                    }
                    (Some(unit), _) => match char::from_u32(unit) {
                        Some(c) => (c, 5),
                        None => return Err(self.error("half of a surrogate pair")),
                    },
                    (None, _) => {
                        return Err(self.error("four hexadecimal digits are expected after `\\u`"));
                    }
                }
            }
            _ => return Err(self.error("JSON does not have this escape")),
        };
        self.at += length;
        Ok(c)
    }

    /// Reads a number.
    #[inline]
    pub(super) fn number(&mut self, expected: &str) -> Result<Decimal<'t>, JsonError> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(self.unexpected(expected)),
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        match Decimal::prefix(rest) {
            Some((number, length)) => {
                self.at += length;
                Ok(number)
            }
            None => Err(self.error("this is not a number of JSON")),
        }
    }

    /// Reads `true`, `false` or `null`, if it comes next.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let found = rest.starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    /// Reads `true` or `false`.
    pub(super) fn boolean(&mut self) -> Result<bool, JsonError> {
        if self.word("true") {
            Ok(true)
        } else if self.word("false") {
            Ok(false)
        } else {
            Err(self.unexpected("a Boolean"))
        }
    }

    /// Reads any value, and drops it.
    pub(super) fn skip(&mut self) -> Result<(), JsonError> {
        self.skip_within(depth::MOST)
    }

    fn skip_within(&mut self, depth: u32) -> Result<(), JsonError> {
        let mut is_first = true;
        match self.peek() {
            Some(b'{' | b'[') if depth == 0 => Err(self.error(format_args!(
                "values are nested too deep (more than {} levels)",
                depth::MOST
            ))),
            Some(b'{') => {
                self.at += 1;
                let mut keys = UniqueKeys::default();
                while let Some(key) = self.key(&mut is_first)? {
                    keys.add(key, self)?;
                    self.skip_within(depth - 1)?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.at += 1;
                while self.next(b']', &mut is_first)? {
                    self.skip_within(depth - 1)?;
                }
                Ok(())
            }
            Some(b'"') => self.string("a string").map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') if self.word("null") => Ok(()),
            _ => self.number("a value").map(drop),
        }
    }

    /// Reads the end of the text.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }
}

/// Returns the number of four hexadecimal digits.
fn unit(digits: &[u8]) -> Option<u32> {
    let mut digits = digits.get(..4)?.iter();
    digits.try_fold(0, |unit, digit| {
        Some(unit * 16 + char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn skipped(text: &str) -> Result<(), JsonError> {
        let mut lexer = Lexer::new(text);
        lexer.skip()?;
        lexer.end()
    }

    #[test]
    fn strings_are_read_with_their_escapes() {
        for text in [
            r#""""#,
            r#""abc""#,
            r#""a\"\\\/\b\f\n\r\tz""#,
            r#""\u00e9\uD83D\ude00é😀""#,
            r#""\u0000""#,
        ] {
            let expected: String = serde_json::from_str(text).unwrap();
            assert_eq!(Lexer::new(text).string("a string").unwrap(), expected);
        }
    }

    #[test]
    fn half_of_a_pair_is_refused() {
        for text in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800x""#,
            r#""\ud800\n""#,
            r#""\ud800\ud800""#,
            r#""\ud800\u0041""#,
            r#""\u12""#,
            r#""\u12g4""#,
            r#""\u+123""#,
        ] {
            assert!(Lexer::new(text).string("a string").is_err(), "{text}");
        }
    }

    #[test]
    fn errors_have_a_line_and_a_column() {
        let error = skipped("[1,\n  é \"a\u{1}\"]").unwrap_err();
        assert_eq!(error.place(), Some((2, 3)));
        let error = skipped("[\"é\", \"a\u{1}\"]").unwrap_err();
        assert_eq!(error.place(), Some((1, 9)));
        assert_eq!(skipped("").unwrap_err().place(), Some((1, 1)));
    }

    #[test]
    fn a_repeated_key_is_refused() {
        assert!(skipped(r#"{"a":1,"b":{"a":1}}"#).is_ok());
        assert!(skipped(r#"{"a":1,"\u0061":2}"#).is_err());
        assert!(skipped(r#"[{"b":{"a":1,"a":1}}]"#).is_err());
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(skipped(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
        for open in ["[", "{\"a\":"] {
            assert!(skipped(&open.repeat(100_000)).is_err());
        }
    }

    proptest! {
        /// Only numbers out of range and lone surrogates are told apart by no reader of serde_json that skips values.
        #[test]
        fn texts_are_accepted_as_by_serde_json(
            text in r#"([\[\], \n"0-9.eE+\-]|true|false|null|\\u[dD][8cC]00|\\n|é){0,12}"#,
        ) {
            let is_accepted = skipped(&text).is_ok();
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(is_accepted, "{text}");
            }
            if is_accepted {
                prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{text}");
            }
        }
    }
}
