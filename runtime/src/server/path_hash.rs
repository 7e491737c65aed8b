//! A hash function for the paths of methods.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds [`PathHasher`]s.
pub(super) type PathHash = BuildHasherDefault<PathHasher>;

/// Hashes a path with one multiplication for each eight bytes.
///
/// It has no seed. The paths in the table are the server's own, so a peer cannot choose paths that collide, and the path that it
/// requests is compared with one or two entries.
#[derive(Default)]
pub(super) struct PathHasher(u64);

impl PathHasher {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((word, behind)) = rest.split_first_chunk() {
            self.fold(u64::from_le_bytes(*word));
            rest = behind;
        }
        let tail = rest
            .iter()
            .fold(0, |tail, &byte| tail << 8 | u64::from(byte));
        self.fold(tail);
    }

    /// A slice hashes its length before its bytes.
    fn write_usize(&mut self, length: usize) {
        // The value is never zero, because words of zeros would then not change the hash.
        self.fold(length as u64 + 1);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    /// The server's table uses the seven highest bits, and as many of the lowest as its size needs.
    #[test]
    fn paths_that_differ_in_a_digit_are_spread() {
        let paths =
            (0..10_000).map(|number| format!("/package.Service{number:04}/Method").into_bytes());
        let hashes: Vec<_> = paths
            .map(|path| PathHash::default().hash_one(path))
            .collect();
        let low: HashSet<_> = hashes.iter().map(|hash| hash & 0xffff).collect();
        let high: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
        // The expected number of different values among 65,536 is 9,277.
        assert!(low.len() > 9_100, "{}", low.len());
        assert_eq!(high.len(), 128);
    }

    #[test]
    fn a_path_is_another_with_a_zero_behind_it() {
        let hash = |path: &[u8]| PathHash::default().hash_one(path);
        assert_ne!(hash(b"/a"), hash(b"/a\0"));
        assert_ne!(hash(b""), hash(b"\0\0\0\0\0\0\0\0"));
    }
}
