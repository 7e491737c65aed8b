//! What the compiler has to be able to do with a field's text: compare it, and hash it.

/// `==` for slices, which is not a const fn.
pub(super) const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut same = a.len() == b.len();
    let mut i = 0;
    while same && i < a.len() {
        same = a[i] == b[i];
        i += 1;
    }
    same
}

/// The hash of a field's text: multiply and fold, eight bytes at a time. It is a const fn, so that a static field's hash is part of the program.
pub(crate) const fn hash(name: &[u8], value: &[u8]) -> u32 {
    let state = absorb(0x243f_6a88_85a3_08d3, name);
    let state = absorb(state, value);
    (state ^ (state >> 32)) as u32
}

const fn absorb(state: u64, mut bytes: &[u8]) -> u64 {
    let mut state = fold(state, bytes.len() as u64);
    while let Some((chunk, rest)) = bytes.split_first_chunk() {
        state = fold(state, u64::from_le_bytes(*chunk));
        bytes = rest;
    }
    let mut last = 0;
    while let [byte, rest @ ..] = bytes {
        last = last << 8 | *byte as u64;
        bytes = rest;
    }
    fold(state, last)
}

const fn fold(state: u64, word: u64) -> u64 {
    let product = (state ^ word) as u128 * 0x9e37_79b9_7f4a_7c15;
    (product as u64 ^ (product >> 64) as u64).wrapping_add(0x1319_8a2e_0370_7344)
}
