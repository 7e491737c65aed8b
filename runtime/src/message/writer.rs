//! Writing of a message.

use std::cell::Cell;
use std::slice;

use bytes::BufMut;

use super::{Message, Sink, Sizes, varint};

/// The number of lengths that a thread keeps room for between messages.
const KEPT: usize = 4096;

/// The number of bytes that are collected before they are written to the buffer.
const CHUNK: usize = 256;

thread_local! {
    /// The lengths of the last message's parts. Their memory is used again.
    static LENGTHS: Cell<Vec<usize>> = const { Cell::new(Vec::new()) };
}

/// Writes a message that was measured before.
#[derive(Debug)]
pub struct Writer<'a, B> {
    buffer: &'a mut B,
    lengths: slice::Iter<'a, usize>,
}

/// Returns the number of bytes of an encoded message.
pub fn encoded_len<M: Message>(message: &M) -> usize {
    measured(message, |length, _| length)
}

/// Appends an encoded message to a buffer, which should have room for it.
pub fn encode<M: Message>(message: &M, buffer: &mut impl BufMut) {
    encode_to(message, |_| Some(buffer));
}

/// Appends an encoded message to the buffer that `room` returns for its length.
pub(crate) fn encode_to<'a, M: Message, B: BufMut + 'a>(
    message: &M,
    room: impl FnOnce(usize) -> Option<&'a mut B>,
) {
    measured(message, |length, lengths| {
        if let Some(buffer) = room(length) {
            let lengths = lengths.iter();
            message.write(&mut Writer { buffer, lengths });
        }
    });
}

/// Measures a message, and passes its length and those of its parts to `then`.
#[inline]
fn measured<M: Message, R>(message: &M, then: impl FnOnce(usize, &[usize]) -> R) -> R {
    let (length, lengths) = Sizes::of(message, LENGTHS.take());
    let result = then(length, &lengths);
    if lengths.capacity() <= KEPT {
        LENGTHS.set(lengths);
    }
    result
}

impl<B: BufMut> Sink for Writer<'_, B> {
    /// Keys are constants, so nothing is left of the `match`.
    #[inline(always)]
    fn key(&mut self, key: u32) {
        match key {
            0..=0x7f => self.buffer.put_u8(key as u8),
            0x80..=0x3fff => self.buffer.put_slice(&two_bytes(key)),
            _ => self.long(u64::from(key)),
        }
    }

    /// Writes a short key and a short value at once.
    #[inline(always)]
    fn varint(&mut self, key: u32, value: u64) {
        match (key, value) {
            (0..=0x7f, 0..=0x7f) => self.buffer.put_slice(&[key as u8, value as u8]),
            (0x80..=0x3fff, 0..=0x7f) => {
                let [low, high] = two_bytes(key);
                self.buffer.put_slice(&[low, high, value as u8]);
            }
            _ => {
                self.key(key);
                self.long(value);
            }
        }
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self, key: u32, bytes: [u8; N]) {
        self.key(key);
        self.buffer.put_slice(&bytes);
    }

    #[inline(always)]
    fn bytes(&mut self, key: u32, bytes: &[u8]) {
        self.varint(key, bytes.len() as u64);
        self.buffer.put_slice(bytes);
    }

    #[inline]
    fn delimited(&mut self, key: u32, write: impl FnOnce(&mut Self)) {
        let length = self.lengths.next().copied().unwrap_or_default();
        self.varint(key, length as u64);
        write(self);
    }

    fn foreign(&mut self, key: u32, message: &impl prost::Message) {
        self.varint(key, message.encoded_len() as u64);
        message.encode_raw(self.buffer);
    }

    /// Writes the integers to an array first, which takes fewer checks.
    #[inline]
    fn varints(&mut self, values: impl Iterator<Item = u64>) {
        let (mut array, mut filled) = ([0; CHUNK], 0);
        for value in values {
            let mut place = array.get_mut(filled..).and_then(<[u8]>::first_chunk_mut);
            if place.is_none() {
                self.flush(&array, filled);
                filled = 0;
                place = array.first_chunk_mut();
            }
            if let Some(place) = place {
                filled += varint::write(value, place);
            }
        }
        self.flush(&array, filled);
    }

    #[inline]
    fn fixed_numbers<const N: usize>(&mut self, values: impl ExactSizeIterator<Item = [u8; N]>) {
        for bytes in values {
            self.buffer.put_slice(&bytes);
        }
    }
}

impl<B: BufMut> Writer<'_, B> {
    /// Writes an integer byte by byte. Collecting the bytes would make the processor wait: it could not read together what was
    /// written separately just before.
    fn long(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.buffer.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }

    /// Writes the first bytes of an array.
    fn flush(&mut self, array: &[u8; CHUNK], filled: usize) {
        self.buffer
            .put_slice(array.get(..filled).unwrap_or_default());
    }
}

/// Returns a key of two bytes as they are written.
#[inline(always)]
fn two_bytes(key: u32) -> [u8; 2] {
    [key as u8 | 0x80, (key >> 7) as u8]
}
