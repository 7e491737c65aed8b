//! The table of a connection's streams.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::StreamId;
use super::stream::Stream;

/// A map from streams to values. Drivers use it too.
pub(crate) type StreamMap<T> = HashMap<StreamId, T, SeededHash>;

/// The streams that are open or half-closed.
pub(super) type Streams = StreamMap<Stream>;

/// A hash function for stream ids that takes one multiplication. Its seed prevents a peer, which chooses the ids, from causing
/// collisions.
#[derive(Clone, Debug)]
pub(crate) struct SeededHash(u64);

impl Default for SeededHash {
    fn default() -> SeededHash {
        // This is the standard library's only source of randomness.
        SeededHash(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for SeededHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

/// The state of a hash for stream ids.
pub(crate) struct IdHasher(u64);

impl IdHasher {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for IdHasher {
    fn write_u32(&mut self, id: u32) {
        self.fold(u64::from(id));
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.fold(u64::from(byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
