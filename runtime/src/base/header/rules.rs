//! The fields that HTTP/2 forbids, and those that are read but never sent.

use super::Kind;
use super::text::{equal, has_comma, has_nul_or_line_end, is_printable};

/// A flaw of a header field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flaw {
    /// The field may be sent.
    None,
    /// The field is read but never sent. Its value starts or ends with a blank, has characters that gRPC forbids ("ASCII-Value"),
    /// or is several binary values joined by commas.
    Untidy,
    /// The field breaks RFC 9113, 8.2.1 or 8.2.2.
    Malformed,
}

/// Returns the flaw of a field.
///
/// RFC 9113, 8.2.1 also forbids blanks at the ends of a value. They are accepted nevertheless, except in pseudo-headers: gRPC
/// allows stripping them, and grpcio and grpc-go send them.
pub(super) const fn flaw(kind: Kind, name: &[u8], value: &[u8]) -> Flaw {
    let is_padded = value.len() != without_blanks(value).len();
    let bad_name = match kind {
        Kind::Te => !equal(without_blanks(value), b"trailers"),
        Kind::Other => is_connection_specific(name) || !is_valid_name(name),
        Kind::OtherPseudo | Kind::GrpcOther | Kind::Binary => !is_valid_name(name),
        _ => false,
    };
    if bad_name || (is_padded && kind.is_pseudo()) {
        Flaw::Malformed
    } else if is_printable(value) {
        let is_several = matches!(kind, Kind::Binary) && has_comma(value);
        if is_padded || is_several {
            Flaw::Untidy
        } else {
            Flaw::None
        }
    } else if has_nul_or_line_end(value) {
        Flaw::Malformed
    } else {
        Flaw::Untidy
    }
}

/// Returns a value without the blanks at its ends.
pub(super) const fn without_blanks(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns whether HTTP/2 forbids the field as specific to a connection (RFC 9113, 8.2.2).
const fn is_connection_specific(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade"
    )
}

/// Returns whether the name is a lower-case token (RFC 9110, 5.6.2; RFC 9113, 8.2.1), with a colon before it in a pseudo-header.
const fn is_valid_name(name: &[u8]) -> bool {
    let token = match name {
        [b':', token @ ..] => token,
        token => token,
    };
    let mut valid = !token.is_empty() && name.len() < u16::MAX as usize;
    let mut i = 0;
    while i < token.len() {
        valid &= IS_LOWER_TOKEN[token[i] as usize];
        i += 1;
    }
    valid
}

const IS_LOWER_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::Flaw;
    use crate::base::header::Header;

    #[test]
    fn malformed_fields_are_known() {
        let malformed = |name: &str, value: &str| {
            Header::new(name.as_bytes(), value.as_bytes()).flaw() == Flaw::Malformed
        };
        for name in [
            "",
            ":",
            "Te",
            "a b",
            "a:b",
            "a\0",
            "é",
            "::path",
            "connection",
            "proxy-connection",
            "keep-alive",
            "transfer-encoding",
            "upgrade",
            "te",
        ] {
            assert!(malformed(name, "value"), "{name}");
        }
        for name in [":path", "x", "a-b_c.d0", "content-type", "a-bin"] {
            assert!(!malformed(name, "value"), "{name}");
        }
        for value in ["a\0b", "a\rb", "a\nb", " a\n", "\n"] {
            assert!(malformed("x", value), "{value:?}");
        }
        for value in [" /x", "/x ", "\t/x"] {
            assert!(malformed(":path", value), "{value:?}");
        }
        for value in ["", "a", "a b\tc", "é", "trailers", " a", "a\t", " "] {
            assert!(!malformed("x", value), "{value:?}");
        }
        assert!(!malformed("te", "trailers"));
        assert!(!malformed("te", " trailers"));
        assert!(malformed("te", "trailers, deflate"));
    }

    #[test]
    fn untidy_fields_are_known() {
        let flaw = |name: &str, value: &str| Header::new(name.as_bytes(), value.as_bytes()).flaw();
        for (name, value) in [
            ("x", " a"),
            ("x", "a "),
            ("x", "\ta"),
            ("x", "a\t"),
            ("x", " "),
            ("x", "a\tb"),
            ("x", "a\x01"),
            ("x", "a\x7f"),
            ("x", "a long value with an \u{fc} in it"),
            ("grpc-message", "a "),
            ("x-bin", "AA,AA"),
            ("x-bin", ","),
            ("grpc-trace-bin", "AA,AA"),
            ("te", " trailers"),
        ] {
            assert_eq!(flaw(name, value), Flaw::Untidy, "{name}: {value:?}");
        }
        for (name, value) in [
            ("x", ""),
            ("x", "a b, c"),
            ("x-bin", "AA"),
            ("grpc-message", "%20a%20"),
            (":path", "/a"),
        ] {
            assert_eq!(flaw(name, value), Flaw::None, "{name}: {value:?}");
        }
    }
}
