//! Emits the descriptors of a module, for server reflection and for `ReflectMessage`.

use super::writer::Writer;
use crate::model::Embedded;

/// Name of the static for server reflection. No other value in the module has a name in capitals.
pub(super) const NAME: &str = "DESCRIPTORS";
pub(super) const OF_MESSAGES: &str = "MESSAGES";

/// Width of a line of descriptor bytes, in columns.
const COLUMNS: usize = 116;

pub(super) fn of_services(out: &mut Writer, embedded: &Embedded, attributes: &[String]) {
    out.attributes(attributes);
    out.line(format_args!(
        "/// Descriptors of the protos that this module was generated from, for server reflection."
    ));
    descriptors(out, NAME, embedded);
}

pub(super) fn of_messages(out: &mut Writer, embedded: &Embedded) {
    out.line(format_args!(
        "/// Descriptors of the messages of this module, for `ReflectMessage`."
    ));
    descriptors(out, OF_MESSAGES, embedded);
}

fn descriptors(out: &mut Writer, name: &str, embedded: &Embedded) {
    out.line(format_args!("#[doc(hidden)]"));
    out.open(format_args!(
        "pub static {name}: ::stubwright::private::Descriptors = ::stubwright::private::Descriptors {{"
    ));
    out.line(format_args!("set: {},", literal(&embedded.set)));
    let imports = embedded.imports.iter();
    let imports: Vec<String> = imports.map(|module| format!("&{module}{name}")).collect();
    out.line(format_args!("imports: &[{}],", imports.join(", ")));
    out.close_with(";");
}

/// Formats a byte string over several lines. Printable characters are not escaped.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    text.push_str("b\"");
    let mut start = None;
    for byte in bytes {
        let start_of_line = *start.get_or_insert_with(|| {
            text.push_str("\\\n");
            text.len()
        });
        match byte {
            // Rust skips leading blanks on a continued line, so a blank at its start must be escaped.
            b' ' if text.len() == start_of_line => text.push_str("\\x20"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
                text.push_str("\\x");
                text.extend([digit(byte >> 4), digit(byte & 15)]);
            }
        }
        if text.len() - start_of_line >= COLUMNS {
            start = None;
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_stays_what_it_is() {
        let bytes: Vec<u8> = (0..=255).chain([b' '; 300]).chain(*b"  \\\"x").collect();
        let text = literal(&bytes);
        let parsed: syn::LitByteStr = syn::parse_str(&text).expect("should be a byte string");
        assert_eq!(parsed.value(), bytes);
        assert!(text.lines().all(|line| line.len() <= COLUMNS + 5));
        assert_eq!(literal(b""), "b\"\"");
    }
}
