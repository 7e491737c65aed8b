//! A strict parser for JSON (RFC 8259).
//!
//! It is our own because errors in a service config must name the place of an unknown field, and because a crate for JSON
//! would bring five dependencies for a page of code.

/// A value.
#[derive(Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// The text of the number, unparsed.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// The fields, in order. Each name occurs once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a text. The error says what is wrong, and in which line and column.
    pub(crate) fn parse(text: &str) -> Result<Json, String> {
        let mut parser = Parser { text, place: 0 };
        let parsed = parser.whole();
        parsed.map_err(|why| {
            let before = text.get(..parser.place).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
            format!("line {line}, column {column}: {why}")
        })
    }

    /// Returns the kind of this value, for error messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

/// The maximum depth to which values may be nested.
const DEPTH: usize = 32;

struct Parser<'a> {
    text: &'a str,
    place: usize,
}

type Parsed<T> = Result<T, String>;

impl Parser<'_> {
    fn whole(&mut self) -> Parsed<Json> {
        let value = self.value(0)?;
        match self.next_token() {
            None => Ok(value),
            Some(_) => Err("nothing may follow the value".to_owned()),
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Json> {
        if depth > DEPTH {
            return Err(format!("values lie deeper in each other than {DEPTH}"));
        }
        match self.next_token() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.text().map(Json::Text),
            Some('-' | '0'..='9') => self.number().map(Json::Number),
            _ => {
                for (word, value) in [
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                    ("null", Json::Null),
                ] {
                    if self.rest().starts_with(word) {
                        self.place += word.len();
                        return Ok(value);
                    }
                }
                Err("a value is expected".to_owned())
            }
        }
    }

    fn object(&mut self, depth: usize) -> Parsed<Json> {
        self.bump();
        let mut fields: Vec<(String, Json)> = Vec::new();
        while self.next_token() != Some('}') {
            if !fields.is_empty() {
                self.expect(',')?;
            }
            if self.next_token() != Some('"') {
                return Err("the name of a field is expected, in quotes".to_owned());
            }
            let name = self.text()?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(format!("the field {name:?} is there twice"));
            }
            self.expect(':')?;
            fields.push((name, self.value(depth + 1)?));
        }
        self.bump();
        Ok(Json::Object(fields))
    }

    fn array(&mut self, depth: usize) -> Parsed<Json> {
        self.bump();
        let mut items = Vec::new();
        while self.next_token() != Some(']') {
            if !items.is_empty() {
                self.expect(',')?;
            }
            items.push(self.value(depth + 1)?);
        }
        self.bump();
        Ok(Json::Array(items))
    }

    fn number(&mut self) -> Parsed<String> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let rest = self.rest();
        let number = rest.get(..rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        let number = number.unwrap_or_default().to_owned();
        if !is_number(&number) {
            return Err(format!("{number} is not a number"));
        }
        self.place += number.len();
        Ok(number)
    }

    fn text(&mut self) -> Parsed<String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return Err("a string has no end".to_owned()),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) if c < ' ' => return Err("a control character in a string".to_owned()),
                Some(c) => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Parsed<char> {
        Ok(match self.bump() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.unit()?;
                let pair = match first {
                    0xD800..=0xDBFF if self.rest().starts_with("\\u") => {
                        self.place += 2;
                        vec![first, self.unit()?]
                    }
                    _ => vec![first],
                };
                let mut decoded = char::decode_utf16(pair);
                match (decoded.next(), decoded.next()) {
                    (Some(Ok(c)), None) => c,
                    _ => return Err("half of a surrogate pair".to_owned()),
                }
            }
            _ => return Err("an escape that JSON does not have".to_owned()),
        })
    }

    /// Reads four hexadecimal digits.
    fn unit(&mut self) -> Parsed<u16> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or("four hexadecimal digits are expected")?;
        self.place += 4;
        Ok(unit)
    }

    fn expect(&mut self, expected: char) -> Parsed<()> {
        if self.next_token() != Some(expected) {
            return Err(format!("{expected:?} is expected"));
        }
        self.bump();
        Ok(())
    }

    /// Returns the next character that is not white space.
    fn next_token(&mut self) -> Option<char> {
        let rest = self.rest();
        self.place += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.place += next.len_utf8();
        Some(next)
    }

    fn rest(&self) -> &str {
        self.text.get(self.place..).unwrap_or_default()
    }
}

/// Returns whether the text is a number of JSON (RFC 8259, 6).
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_read() {
        let text = r#" {"a": [1, -2.5e+3, true, null], "b": {}, "c": "\u00fc\n\ud83d\ude00/\/"} "#;
        let number = |text: &str| Json::Number(text.to_owned());
        assert_eq!(
            Json::parse(text),
            Ok(Json::Object(vec![
                (
                    "a".to_owned(),
                    Json::Array(vec![
                        number("1"),
                        number("-2.5e+3"),
                        Json::Bool(true),
                        Json::Null
                    ])
                ),
                ("b".to_owned(), Json::Object(Vec::new())),
                ("c".to_owned(), Json::Text("\u{fc}\n\u{1f600}//".to_owned())),
            ]))
        );
    }

    #[test]
    fn errors_name_the_place_of_invalid_json() {
        for (text, said) in [
            ("", "line 1, column 1: a value is expected"),
            (
                "{\n \"a\": 1,\n}",
                "line 3, column 1: the name of a field is expected, in quotes",
            ),
            ("{\"a\": 1 \"b\": 2}", "line 1, column 9: ',' is expected"),
            (
                "{\"a\": 1, \"a\": 2}",
                "line 1, column 13: the field \"a\" is there twice",
            ),
            ("[1 2]", "line 1, column 4: ',' is expected"),
            ("[1,]", "line 1, column 4: a value is expected"),
            ("01", "line 1, column 1: 01 is not a number"),
            ("1.", "line 1, column 1: 1. is not a number"),
            ("\"a", "line 1, column 3: a string has no end"),
            (
                "\"\\x\"",
                "line 1, column 4: an escape that JSON does not have",
            ),
            ("\"\\ud800\"", "line 1, column 8: half of a surrogate pair"),
            (
                "\"\\u00\u{fc}\"",
                "line 1, column 4: four hexadecimal digits are expected",
            ),
            ("{} x", "line 1, column 4: nothing may follow the value"),
            ("'a'", "line 1, column 1: a value is expected"),
        ] {
            assert_eq!(Json::parse(text), Err(said.to_owned()), "{text}");
        }
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[\\[\\]{}\",:\\\\u0-9a-f.e+ü \n-]{0,40}") {
            drop(Json::parse(&text));
        }
    }
}
