//! Header blocks: any, and those of our encoder.

use std::collections::HashSet;

use bytes::BytesMut;

use super::input::Input;
use crate::base::header::Header;
use crate::http2::hpack::{Decoder, Encoder};

/// What HPACK's tables may hold.
const TABLE_SIZE: usize = 4_096;

/// Blocks of any bytes, one after the other, each behind two bytes that say how long it is. What decodes goes through an
/// encoder and a decoder of ours, and comes out the same.
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
            // An entry of a table is shared, so only the first use costs memory.
            if shared.insert(field.name().as_ptr()) {
                literal_bytes += field.name().len() + field.value().len();
            }
            fields.push(field);
            true
        });
        assert!(fields.len() <= block.len());
        // The shortest code of Huffman has 5 bits; names out of the tables are limited.
        let most = TABLE_SIZE + 65_536 + 2 * TABLE_SIZE + 18 * block.len();
        assert!(literal_bytes <= most, "{literal_bytes} of {}", block.len());
        assert!(decoder.table_size() <= TABLE_SIZE);
        if result.is_err() {
            return;
        }
        // A bomb is none for the encoder, which may not make one of it.
        let size: usize = fields.iter().map(Header::size).sum();
        if size < 60_000 {
            again.send(&fields);
        }
    }
}

/// What goes into the encoder comes out of the decoder, whatever sizes the peer sets for its table.
///
/// A byte from 240 on sets a size, from the two bytes behind it. Any other begins a block: it says how many fields follow.
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

/// Fields that are often the same, or have the same name, or are as large as the table takes.
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
        // Two sizes, and the longest lengths and indexes of each field.
        let most: usize = fields.iter().map(Header::size).sum();
        assert!(block.len() <= most + 10, "a block larger than its fields");
        let mut decoded = Vec::new();
        self.decoder
            .decode(&block, |field| {
                decoded.push(field);
                true
            })
            .expect("what we encode decodes");
        assert_eq!(decoded, fields);
        assert!(self.decoder.table_size() <= self.size, "a table too large");
    }
}
