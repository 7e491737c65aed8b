//! The part of a string that stands for itself.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Returns the number of bytes in front of the first quotation mark, backslash or control character. Returns `None` if there is none.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    // Eight bytes at once.
    while let Some((word, after)) = rest.split_first_chunk() {
        if let Some(place) = special(*word) {
            return Some(bytes.len() - rest.len() + place);
        }
        rest = after;
    }
    if rest.is_empty() {
        return None;
    }
    match bytes.last_chunk::<8>() {
        // The bytes before `rest` are looked at again, and are not special.
        Some(word) => special(*word).map(|place| bytes.len() - 8 + place),
        None => rest
            .iter()
            .position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' '),
    }
}

/// Returns the place of the first special byte.
#[inline]
fn special(word: [u8; 8]) -> Option<usize> {
    // Each mask has the high bit of the first byte that it looks for, and perhaps of bytes after it.
    let word = u64::from_le_bytes(word);
    let quotes = is_zero(word ^ (ONES * b'"' as u64));
    let backslashes = is_zero(word ^ (ONES * b'\\' as u64));
    let controls = word.wrapping_sub(ONES * b' ' as u64) & !word & HIGH;
    let found = quotes | backslashes | controls;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Returns a mask with the high bit of the first byte that is zero.
fn is_zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes in prop::collection::vec(prop_oneof![Just(b'a'), Just(0x80), Just(0xa2), Just(b'"'), Just(b'\\'), Just(b'!'), Just(b']'), any::<u8>()], 0..40)) {
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            prop_assert_eq!(plain(&bytes), expected);
        }
    }
}
