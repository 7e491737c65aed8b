//! Which fields HTTP/2 does not allow.

use super::Kind;
use super::text::{equal, has_nul_or_line_end};

/// Whether a field breaks RFC 9113, 8.2.1 or 8.2.2.
pub(super) const fn is_malformed(kind: Kind, name: &[u8], value: &[u8]) -> bool {
    let bad_name = match kind {
        Kind::Te => !equal(value, b"trailers"),
        Kind::Other => is_connection_specific(name) || !is_valid_name(name),
        Kind::OtherPseudo | Kind::GrpcOther | Kind::Binary => !is_valid_name(name),
        // The kind says what the name is.
        _ => false,
    };
    bad_name || !is_valid_value(value)
}

/// RFC 9113, 8.2.2.
const fn is_connection_specific(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade"
    )
}

/// A token in lower case (RFC 9110, 5.6.2; RFC 9113, 8.2.1), with a colon before it in a pseudo-header.
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

/// No NUL, CR or LF, and no blank at either end (RFC 9113, 8.2.1).
const fn is_valid_value(value: &[u8]) -> bool {
    let blanks = matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
    !blanks && !has_nul_or_line_end(value)
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
    use crate::header::Header;

    #[test]
    fn malformed_fields_are_known() {
        let malformed =
            |name: &str, value: &str| Header::new(name.as_bytes(), value.as_bytes()).is_malformed();
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
        for value in ["a\0b", "a\rb", "a\nb", " a", "a ", "\ta", "a\t", " "] {
            assert!(malformed("x", value), "{value:?}");
        }
        for value in ["", "a", "a b\tc", "é", "trailers"] {
            assert!(!malformed("x", value), "{value:?}");
        }
        assert!(!malformed("te", "trailers"));
        assert!(malformed("te", "trailers, deflate"));
    }
}
