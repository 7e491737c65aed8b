//! The static Huffman code (RFC 7541, appendix B).
//!
//! The code is canonical: the codes of one length are consecutive numbers in the order of their symbols, and longer codes
//! follow shorter ones. So the lengths determine all codes, and the tables are computed from them at compile time.

use bytes::{BufMut, BytesMut};

use super::DecodeError;

/// Returns the length of `bytes` when encoded.
pub(super) fn encoded_len(bytes: &[u8]) -> usize {
    let bits: usize = bytes
        .iter()
        .map(|byte| usize::from(LENGTHS[usize::from(*byte)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends the encoded form of `bytes`, which has `encoded_len` bytes.
pub(super) fn encode(bytes: &[u8], out: &mut BytesMut) {
    // The low `pending` bits of `buffer` have not been written yet.
    let mut buffer = 0u64;
    let mut pending = 0;
    for byte in bytes {
        let length = u32::from(LENGTHS[usize::from(*byte)]);
        buffer = buffer << length | u64::from(CODES[usize::from(*byte)]);
        pending += length;
        if pending >= 32 {
            pending -= 32;
            out.put_u32((buffer >> pending) as u32);
        }
    }
    // The last byte is padded with ones (RFC 7541, 5.2).
    let last = (buffer << (32 - pending)) as u32 | u32::MAX >> pending;
    out.put_slice(&last.to_be_bytes()[..pending.div_ceil(8) as usize]);
}

/// Decodes `input` and appends it to `out`.
///
/// Fails if the string contains EOS, or if its padding is longer than 7 bits or not all ones (RFC 7541, 5.2).
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    // The shortest codes have 5 bits.
    out.reserve(input.len() * 8 / 5);
    let mut bits = Bits {
        input,
        window: 0,
        len: 0,
    };
    loop {
        // Nearly all codes are short. As long as a whole one is in the window, the end of the input need not be checked.
        while bits.len >= SHORT_BITS {
            let short = bits.short();
            if short.length == 0 {
                break;
            }
            out.push(short.symbol);
            bits.skip(u32::from(short.length));
        }
        bits.refill();
        if bits.len >= SHORT_BITS && bits.short().length > 0 {
            continue;
        }
        // Beyond the end of the input, the window continues with ones, like padding.
        let window = bits.window | u64::MAX.checked_shr(bits.len).unwrap_or(0);
        let (symbol, length) = code((window >> 32) as u32);
        if length > bits.len {
            let is_padding = bits.len < 8 && window == u64::MAX;
            return is_padding.then_some(()).ok_or(DecodeError::Huffman);
        }
        // Only EOS is not a byte.
        out.push(u8::try_from(symbol).map_err(|_| DecodeError::Huffman)?);
        bits.skip(length);
    }
}

/// A bit reader.
struct Bits<'a> {
    input: &'a [u8],
    /// The next `len` bits, left-aligned, followed by zeros.
    window: u64,
    len: u32,
}

impl Bits<'_> {
    /// Looks up the code by the first bits of the window.
    fn short(&self) -> Short {
        SHORT[(self.window >> (64 - SHORT_BITS)) as usize]
    }

    fn skip(&mut self, length: u32) {
        self.window <<= length;
        self.len -= length;
    }

    /// Fills the window with at least 32 bits, or up to the end of the input.
    fn refill(&mut self) {
        if self.len >= 32 {
            return;
        }
        if let Some((chunk, rest)) = self.input.split_first_chunk() {
            self.window |= u64::from(u32::from_be_bytes(*chunk)) << (32 - self.len);
            self.len += 32;
            self.input = rest;
            return;
        }
        for byte in self.input {
            self.window |= u64::from(*byte) << (56 - self.len);
            self.len += 8;
        }
        self.input = &[];
    }
}

/// Returns the symbol and the length of the code at the start of `window`.
fn code(window: u32) -> (u16, u32) {
    let short = SHORT[(window >> (32 - SHORT_BITS)) as usize];
    if short.length > 0 {
        return (u16::from(short.symbol), u32::from(short.length));
    }
    let mut length = SHORT_BITS + 1;
    // The codes of one length end where longer ones begin. A window of all ones is beyond the codes of every length except the
    // longest.
    while length < MAX_LENGTH && window >= ENDS[length as usize] {
        length += 1;
    }
    let place = u32::from(PLACES[length as usize]) + (window >> (32 - length));
    let rank = place.wrapping_sub(FIRST_CODES[length as usize]);
    let symbol = SORTED.get(rank as usize).copied().unwrap_or(EOS);
    (symbol, length)
}

/// The symbol for the end of a string, which must not occur in one.
const EOS: u16 = 256;

const SYMBOLS: usize = 257;

/// The length of the longest code.
const MAX_LENGTH: u32 = 30;

/// Codes up to this length are found by a single look-up. They include all letters, digits and common punctuation.
const SHORT_BITS: u32 = 10;

#[derive(Clone, Copy)]
struct Short {
    symbol: u8,
    /// Zero if a longer code begins here.
    length: u8,
}

/// The code at the start of each possible sequence of `SHORT_BITS` bits.
static SHORT: [Short; 1 << SHORT_BITS] = {
    let mut table = [Short {
        symbol: 0,
        length: 0,
    }; 1 << SHORT_BITS];
    let mut symbol = 0;
    while symbol < 256 {
        let length = LENGTHS[symbol] as u32;
        if length <= SHORT_BITS {
            let spare = SHORT_BITS - length;
            let first = (CODES[symbol] << spare) as usize;
            let mut i = first;
            while i < first + (1 << spare) {
                table[i] = Short {
                    symbol: symbol as u8,
                    length: length as u8,
                };
                i += 1;
            }
        }
        symbol += 1;
    }
    table
};

/// The code of each symbol, in the low bits.
static CODES: [u32; SYMBOLS] = {
    let mut codes = [0; SYMBOLS];
    let mut rank = 0;
    while rank < SYMBOLS {
        let symbol = SORTED[rank] as usize;
        let length = LENGTHS[symbol] as usize;
        codes[symbol] = FIRST_CODES[length] + rank as u32 - PLACES[length] as u32;
        rank += 1;
    }
    codes
};

/// The symbols in the order of their codes: by length, then by number.
static SORTED: [u16; SYMBOLS] = {
    let mut sorted = [0; SYMBOLS];
    let mut rank = 0;
    let mut length = 1;
    while length <= MAX_LENGTH {
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as u32 == length {
                sorted[rank] = symbol as u16;
                rank += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    sorted
};

/// The number of codes of each length.
const COUNTS: [u16; MAX_LENGTH as usize + 1] = {
    let mut counts = [0; MAX_LENGTH as usize + 1];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        counts[LENGTHS[symbol] as usize] += 1;
        symbol += 1;
    }
    counts
};

/// The index in `SORTED` at which the symbols of each length begin.
const PLACES: [u16; MAX_LENGTH as usize + 1] = {
    let mut places = [0; MAX_LENGTH as usize + 1];
    let mut length = 1;
    while length < places.len() {
        places[length] = places[length - 1] + COUNTS[length - 1];
        length += 1;
    }
    places
};

/// The first code of each length.
const FIRST_CODES: [u32; MAX_LENGTH as usize + 1] = {
    let mut codes = [0; MAX_LENGTH as usize + 1];
    let mut length = 1;
    while length < codes.len() {
        codes[length] = (codes[length - 1] + COUNTS[length - 1] as u32) << 1;
        length += 1;
    }
    codes
};

/// The end of the codes of each length, left-aligned to 32 bits. The last length is not included, because its end would need 33
/// bits.
const ENDS: [u32; MAX_LENGTH as usize] = {
    let mut ends = [0; MAX_LENGTH as usize];
    let mut length = 1;
    while length < ends.len() {
        ends[length] = (FIRST_CODES[length] + COUNTS[length] as u32) << (32 - length);
        length += 1;
    }
    ends
};

/// The length of each symbol's code, in bits.
#[rustfmt::skip]
static LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(bytes: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(bytes, &mut out);
        assert_eq!(out.len(), encoded_len(bytes));
        out.to_vec()
    }

    fn decoded(input: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        decode(input, &mut out).map(|()| out)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // The first and the last code of some lengths, from appendix B.
        for (symbol, code, length) in [
            (b'0', 0x0, 5),
            (b't', 0x9, 5),
            (b' ', 0x14, 6),
            (b'u', 0x2d, 6),
            (b':', 0x5c, 7),
            (b'z', 0x7b, 7),
            (b'&', 0xf8, 8),
            (b'Z', 0xfd, 8),
            (b'!', 0x3f8, 10),
            (b'?', 0x3fc, 10),
            (b'|', 0x7fc, 11),
            (b'\\', 0x7fff0, 19),
            (0x80, 0xfffe6, 20),
            (0xff, 0x3ffffee, 26),
            (0x01, 0x7fffd8, 23),
            (0xf9, 0xffffffe, 28),
            (0x16, 0x3ffffffe, 30),
        ] {
            assert_eq!(CODES[usize::from(symbol)], code, "{symbol}");
            assert_eq!(LENGTHS[usize::from(symbol)], length, "{symbol}");
        }
        assert_eq!(CODES[usize::from(EOS)], 0x3fff_ffff);
    }

    #[test]
    fn every_byte_comes_back() {
        for byte in 0..=u8::MAX {
            for count in 1..=9 {
                let bytes = vec![byte; count];
                assert_eq!(decoded(&encoded(&bytes)), Ok(bytes));
            }
        }
    }

    #[test]
    fn padding_is_short_and_all_ones() {
        assert_eq!(encoded(b"a"), [0b0001_1111]);
        assert_eq!(decoded(&[]), Ok(vec![]));
        assert_eq!(decoded(&[0b0001_1111]), Ok(b"a".to_vec()));
        for wrong in [
            // The padding is not all ones.
            &[0b0001_1110][..],
            &[0b0001_1011],
            // The padding has eight bits or more.
            &[0xff],
            &[0b0001_1111, 0xff],
            &[0xff, 0xff, 0xff],
            // The last code is incomplete.
            &[0b0001_1111, 0b1111_1110],
            &[0xff, 0xfe],
        ] {
            assert_eq!(decoded(wrong), Err(DecodeError::Huffman), "{wrong:?}");
        }
    }

    #[test]
    fn eos_is_refused() {
        assert_eq!(decoded(&[0xff; 4]), Err(DecodeError::Huffman));
        assert_eq!(decoded(&[0xff; 40]), Err(DecodeError::Huffman));
        // "a", EOS, and padding.
        let inside = [0b0001_1111, 0xff, 0xff, 0xff, 0b1111_1111];
        assert_eq!(decoded(&inside), Err(DecodeError::Huffman));
    }

    proptest! {
        #[test]
        fn round_trip(bytes: Vec<u8>) {
            prop_assert_eq!(decoded(&encoded(&bytes)), Ok(bytes));
        }

        #[test]
        fn decoded_text_has_one_encoding(input: Vec<u8>) {
            if let Ok(bytes) = decoded(&input) {
                prop_assert_eq!(encoded(&bytes), input);
            }
        }

        // These characters have short codes, so most texts can still be decoded after one bit has changed.
        #[test]
        fn a_changed_bit_is_never_the_same_text(text in "[a-z0-9/.-]{1,40}", bit: usize) {
            let mut input = encoded(text.as_bytes());
            let bit = bit % (input.len() * 8);
            input[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_ne!(decoded(&input), Ok(text.into_bytes()));
        }
    }
}
