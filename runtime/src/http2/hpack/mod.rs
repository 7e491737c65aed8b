//! HPACK, header compression for HTTP/2 (RFC 7541).

mod decoder;
mod dynamic_table;
mod encoder;
mod huffman;
mod index;
mod integer;
mod static_table;
#[cfg(test)]
mod tests;

pub(crate) use self::decoder::{DecodeError, Decoder, Table};
pub(crate) use self::encoder::Encoder;

/// The size of a dynamic table unless SETTINGS change it (RFC 9113, 6.5.2).
const DEFAULT_TABLE_SIZE: usize = 4096;
