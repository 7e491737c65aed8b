//! Integers (RFC 7541, 5.1).

use bytes::BytesMut;

use super::DecodeError;

/// Appends `value`. Its first part occupies the low `prefix_bits` bits of a byte whose other bits are those of `flags`.
#[inline]
pub(super) fn encode(value: usize, flags: u8, prefix_bits: u32, out: &mut BytesMut) {
    let limit = prefix_limit(prefix_bits);
    if value < usize::from(limit) {
        push(flags | value as u8, out);
    } else {
        encode_rest(value - usize::from(limit), flags | limit, out);
    }
}

/// Appends the first byte of an integer whose prefix is all ones, and the rest of its value. It is apart so that the short integers of
/// nearly all fields are encoded inline.
#[inline(never)]
fn encode_rest(mut rest: usize, first: u8, out: &mut BytesMut) {
    push(first, out);
    while rest >= 0x80 {
        push(rest as u8 | 0x80, out);
        rest >>= 7;
    }
    push(rest as u8, out);
}

/// Consumes an integer from the front of `input`. `first` is the byte with the prefix, which was already consumed.
///
/// Fails if the integer has more than 32 bits or more than five further bytes, which suffice for 32 bits.
pub(super) fn decode(first: u8, prefix_bits: u32, input: &mut &[u8]) -> Result<usize, DecodeError> {
    let limit = prefix_limit(prefix_bits);
    let prefix = first & limit;
    if prefix < limit {
        return Ok(usize::from(prefix));
    }
    let mut value = u64::from(limit);
    for place in 0..5 {
        let (byte, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
        *input = rest;
        value += u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return u32::try_from(value)
                .ok()
                .and_then(|value| usize::try_from(value).ok())
                .ok_or(DecodeError::IntegerTooLarge);
        }
    }
    Err(DecodeError::IntegerTooLarge)
}

/// Appends a byte. Unlike `BufMut::put_u8`, this calls no function that is not inlined.
fn push(byte: u8, out: &mut BytesMut) {
    out.extend_from_slice(&[byte]);
}

/// Returns the prefix of all ones, which means that the integer continues in the next byte.
fn prefix_limit(prefix_bits: u32) -> u8 {
    u8::MAX >> (8 - prefix_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut;
    use proptest::prelude::*;

    fn encoded(value: usize, flags: u8, prefix_bits: u32) -> BytesMut {
        let mut out = BytesMut::new();
        encode(value, flags, prefix_bits, &mut out);
        out
    }

    fn decoded(mut bytes: &[u8], prefix_bits: u32) -> Result<(usize, usize), DecodeError> {
        let (first, rest) = bytes.split_first().unwrap();
        bytes = rest;
        decode(*first, prefix_bits, &mut bytes).map(|value| (value, bytes.len()))
    }

    #[test]
    fn examples_of_the_rfc() {
        // RFC 7541, C.1.
        for (value, prefix_bits, bytes) in [
            (10, 5, &[0b01010][..]),
            (1337, 5, &[0b11111, 0b1001_1010, 0b0000_1010]),
            (42, 8, &[42]),
        ] {
            assert_eq!(encoded(value, 0, prefix_bits), bytes);
            assert_eq!(decoded(bytes, prefix_bits), Ok((value, 0)));
        }
    }

    #[test]
    fn flags_are_not_part_of_the_value() {
        assert_eq!(encoded(1337, 0xa0, 5)[0], 0xbf);
        assert_eq!(decoded(&[0xbf, 0x9a, 0x0a], 5), Ok((1337, 0)));
    }

    #[test]
    fn limits() {
        let largest = [0xff, 0x80, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(decoded(&largest, 7), Ok((u32::MAX as usize, 0)));
        let above = [0xff, 0x81, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(decoded(&above, 7), Err(DecodeError::IntegerTooLarge));
        let long = [0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(decoded(&long, 7), Err(DecodeError::IntegerTooLarge));
        let zeros = [0xff, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(decoded(&zeros, 7), Ok((127, 0)));
        assert_eq!(decoded(&[0xff], 7), Err(DecodeError::Truncated));
        assert_eq!(decoded(&[0xff, 0x80], 7), Err(DecodeError::Truncated));
    }

    proptest! {
        #[test]
        fn round_trip(value: u32, prefix_bits in 1..=8u32) {
            let mut bytes = encoded(value as usize, 0, prefix_bits);
            bytes.put_u8(0xaa);
            prop_assert_eq!(decoded(&bytes, prefix_bits), Ok((value as usize, 1)));
        }
    }
}
