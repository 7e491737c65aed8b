//! Writing of a message.

use std::cell::Cell;
use std::slice;

use bytes::{BufMut, BytesMut};

use super::{Binary, Sink, Sizes, varint};

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

/// A message of any type that can be encoded. Functions that take a `&dyn Encode` are compiled once for all types.
pub trait Encode {
    /// Counts the bytes of the message.
    fn measure(&self, sizes: &mut Sizes);

    /// Writes the message.
    fn write_to(&self, writer: &mut Writer<'_, BytesMut>);
}

impl<'a, M: Binary<'a>> Encode for M {
    fn measure(&self, sizes: &mut Sizes) {
        self.write(sizes);
    }

    fn write_to(&self, writer: &mut Writer<'_, BytesMut>) {
        self.write(writer);
    }
}

/// Returns the number of bytes of an encoded message.
pub fn encoded_len(message: &dyn Encode) -> usize {
    let mut sizes = Sizes::new(LENGTHS.take());
    message.measure(&mut sizes);
    let (length, lengths) = sizes.finish();
    keep(lengths);
    length
}

/// Appends an encoded message to the buffer that `room` returns for its length.
pub(crate) fn encode_to<'a>(
    message: &dyn Encode,
    room: impl FnOnce(usize) -> Option<&'a mut BytesMut>,
) {
    let mut sizes = Sizes::new(LENGTHS.take());
    message.measure(&mut sizes);
    let (length, lengths) = sizes.finish();
    if let Some(buffer) = room(length) {
        let parts = lengths.iter();
        message.write_to(&mut Writer {
            buffer,
            lengths: parts,
        });
    }
    keep(lengths);
}

/// Appends an encoded message to any buffer, which should have room for it.
pub fn encode<'a, M: Binary<'a>>(message: &M, buffer: &mut impl BufMut) {
    let mut sizes = Sizes::new(LENGTHS.take());
    message.write(&mut sizes);
    let (_, lengths) = sizes.finish();
    let parts = lengths.iter();
    message.write(&mut Writer {
        buffer,
        lengths: parts,
    });
    keep(lengths);
}

/// Keeps the memory of lengths for the next message.
fn keep(lengths: Vec<usize>) {
    if lengths.capacity() <= KEPT {
        LENGTHS.set(lengths);
    }
}

impl<B: BufMut> Sink for Writer<'_, B> {
    /// Keys are constants, so the compiler removes the `match`.
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
        self.begin(key);
        write(self);
    }

    fn foreign(&mut self, key: u32, message: &impl prost::Message) {
        self.varint(key, message.encoded_len() as u64);
        message.encode_raw(self.buffer);
    }

    fn raw(&mut self, fields: &[u8]) {
        self.buffer.put_slice(fields);
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
    /// Writes an integer byte by byte. To collect the bytes in an array first would be slower: a processor must wait before it
    /// can read together bytes that it has just written one by one.
    fn long(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.buffer.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }

    /// Writes the key and the length of a part.
    fn begin(&mut self, key: u32) {
        let length = self.lengths.next().copied().unwrap_or_default();
        self.varint(key, length as u64);
    }

    /// Writes the first bytes of an array.
    fn flush(&mut self, array: &[u8; CHUNK], filled: usize) {
        self.buffer
            .put_slice(array.get(..filled).unwrap_or_default());
    }
}

/// Encodes a key that takes two bytes.
#[inline(always)]
fn two_bytes(key: u32) -> [u8; 2] {
    [key as u8 | 0x80, (key >> 7) as u8]
}
