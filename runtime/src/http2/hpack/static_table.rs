//! The static table (RFC 7541, appendix A).

use std::mem;

use crate::base::header::{Header, hash};

/// The number of entries in the static table. The indexes of the dynamic table start after it.
pub(super) const LEN: usize = TABLE.len();

/// Returns the entry at an index, which starts at 1 as on the wire.
pub(super) fn get(index: usize) -> Option<&'static Header> {
    TABLE.get(index.checked_sub(1)?)
}

/// Returns the index of the entry with this name and value.
pub(super) fn find(header: &Header) -> Option<usize> {
    FIELDS.find(header.hash(), |entry| entry == header)
}

/// Returns the first index of an entry with this name, whose hash with an empty value is `name_hash`.
pub(super) fn find_name(name: &[u8], name_hash: u32) -> Option<usize> {
    NAMES.find(name_hash, |entry| entry.name() == name)
}

/// A hash table of indexes into `TABLE` with linear probing, built by the compiler.
struct Index([u8; Index::SLOTS]);

impl Index {
    const SLOTS: usize = 256;

    fn find(&self, hash: u32, is_match: impl Fn(&Header) -> bool) -> Option<usize> {
        let mut slot = Index::home(hash);
        loop {
            let index = usize::from(*self.0.get(slot)?);
            // An empty slot holds 0, which is not the index of any entry.
            let entry = get(index)?;
            if is_match(entry) {
                return Some(index);
            }
            slot = (slot + 1) % Index::SLOTS;
        }
    }

    const fn insert(&mut self, hash: u32, index: u8) {
        let mut slot = Index::home(hash);
        while self.0[slot] != 0 {
            slot = (slot + 1) % Index::SLOTS;
        }
        self.0[slot] = index;
    }

    const fn home(hash: u32) -> usize {
        hash as usize % Index::SLOTS
    }
}

static FIELDS: Index = {
    let mut index = Index([0; Index::SLOTS]);
    let mut i = 0;
    while i < ENTRIES.len() {
        let (name, value) = ENTRIES[i];
        index.insert(hash(name.as_bytes(), value.as_bytes()), i as u8 + 1);
        i += 1;
    }
    index
};

static NAMES: Index = {
    let mut index = Index([0; Index::SLOTS]);
    let mut i = 0;
    while i < ENTRIES.len() {
        // Entries with the same name are adjacent, and the first one that is inserted is the first one found.
        index.insert(hash(ENTRIES[i].0.as_bytes(), b""), i as u8 + 1);
        i += 1;
    }
    index
};

static TABLE: [Header; ENTRIES.len()] = {
    let mut table = [const { Header::from_static(":authority", "") }; ENTRIES.len()];
    let mut i = 0;
    while i < ENTRIES.len() {
        let (name, value) = ENTRIES[i];
        // The compiler cannot drop the previous value, but static fields own nothing.
        mem::forget(mem::replace(
            &mut table[i],
            Header::from_static(name, value),
        ));
        i += 1;
    }
    table
};

const ENTRIES: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_field_and_by_name() {
        for (i, (name, value)) in ENTRIES.iter().enumerate() {
            let header = Header::new(name.as_bytes(), value.as_bytes());
            assert_eq!(get(i + 1), Some(&header));
            assert_eq!(find(&header), Some(i + 1));
            let first = ENTRIES.iter().position(|(other, _)| other == name);
            let found = find_name(name.as_bytes(), hash(name.as_bytes(), b""));
            assert_eq!(found, first.map(|i| i + 1));
        }
    }

    #[test]
    fn other_fields_are_not_found() {
        assert_eq!(find(&Header::new(b":method", b"PUT")), None);
        assert_eq!(find(&Header::new(b"", b"")), None);
        assert_eq!(find_name(b"te", hash(b"te", b"")), None);
        assert_eq!(get(0), None);
        assert_eq!(get(62), None);
    }
}
