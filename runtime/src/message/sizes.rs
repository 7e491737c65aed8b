//! Measuring of a message.

use super::{Sink, varint};

/// Counts the bytes of a message. Keeps the length of each part that [`Sink::delimited`] writes, because the length is written
/// before the part. So each part is measured once, however deep it is nested.
#[derive(Debug, Default)]
pub struct Sizes {
    total: usize,
    /// The lengths of parts, in the order in which the parts begin.
    lengths: Vec<usize>,
}

impl Sizes {
    /// Starts to measure a message. Lengths are kept in `lengths`, whose content is dropped.
    pub(super) fn new(mut lengths: Vec<usize>) -> Sizes {
        lengths.clear();
        Sizes { total: 0, lengths }
    }

    /// Returns the length of the message, and the lengths of its parts.
    pub(super) fn finish(self) -> (usize, Vec<usize>) {
        (self.total, self.lengths)
    }
}

/// Where a part begins: the index of its length, and the number of bytes before it.
struct Start {
    place: usize,
    before: usize,
}

/// The steps before and after a part, which are compiled once for all messages.
impl Sizes {
    fn begin(&mut self) -> Start {
        let place = self.lengths.len();
        self.lengths.push(0);
        Start {
            place,
            before: self.total,
        }
    }

    fn end(&mut self, key: u32, Start { place, before }: Start) {
        let length = self.total - before;
        if let Some(place) = self.lengths.get_mut(place) {
            *place = length;
        }
        self.varint(key, length as u64);
    }
}

impl Sink for Sizes {
    #[inline(always)]
    fn key(&mut self, key: u32) {
        self.total += varint::length(u64::from(key));
    }

    #[inline(always)]
    fn varint(&mut self, key: u32, value: u64) {
        self.total += varint::length(u64::from(key)) + varint::length(value);
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self, key: u32, _bytes: [u8; N]) {
        self.total += varint::length(u64::from(key)) + N;
    }

    #[inline(always)]
    fn bytes(&mut self, key: u32, bytes: &[u8]) {
        self.varint(key, bytes.len() as u64);
        self.total += bytes.len();
    }

    #[inline]
    fn delimited(&mut self, key: u32, write: impl FnOnce(&mut Sizes)) {
        let start = self.begin();
        write(self);
        self.end(key, start);
    }

    fn foreign(&mut self, key: u32, message: &impl prost::Message) {
        let length = message.encoded_len();
        self.varint(key, length as u64);
        self.total += length;
    }

    fn raw(&mut self, fields: &[u8]) {
        self.total += fields.len();
    }

    #[inline]
    fn varints(&mut self, values: impl Iterator<Item = u64>) {
        self.total += values.map(varint::length).sum::<usize>();
    }

    #[inline]
    fn fixed_numbers<const N: usize>(&mut self, values: impl ExactSizeIterator<Item = [u8; N]>) {
        self.total += values.len() * N;
    }
}
