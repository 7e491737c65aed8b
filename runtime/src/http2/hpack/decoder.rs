//! From header blocks to fields.

use std::fmt;

use crate::header::Header;

/// Turns the header blocks of one direction of a connection into fields.
pub(crate) struct Decoder;

impl Decoder {
    /// A decoder whose table may grow to `max_table_size`, which is what we advertise as SETTINGS_HEADER_TABLE_SIZE.
    pub(crate) fn new(_max_table_size: usize) -> Decoder {
        Decoder
    }

    /// Decodes one whole header block. `each` is called for every field, in order.
    ///
    /// An error is a connection error COMPRESSION_ERROR (RFC 9113, 4.3): the table is lost.
    pub(crate) fn decode(
        &mut self,
        _block: &[u8],
        _each: impl FnMut(Header),
    ) -> Result<(), DecodeError> {
        Err(DecodeError::Truncated)
    }
}

/// Why a header block could not be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DecodeError {
    Truncated,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header block ends within a field")
    }
}
