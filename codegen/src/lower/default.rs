//! Default values of fields, as Rust expressions.

use std::fmt::Debug;
use std::str::FromStr;

use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Type;

use crate::symbols::Symbols;

/// Returns the default value of a field: an expression, or the name of an enum's variant.
pub(super) fn default(field: &FieldDescriptorProto, symbols: &Symbols) -> Option<String> {
    let text = field.default_value.as_deref()?;
    match field.r#type() {
        Type::Bytes => {
            let literal: String = unescaped(text)
                .into_iter()
                .flat_map(std::ascii::escape_default)
                .map(char::from)
                .collect();
            Some(format!("b\"{literal}\""))
        }
        // The variants of an external enum are unknown.
        Type::Enum => {
            let names = symbols.enumeration(field.type_name())?;
            names.by_value.get(text).cloned()
        }
        Type::String => Some(format!("\"{}\"", text.escape_default())),
        Type::Float => Some(float::<f32>(text, "f32")),
        Type::Double => Some(float::<f64>(text, "f64")),
        _ => Some(text.to_owned()),
    }
}

/// Returns the expression of a floating-point number.
fn float<T: FromStr + Debug>(text: &str, name: &str) -> String {
    match text {
        "inf" => format!("::core::primitive::{name}::INFINITY"),
        "-inf" => format!("::core::primitive::{name}::NEG_INFINITY"),
        "nan" => format!("::core::primitive::{name}::NAN"),
        _ => match text.parse::<T>() {
            Ok(number) => format!("{number:?}"),
            Err(_) => text.to_owned(),
        },
    }
}

/// Returns the bytes of `text`, which has C escapes. `check` has refused invalid escapes before.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, length) = match (first, tail.first()) {
            (b'\\', Some(escape)) => match escape {
                b'a' => (0x07, 1),
                b'b' => (0x08, 1),
                b'f' => (0x0c, 1),
                b'n' => (b'\n', 1),
                b'r' => (b'\r', 1),
                b't' => (b'\t', 1),
                b'v' => (0x0b, 1),
                b'x' | b'X' => number(tail, 1, 3, 16),
                b'0'..=b'7' => number(tail, 0, 3, 8),
                other => (*other, 1),
            },
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = tail.get(length..).unwrap_or_default();
    }
    bytes
}

/// Parses the digits of `text` from `start` to at most `end`. Returns the number and the position after it.
fn number(text: &[u8], start: usize, end: usize, radix: u32) -> (u8, usize) {
    let digits = text.iter().take(end).skip(start);
    let digits: Vec<u32> = digits
        .map_while(|digit| char::from(*digit).to_digit(radix))
        .collect();
    let value = digits
        .iter()
        .fold(0, |value: u32, digit| value * radix + digit);
    (
        u8::try_from(value).unwrap_or_default(),
        start + digits.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn bytes_are_unescaped() {
        assert_eq!(
            unescaped(r#"a\001\xff\n\"\'\?\\\7z\1234"#),
            b"a\x01\xff\n\"'?\\\x07zS4"
        );
        assert_eq!(unescaped(r"\x1g"), b"\x01g");
    }
}
