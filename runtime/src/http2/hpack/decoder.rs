//! The decoder of header blocks.

use std::fmt;

use super::dynamic_table::DynamicTable;
use super::{DEFAULT_TABLE_SIZE, huffman, integer, static_table};
use crate::base::header::Header;

/// Decodes the header blocks of one direction of a connection.
pub(crate) struct Decoder {
    table: DynamicTable,
    /// The largest table size that the encoder may choose.
    table_limit: usize,
    /// Name and value of the current field. Empty between fields.
    scratch: Vec<u8>,
}

impl Decoder {
    /// Creates a decoder whose table may grow to `max_table_size`, the advertised SETTINGS_HEADER_TABLE_SIZE.
    ///
    /// The table starts with the default size of 4,096 bytes and may always use that much, because the encoder does so until it
    /// has received the SETTINGS.
    pub(crate) fn new(max_table_size: usize) -> Decoder {
        Decoder {
            table: DynamicTable::new(DEFAULT_TABLE_SIZE),
            table_limit: max_table_size.max(DEFAULT_TABLE_SIZE),
            scratch: Vec::new(),
        }
    }

    /// Decodes a complete header block. `each` is called for every field in order, and returns whether to continue. Returns
    /// whether the block changed the table.
    ///
    /// # Errors
    /// Returns an error if the block is invalid, or if `each` has stopped it. The connection must then end, because the table no
    /// longer equals the encoder's (RFC 9113, 4.3).
    pub(crate) fn decode(
        &mut self,
        block: &[u8],
        mut each: impl FnMut(Header) -> bool,
    ) -> Result<Table, DecodeError> {
        let mut input = block;
        let mut table = Table::Kept;
        let mut may_resize = true;
        // This bounds time and memory by the block's length, although two bytes can refer to a long name.
        let mut copied_names = 0;
        let copy_limit = FREE_COPIES + block.len() * COPIES_PER_BYTE;
        while let Some((&first, rest)) = input.split_first() {
            input = rest;
            let (prefix_bits, indexing) = match first {
                // An indexed field (RFC 7541, 6.1).
                0x80.. => {
                    let index = integer::decode(first, 7, &mut input)?;
                    if !each(self.entry(index)?.clone()) {
                        return Err(DecodeError::Stopped);
                    }
                    may_resize = false;
                    continue;
                }
                // A literal with indexing (RFC 7541, 6.2.1).
                0x40..0x80 => (6, true),
                // A new table size (RFC 7541, 6.3).
                0x20..0x40 => {
                    let size = integer::decode(first, 5, &mut input)?;
                    if !may_resize {
                        return Err(DecodeError::MisplacedSizeUpdate);
                    }
                    self.resize(size)?;
                    table = Table::Changed;
                    continue;
                }
                // A literal that is not indexed, or never indexed (RFC 7541, 6.2.2 and 6.2.3).
                ..0x20 => (4, false),
            };
            may_resize = false;
            let name_index = integer::decode(first, prefix_bits, &mut input)?;
            let header = self.literal(name_index, &mut input)?;
            if name_index > 0 {
                copied_names += header.name().len();
                if copied_names > copy_limit {
                    return Err(DecodeError::Bomb);
                }
            }
            if indexing {
                self.table.insert(header.clone(), |_, _| {});
                table = Table::Changed;
            }
            if !each(header) {
                return Err(DecodeError::Stopped);
            }
        }
        if self.scratch.capacity() > MAX_IDLE_SCRATCH {
            self.scratch = Vec::new();
        }
        Ok(table)
    }

    fn entry(&self, index: usize) -> Result<&Header, DecodeError> {
        match index.checked_sub(static_table::LEN + 1) {
            Some(index) => self.table.get(index),
            None => static_table::get(index),
        }
        .ok_or(DecodeError::InvalidIndex)
    }

    /// Decodes a literal field from `input`, which contains its value and, if the index is 0, its name.
    fn literal(&mut self, name_index: usize, input: &mut &[u8]) -> Result<Header, DecodeError> {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        if name_index == 0 {
            string(input, &mut text)?;
        } else {
            text.extend_from_slice(self.entry(name_index)?.name());
        }
        let name_len = text.len();
        string(input, &mut text)?;
        let header = Header::from_joined(&text, name_len);
        self.scratch = text;
        Ok(header)
    }

    fn resize(&mut self, size: usize) -> Result<(), DecodeError> {
        if size > self.table_limit {
            return Err(DecodeError::TableTooLarge);
        }
        self.table.set_max_size(size, |_, _| {});
        Ok(())
    }

    /// Returns the sum of the sizes of the table's entries.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn table_size(&self) -> usize {
        self.table.size()
    }
}

/// The effect of a header block on the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    /// The table is unchanged. The same block would decode to the same fields again.
    Kept,
    Changed,
}

/// Consumes a string literal (RFC 7541, 5.2) from the front of `input` and appends it to `text`.
fn string(input: &mut &[u8], text: &mut Vec<u8>) -> Result<(), DecodeError> {
    let (&first, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
    *input = rest;
    let length = integer::decode(first, 7, input)?;
    let (string, rest) = input
        .split_at_checked(length)
        .ok_or(DecodeError::Truncated)?;
    *input = rest;
    if first & 0x80 == 0 {
        text.extend_from_slice(string);
        Ok(())
    } else {
        huffman::decode(string, text)
    }
}

/// The scratch space that a decoder keeps between blocks, in bytes.
const MAX_IDLE_SCRATCH: usize = 4096;

/// The number of bytes of the tables' names that the literals of any block may repeat. [`COPIES_PER_BYTE`] allows more.
const FREE_COPIES: usize = 65_536;
/// The number of further bytes of names for each byte of the block. The longest common names have 30 bytes.
const COPIES_PER_BYTE: usize = 16;

/// The reason why a header block cannot be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DecodeError {
    /// The block ends within a field.
    Truncated,
    /// An integer has more than 32 bits.
    IntegerTooLarge,
    /// An index has no entry.
    InvalidIndex,
    /// A Huffman string contains EOS or has invalid padding.
    Huffman,
    /// The table would exceed the limit.
    TableTooLarge,
    /// A size update follows a field.
    MisplacedSizeUpdate,
    /// Literals repeat long names of the table, so that the fields are many times larger than the block.
    Bomb,
    /// The caller wants no more fields.
    Stopped,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::Truncated => "the header block ends within a field",
            DecodeError::IntegerTooLarge => "an integer of the header block has more than 32 bits",
            DecodeError::InvalidIndex => "the header block has an index without an entry",
            DecodeError::Huffman => "the header block has an invalid Huffman string",
            DecodeError::TableTooLarge => "the header block sets a table size above the limit",
            DecodeError::MisplacedSizeUpdate => "the header block sets a table size after a field",
            DecodeError::Bomb => "the header block repeats long names too often",
            DecodeError::Stopped => "the header block has too many fields",
        })
    }
}
