//! From fields to header blocks.

use bytes::{BufMut, BytesMut};

use super::dynamic_table::{DynamicTable, EntryId};
use super::index::Index;
use super::{DEFAULT_TABLE_SIZE, huffman, integer, static_table};
use crate::base::header::{self, Header};

/// Turns fields into the header blocks of one direction of a connection.
///
/// It indexes what repeats: a field enters the table when it is encoded for the second time. What differs on every call
/// (a timeout, a request's id) does not push out what stays.
pub(crate) struct Encoder {
    table: DynamicTable,
    /// The table's entries by the hash of the field.
    fields: Index,
    /// For every name that is not in the static table, an entry that has it, by the hash of the name.
    names: Index,
    history: History,
    /// Sizes of the table that the decoder has to be told of.
    resized: Option<Resized>,
}

impl Encoder {
    /// An encoder for a peer that has not said what table it has: 4,096 bytes, the protocol's default.
    pub(crate) fn new() -> Encoder {
        Encoder {
            table: DynamicTable::new(DEFAULT_TABLE_SIZE),
            fields: Index::new(),
            names: Index::new(),
            history: History::new(),
            resized: None,
        }
    }

    /// Takes the peer's SETTINGS_HEADER_TABLE_SIZE. We use at most 4,096 bytes of it.
    ///
    /// The next header block says so; also how small the table was in between (RFC 7541, 4.2).
    pub(crate) fn set_max_table_size(&mut self, size: usize) {
        let size = size.min(DEFAULT_TABLE_SIZE);
        if size == self.table.max_size() {
            return;
        }
        let smallest = self.resized.map_or(size, |resized| resized.smallest);
        self.resized = Some(Resized {
            smallest: smallest.min(size),
            last: size,
        });
        let (fields, names) = (&mut self.fields, &mut self.names);
        self.table
            .set_max_size(size, |id, header| forget(fields, names, id, header));
    }

    /// Appends one header block to `out`.
    pub(crate) fn encode<'a>(
        &mut self,
        headers: impl IntoIterator<Item = &'a Header>,
        out: &mut BytesMut,
    ) {
        if let Some(resized) = self.resized.take() {
            if resized.smallest < resized.last {
                integer::encode(resized.smallest, 0x20, 5, out);
            }
            integer::encode(resized.last, 0x20, 5, out);
        }
        for header in headers {
            if let Some(index) = self.find(header) {
                integer::encode(index, 0x80, 7, out);
            } else {
                self.encode_literal(header, out);
            }
        }
    }

    /// The index of a field that is in one of the tables.
    fn find(&self, header: &Header) -> Option<usize> {
        if let Some(index) = static_table::find(header) {
            return Some(index);
        }
        let table = &self.table;
        let id = self.fields.find(header.hash(), |id| {
            table.get(table.index_of(id)) == Some(header)
        })?;
        Some(self.wire_index(id))
    }

    fn encode_literal(&mut self, header: &Header, out: &mut BytesMut) {
        let name = header.name();
        let name_hash = header::hash(name, b"");
        let name_index = static_table::find_name(name, name_hash)
            .or_else(|| self.find_name(name, name_hash))
            .unwrap_or(0);
        let insert = self.is_worth_inserting(header);
        if insert {
            integer::encode(name_index, 0x40, 6, out);
        } else {
            integer::encode(name_index, 0x00, 4, out);
        }
        if name_index == 0 {
            encode_string(name, out);
        }
        encode_string(header.value(), out);
        if insert {
            self.insert(header, (name_index == 0).then_some(name_hash));
        }
    }

    fn find_name(&self, name: &[u8], name_hash: u32) -> Option<usize> {
        let table = &self.table;
        let id = self.names.find(name_hash, |id| {
            table
                .get(table.index_of(id))
                .is_some_and(|entry| entry.name() == name)
        })?;
        Some(self.wire_index(id))
    }

    fn wire_index(&self, id: EntryId) -> usize {
        static_table::LEN + 1 + self.table.index_of(id)
    }

    /// Whether the field was encoded before, as far as is remembered, and leaves room for others.
    fn is_worth_inserting(&mut self, header: &Header) -> bool {
        if header.size() > self.table.max_size() / 4 {
            return false;
        }
        self.history.has_seen(header.hash())
    }

    /// `new_name` is the hash of a name that is in neither table yet.
    fn insert(&mut self, header: &Header, new_name: Option<u32>) {
        let (fields, names) = (&mut self.fields, &mut self.names);
        let id = self.table.insert(header.clone(), |id, header| {
            forget(fields, names, id, header);
        });
        if let Some(id) = id {
            self.fields.insert(header.hash(), id);
            if let Some(name_hash) = new_name {
                self.names.insert(name_hash, id);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Resized {
    smallest: usize,
    last: usize,
}

/// The hashes of the last fields that were encoded as literals.
struct History {
    hashes: [u32; History::LEN],
    /// Where the oldest one is.
    oldest: usize,
}

impl History {
    const LEN: usize = 64;

    fn new() -> History {
        History {
            hashes: [0; History::LEN],
            oldest: 0,
        }
    }

    /// Whether this hash is among them. It is from now on.
    fn has_seen(&mut self, hash: u32) -> bool {
        // No early exit, so that the loop becomes one of vectors.
        let is_there = |there, other: &u32| there | (*other == hash);
        let seen = self.hashes.iter().fold(false, is_there);
        if !seen {
            self.hashes[self.oldest] = hash;
            self.oldest = (self.oldest + 1) % History::LEN;
        }
        seen
    }
}

/// Takes an evicted entry out of the indexes.
fn forget(fields: &mut Index, names: &mut Index, id: EntryId, header: &Header) {
    fields.remove(header.hash(), id);
    names.remove(header::hash(header.name(), b""), id);
}

/// Appends a string literal (RFC 7541, 5.2), Huffman-coded if that is shorter.
fn encode_string(string: &[u8], out: &mut BytesMut) {
    let length = huffman::encoded_len(string);
    if length < string.len() {
        integer::encode(length, 0x80, 7, out);
        out.reserve(length);
        huffman::encode(string, out);
    } else {
        integer::encode(string.len(), 0x00, 7, out);
        out.put_slice(string);
    }
}
