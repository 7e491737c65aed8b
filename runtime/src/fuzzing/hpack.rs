//! Targets `hpack` and `hpack_round_trip`: header blocks of any bytes, and those of our encoder.

use std::collections::HashSet;

use bytes::BytesMut;

use super::input::Input;
use crate::base::header::Header;
use crate::http2::hpack::{Decoder, Encoder};

/// Capacity of the HPACK tables, in bytes.
const TABLE_SIZE: usize = 4_096;

/// Decodes blocks of any bytes. Each block is preceded by two bytes with its length.
///
/// Fields that decode are encoded and decoded again, and must come out the same.
pub fn hpack(input: &[u8]) {
    let mut input = Input::new(input);
    let mut decoder = Decoder::new(TABLE_SIZE);
    let mut again = Pair::new();
    while !input.is_empty() {
        let length = input.word();
        let block = input.take(length);
        let mut fields = Vec::new();
        let mut literal_bytes = 0;
        let mut shared = HashSet::new();
        let result = decoder.decode(block, |field| {
            // Entries of a table are shared, so that only the first use costs memory.
            if shared.insert(field.name().as_ptr()) {
                literal_bytes += field.name().len() + field.value().len();
            }
            fields.push(field);
            true
        });
        assert!(fields.len() <= block.len());
        // The shortest Huffman code has 5 bits. Names that come from the tables are limited.
        let most = TABLE_SIZE + 65_536 + 2 * TABLE_SIZE + 18 * block.len();
        assert!(literal_bytes <= most, "{literal_bytes} of {}", block.len());
        assert!(decoder.table_size() <= TABLE_SIZE);
        if result.is_err() {
            return;
        }
        // The encoder must not turn small blocks into decompression bombs.
        let size: usize = fields.iter().map(Header::size).sum();
        if size < 60_000 {
            again.send(&fields);
        }
    }
}

/// Checks that encoded fields decode to themselves, with any table sizes that the peer sets.
///
/// A byte from 240 on sets a table size, given by the next two bytes. Any other byte begins a block and has the
/// number of its fields.
pub fn hpack_round_trip(input: &[u8]) {
    let mut input = Input::new(input);
    let mut pair = Pair::new();
    while !input.is_empty() {
        match input.byte() {
            240.. => pair.resize(input.word()),
            count => {
                let fields: Vec<Header> = (0..count % 16).map(|_| field(&mut input)).collect();
                pair.send(&fields);
            }
        }
    }
}

/// Reads a field. Fields often repeat, have a name in common, or are as large as the table.
fn field(input: &mut Input<'_>) -> Header {
    match input.byte() {
        choice @ 0..64 => Header::new(b"x-often", &[choice % 8 + b'0']),
        choice @ 64..80 => Header::new(b"x-large", &vec![b'v'; usize::from(choice - 64) * 70]),
        80..96 => Header::from_static(":method", "POST"),
        96..112 => Header::new(b":path", input.string()),
        choice @ 112..128 => Header::new(&[b'n', choice], b"value"),
        _ => Header::new(input.string(), input.string()),
    }
}

/// An encoder and the decoder at its other end.
struct Pair {
    encoder: Encoder,
    decoder: Decoder,
    size: usize,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            encoder: Encoder::new(),
            decoder: Decoder::new(TABLE_SIZE),
            size: TABLE_SIZE,
        }
    }

    fn resize(&mut self, size: usize) {
        self.encoder.set_max_table_size(size);
        self.size = size.min(TABLE_SIZE);
    }

    fn send(&mut self, fields: &[Header]) {
        let mut block = BytesMut::new();
        self.encoder.encode(fields, &mut block);
        // Two size updates, and the longest length and index for each field.
        let most: usize = fields.iter().map(Header::size).sum();
        assert!(block.len() <= most + 10, "a block larger than its fields");
        let mut decoded = Vec::new();
        self.decoder
            .decode(&block, |field| {
                decoded.push(field);
                true
            })
            .expect("our header blocks should decode");
        assert_eq!(decoded, fields);
        assert!(self.decoder.table_size() <= self.size, "a table too large");
    }
}
