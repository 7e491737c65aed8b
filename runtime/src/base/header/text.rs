//! Functions over the text of fields: hashing, comparing, and searching for forbidden bytes. They handle eight bytes at a time,
//! and also run at compile time.

/// Hashes a field's text by multiplying and folding. The hash is the same in every process.
pub(crate) const fn hash(name: &[u8], value: &[u8]) -> u32 {
    let state = absorb(0x243f_6a88_85a3_08d3, name);
    let state = absorb(state, value);
    (state ^ (state >> 32)) as u32
}

const fn absorb(state: u64, bytes: &[u8]) -> u64 {
    let mut state = state.wrapping_add(bytes.len() as u64);
    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk() {
        state = fold(state, u64::from_le_bytes(*word));
        rest = tail;
    }
    fold(state, last_word(bytes))
}

const fn fold(state: u64, word: u64) -> u64 {
    let product = (state ^ word) as u128 * 0x9e37_79b9_7f4a_7c15;
    (product as u64 ^ (product >> 64) as u64).wrapping_add(0x1319_8a2e_0370_7344)
}

/// Returns whether the text contains NUL, CR or LF.
pub(super) const fn has_nul_or_line_end(bytes: &[u8]) -> bool {
    const CR: u64 = u64::from_ne_bytes([b'\r'; 8]);
    const LF: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let mut found = false;
    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        found |= has_zero(word) | has_zero(word ^ CR) | has_zero(word ^ LF);
        rest = tail;
    }
    let word = last_word(bytes);
    found | has_zero(word) | has_zero(word ^ CR) | has_zero(word ^ LF)
}

/// Returns whether all of the text is printable ASCII, spaces included.
pub(super) const fn is_printable(bytes: &[u8]) -> bool {
    let mut odd = 0;
    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk() {
        odd |= unprintable(u64::from_le_bytes(*word));
        rest = tail;
    }
    (odd | unprintable(last_word(bytes))) & TOPS == 0
}

/// Returns a word with a top bit set if one of its bytes is not in ` ` to `~`. No byte before the first such byte borrows or
/// carries, so the top bit of that byte is right.
const fn unprintable(word: u64) -> u64 {
    const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);
    word | word.wrapping_sub(SPACES) | word.wrapping_add(ONES)
}

/// Returns whether the text contains a comma.
pub(super) const fn has_comma(bytes: &[u8]) -> bool {
    let mut found = false;
    let mut i = 0;
    while i < bytes.len() {
        found |= bytes[i] == b',';
        i += 1;
    }
    found
}

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Returns whether one of the word's bytes is zero. The subtraction borrows from the top bit of such a byte, which was not set.
const fn has_zero(word: u64) -> bool {
    word.wrapping_sub(ONES) & !word & TOPS != 0
}

/// Returns the last eight bytes as a word. Shorter text fills the word by repeating bytes, and empty text by spaces.
const fn last_word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.last_chunk() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return first as u64 | (last as u64) << 32;
    }
    u64::from_le_bytes(match *bytes {
        [a] => [a; 8],
        [a, b] => [a, b, a, b, a, b, a, b],
        [a, b, c] => [a, b, c, a, b, c, a, b],
        _ => [b' '; 8],
    })
}

/// Compares two slices. `==` on slices is not available in const functions.
pub(super) const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut same = a.len() == b.len();
    let mut i = 0;
    while same && i < a.len() {
        same = a[i] == b[i];
        i += 1;
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_bytes_are_found_anywhere() {
        for length in 0..40 {
            // Bytes that are close to the forbidden ones.
            for filler in [0x01, 0x0b, 0x0c, 0x80, 0x8a, 0x8d, 0xff] {
                let mut bytes = vec![filler; length];
                assert!(!has_nul_or_line_end(&bytes), "{bytes:?}");
                for place in 0..length {
                    for forbidden in *b"\0\r\n" {
                        bytes[place] = forbidden;
                        assert!(has_nul_or_line_end(&bytes), "{bytes:?}");
                    }
                    bytes[place] = filler;
                }
            }
        }
    }

    #[test]
    fn unprintable_bytes_are_found_anywhere() {
        for length in 0..40 {
            for filler in [b' ', b'~', b'a'] {
                let mut bytes = vec![filler; length];
                assert!(is_printable(&bytes) && !has_comma(&bytes));
                for place in 0..length {
                    for odd in [0, 0x01, 0x1f, 0x7f, 0x80, 0xa0, 0xff] {
                        bytes[place] = odd;
                        assert!(!is_printable(&bytes), "{bytes:?}");
                    }
                    bytes[place] = b',';
                    assert!(is_printable(&bytes) && has_comma(&bytes));
                    bytes[place] = filler;
                }
            }
        }
    }

    #[test]
    fn every_byte_and_the_length_count_for_the_hash() {
        for length in 0..40 {
            let text = vec![b'a'; length];
            let longer = vec![b'a'; length + 1];
            assert_ne!(hash(&text, b""), hash(&longer, b""));
            assert_ne!(hash(b"", &text), hash(b"", &longer));
            for place in 0..length {
                let mut other = text.clone();
                other[place] = b'b';
                assert_ne!(hash(&text, b""), hash(&other, b""));
                assert_ne!(hash(b"", &text), hash(b"", &other));
            }
        }
    }
}
