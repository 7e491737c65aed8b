//! The percent-encoding of `grpc-message`.
//!
//! Characters from space to `~` are sent unchanged. `%` and all other characters are sent as `%` and two hexadecimal digits for
//! each byte of UTF-8 (gRPC over HTTP/2, "Responses"). A space at either end is sent as `%20`, because HTTP/2 forbids values that
//! start or end with one (RFC 9113, 8.2.1).

use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes a message.
pub(crate) fn encode(message: &str) -> Cow<'_, [u8]> {
    let is_padded = message.starts_with(' ') || message.ends_with(' ');
    if !is_padded && message.bytes().all(is_plain) {
        return Cow::Borrowed(message.as_bytes());
    }
    let mut encoded = Vec::with_capacity(message.len() + 16);
    for (place, byte) in message.bytes().enumerate() {
        let is_outermost = place == 0 || place + 1 == message.len();
        if is_plain(byte) && !(is_outermost && byte == b' ') {
            encoded.push(byte);
        } else {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
            encoded.extend([b'%', high, low]);
        }
    }
    Cow::Owned(encoded)
}

/// Returns the longest prefix of at most `length` bytes that does not end within an escape, within a character, or with a space.
#[cfg(feature = "server")]
pub(crate) fn cut(encoded: &[u8], length: usize) -> &[u8] {
    let is_whole = |end: &usize| {
        let (kept, rest) = encoded.split_at(*end);
        let in_escape = kept.iter().rev().take(2).any(|&byte| byte == b'%');
        // A continuation byte of UTF-8 is 0x80 to 0xBF.
        let in_character = matches!(rest, [b'%', b'8' | b'9' | b'A' | b'B', ..]);
        !in_escape && !in_character && !kept.ends_with(b" ")
    };
    let length = length.min(encoded.len());
    let end = if length == encoded.len() {
        length
    } else {
        (0..=length).rev().find(is_whole).unwrap_or(0)
    };
    encoded.get(..end).unwrap_or_default()
}

/// Decodes a message. Any bytes give a text, as gRPC requires: an invalid escape stays unchanged, and bytes that are not UTF-8
/// become replacement characters.
pub(crate) fn decode(encoded: &[u8]) -> String {
    if !encoded.contains(&b'%') {
        return String::from_utf8_lossy(encoded).into_owned();
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, after)) = rest.split_first() {
        match (first, escaped(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'%'
}

/// Returns the byte that the first two hexadecimal digits represent.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        assert_eq!(&*encode("plain ~ text"), b"plain ~ text");
        assert_eq!(&*encode("100 %\n\u{fc}"), b"100 %25%0A%C3%BC".as_slice());
        assert_eq!(&*encode("  a b "), b"%20 a b%20".as_slice());
        assert_eq!(&*encode(" "), b"%20".as_slice());
        assert_eq!(&*encode("   "), b"%20 %20".as_slice());
        assert_eq!(decode(b"100 %25%0a%C3%bC"), "100 %\n\u{fc}");
        assert_eq!(decode(b"%"), "%");
        assert_eq!(decode(b"%4"), "%4");
        assert_eq!(decode(b"%zz%41"), "%zzA");
        assert_eq!(decode(b"%FF"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn encoded_messages_decode(message in ".*") {
            let encoded = encode(&message);
            prop_assert!(encoded.iter().all(|&byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(encoded.trim_ascii(), &*encoded);
            prop_assert_eq!(decode(&encoded), message);
        }

        #[cfg(feature = "server")]
        #[test]
        fn a_cut_message_is_a_beginning(message in "( |%|a|\u{fc}|\u{1f980}){0,20}", length in 0..100_usize) {
            let encoded = encode(&message);
            let kept = cut(&encoded, length);
            prop_assert!(kept.len() <= length);
            prop_assert!(kept.len() == encoded.len() || length < encoded.len());
            prop_assert_eq!(kept.trim_ascii(), kept);
            prop_assert!(message.starts_with(&decode(kept)));
        }

        #[test]
        fn anything_decodes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            decode(&bytes);
        }
    }
}
