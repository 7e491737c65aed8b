//! Variable-length integers: seven bits in each byte, the lowest first.

/// The largest number of bytes of a 64-bit integer.
pub(super) const LONGEST: usize = 10;

/// Returns the number of bytes of an integer.
#[inline]
pub(super) const fn length(value: u64) -> usize {
    // One byte for every seven bits, rounded up. The formula has no division by seven, and is exact for integers of up to 64
    // bits.
    ((value | 1).ilog2() as usize * 9 + 73) / 64
}

/// Reads an integer from the front of `bytes`. Returns the number of its bytes too. Returns `None` if the bytes end within it, or
/// it has more than 64 bits.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    match bytes.split_first_chunk() {
        Some((word, rest)) => read_word(u64::from_le_bytes(*word), rest),
        None => read_bytes(bytes),
    }
}

/// Reads an integer whose first eight bytes are a word, without a branch for each of them.
#[inline]
fn read_word(word: u64, rest: &[u8]) -> Option<(u64, usize)> {
    // The highest bit of each byte that ends an integer.
    let ends = !word & 0x8080_8080_8080_8080;
    // Keeps the bits up to the first of them, and closes the gaps between groups of 7, 14 and 28 bits.
    let value = word & (ends ^ ends.wrapping_sub(1)) & 0x7f7f_7f7f_7f7f_7f7f;
    let value = value & 0x007f_007f_007f_007f | (value & 0x7f00_7f00_7f00_7f00) >> 1;
    let value = value & 0x0000_3fff_0000_3fff | (value & 0x3fff_0000_3fff_0000) >> 2;
    let value = value & 0x0fff_ffff | (value & 0x0fff_ffff_0000_0000) >> 4;
    if ends != 0 {
        return Some((value, ends.trailing_zeros() as usize / 8 + 1));
    }
    match rest {
        [ninth @ 0..=0x7f, ..] => Some((value | u64::from(*ninth) << 56, 9)),
        [ninth, tenth @ 0..=1, ..] => {
            let high = u64::from(ninth & 0x7f) | u64::from(*tenth) << 7;
            Some((value | high << 56, LONGEST))
        }
        _ => None,
    }
}

/// Reads an integer of fewer than eight bytes, at the end of a message.
#[inline]
fn read_bytes(bytes: &[u8]) -> Option<(u64, usize)> {
    let (mut value, mut shift) = (0, 0);
    for byte in bytes {
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            return Some((value, shift / 7));
        }
    }
    None
}

/// Writes an integer to `bytes`. Returns the number of bytes written.
#[inline]
pub(super) fn write(mut value: u64, bytes: &mut [u8; LONGEST]) -> usize {
    let mut count = 0;
    for byte in bytes {
        count += 1;
        if value < 0x80 {
            *byte = value as u8;
            break;
        }
        *byte = value as u8 | 0x80;
        value >>= 7;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_all_lengths_are_written_and_read() {
        for bits in 0..64 {
            for value in [1 << bits, (1 << bits) - 1, u64::MAX >> bits] {
                let mut bytes = [0; LONGEST];
                let count = write(value, &mut bytes);
                assert_eq!(count, length(value), "{value}");
                assert_eq!(read(&bytes[..count]), Some((value, count)));
                assert_eq!(read(&bytes[..count - 1]), None);
                // Other bytes may follow.
                let more = [&bytes[..count], &[0xff; 8]].concat();
                assert_eq!(read(&more), Some((value, count)));
            }
        }
    }

    #[test]
    fn an_integer_of_more_than_64_bits_is_refused() {
        let mut bytes = [0xff; LONGEST];
        bytes[9] = 1;
        assert_eq!(read(&bytes), Some((u64::MAX, LONGEST)));
        bytes[9] = 2;
        assert_eq!(read(&bytes), None);
        bytes[9] = 0x80;
        assert_eq!(read(&bytes), None);
    }
}
