//! The encoder of header blocks.

use bytes::{BufMut, BytesMut};

use super::dynamic_table::{DynamicTable, EntryId};
use super::index::Index;
use super::{DEFAULT_TABLE_SIZE, huffman, integer, static_table};
use crate::base::header::{self, Header};

/// Encodes the header blocks of one direction of a connection.
///
/// A field is inserted into the table when it is encoded for the second time. So values that differ in every call, such as
/// timeouts and request ids, do not evict those that repeat.
pub(crate) struct Encoder {
    table: DynamicTable,
    /// The table's entries by the hash of the field.
    fields: Index,
    /// An entry for each name that is not in the static table, by the hash of the name.
    names: Index,
    history: History,
    /// Changes of the table's size that have not been sent to the decoder.
    resized: Option<Resized>,
}

impl Encoder {
    /// Creates an encoder for a peer whose SETTINGS are not known. Its table has the protocol's default size, 4,096 bytes.
    pub(crate) fn new() -> Encoder {
        Encoder {
            table: DynamicTable::new(DEFAULT_TABLE_SIZE),
            fields: Index::new(),
            names: Index::new(),
            history: History::new(),
            resized: None,
        }
    }

    /// Applies the peer's SETTINGS_HEADER_TABLE_SIZE. At most 4,096 bytes of it are used.
    ///
    /// The next header block announces the new size, and also the smallest one in between (RFC 7541, 4.2).
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

    /// Returns the index of a field that is in one of the tables.
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

    /// Returns whether the field was encoded recently and is small enough to leave room for others.
    fn is_worth_inserting(&mut self, header: &Header) -> bool {
        if header.size() > self.table.max_size() / 4 {
            return false;
        }
        self.history.has_seen(header.hash())
    }

    /// Inserts a field into the table. `new_name` is the hash of its name, if the name is in neither table yet.
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

/// The hashes of the fields that were last encoded as literals.
struct History {
    hashes: [u32; History::LEN],
    /// The index of the oldest hash.
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

    /// Returns whether this hash is present, and adds it if not.
    fn has_seen(&mut self, hash: u32) -> bool {
        // There is no early exit, so that the loop can be vectorized.
        let is_there = |there, other: &u32| there | (*other == hash);
        let seen = self.hashes.iter().fold(false, is_there);
        if !seen {
            self.hashes[self.oldest] = hash;
            self.oldest = (self.oldest + 1) % History::LEN;
        }
        seen
    }
}

/// Removes an evicted entry from the indexes.
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
