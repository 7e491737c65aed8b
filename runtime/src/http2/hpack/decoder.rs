//! From header blocks to fields.

use std::fmt;

use super::dynamic_table::DynamicTable;
use super::{DEFAULT_TABLE_SIZE, huffman, integer, static_table};
use crate::base::header::Header;

/// Turns the header blocks of one direction of a connection into fields.
pub(crate) struct Decoder {
    table: DynamicTable,
    /// The largest table that the encoder may choose.
    table_limit: usize,
    /// The text of the field being read, name and value. Empty between fields.
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder whose table may grow to `max_table_size`, which is what we advertise as SETTINGS_HEADER_TABLE_SIZE.
    ///
    /// The table starts with the default size, 4,096 bytes, and may keep it: until the encoder has seen our SETTINGS, it
    /// uses that much.
    pub(crate) fn new(max_table_size: usize) -> Decoder {
        Decoder {
            table: DynamicTable::new(DEFAULT_TABLE_SIZE),
            table_limit: max_table_size.max(DEFAULT_TABLE_SIZE),
            scratch: Vec::new(),
        }
    }

    /// Decodes one whole header block. `each` is called for every field, in order, and says whether to go on. Says what became of
    /// the table.
    ///
    /// An error ends the connection (RFC 9113, 4.3): the table is lost.
    pub(crate) fn decode(
        &mut self,
        block: &[u8],
        mut each: impl FnMut(Header) -> bool,
    ) -> Result<Table, DecodeError> {
        let mut input = block;
        let mut table = Table::Kept;
        let mut may_resize = true;
        // So that time and memory are linear in the block's length, although two bytes can name a long name.
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
                // A new size of the table (RFC 7541, 6.3).
                0x20..0x40 => {
                    let size = integer::decode(first, 5, &mut input)?;
                    if !may_resize {
                        return Err(DecodeError::MisplacedSizeUpdate);
                    }
                    self.resize(size)?;
                    table = Table::Changed;
                    continue;
                }
                // A literal that is not, or never, to be indexed (RFC 7541, 6.2.2 and 6.2.3).
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

    /// A field whose value, and whose name if the index is 0, stand in `input`.
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

    /// The sum of the sizes of the table's entries.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn table_size(&self) -> usize {
        self.table.size()
    }
}

/// What a header block has done to the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    /// Nothing: the same block after it has the same fields.
    Kept,
    Changed,
}

/// Takes a string literal (RFC 7541, 5.2) off the front of `input` and appends it to `text`.
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

/// How much scratch space a decoder keeps between blocks.
const MAX_IDLE_SCRATCH: usize = 4096;

/// How many bytes of names out of the tables a block's literals may repeat: this many, and
const FREE_COPIES: usize = 65_536;
/// this many for every byte of the block. The longest usual names have 30 bytes.
const COPIES_PER_BYTE: usize = 16;

/// Why a header block could not be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DecodeError {
    /// It ends within a field.
    Truncated,
    /// An integer of more than 32 bits.
    IntegerTooLarge,
    /// An index of no entry.
    InvalidIndex,
    /// A Huffman string with EOS in it, or with wrong padding.
    Huffman,
    /// A table larger than we allow.
    TableTooLarge,
    /// A size update after the first field.
    MisplacedSizeUpdate,
    /// Literals that repeat long names of the table until the fields are many times larger than the block.
    Bomb,
    /// Whoever takes the fields wants no more of them.
    Stopped,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::Truncated => "the header block ends within a field",
            DecodeError::IntegerTooLarge => "an integer of the header block has more than 32 bits",
            DecodeError::InvalidIndex => "the header block refers to no entry of the tables",
            DecodeError::Huffman => "the header block has an invalid Huffman string",
            DecodeError::TableTooLarge => "the header block sets a table size above the limit",
            DecodeError::MisplacedSizeUpdate => "the header block sets a table size after a field",
            DecodeError::Bomb => "the header block repeats long names too often",
            DecodeError::Stopped => "the header block has more fields than are wanted",
        })
    }
}
