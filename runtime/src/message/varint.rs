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
    // With a constant number of bytes, the loop is unrolled and has no checks.
    match bytes.first_chunk::<LONGEST>() {
        Some(bytes) => read_bytes(bytes),
        None => read_few(bytes),
    }
}

#[inline(never)]
fn read_few(bytes: &[u8]) -> Option<(u64, usize)> {
    read_bytes(bytes)
}

#[inline(always)]
fn read_bytes(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            let fits = index + 1 < LONGEST || *byte <= 1;
            return fits.then_some((value, index + 1));
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
