//! The dynamic table (RFC 7541, 2.3.2).

use std::collections::VecDeque;

use crate::base::header::Header;

/// The most recently inserted fields, as many as the table's size allows.
pub(super) struct DynamicTable {
    /// The entries, newest first.
    entries: VecDeque<Header>,
    /// The sum of the entries' sizes (RFC 7541, 4.1).
    size: usize,
    max_size: usize,
    /// The id of the next entry.
    next: EntryId,
}

/// An identifier that an entry keeps from insertion to eviction, while its index changes. It wraps around, so it is only unique
/// in tables of less than 2 MiB, such as the encoder's.
pub(super) type EntryId = u16;

impl DynamicTable {
    pub(super) fn new(max_size: usize) -> DynamicTable {
        DynamicTable {
            entries: VecDeque::new(),
            size: 0,
            max_size,
            next: 0,
        }
    }

    /// Returns the entry at an index that counts from 0, newest first.
    pub(super) fn get(&self, index: usize) -> Option<&Header> {
        self.entries.get(index)
    }

    /// Returns the index of the entry with this id, which must be in the table.
    pub(super) fn index_of(&self, id: EntryId) -> usize {
        usize::from(self.next.wrapping_sub(id).wrapping_sub(1))
    }

    /// Inserts a field, after evicting entries until there is room. A field larger than the table only evicts (RFC 7541, 4.4).
    /// `on_evict` is called for each evicted field. Returns the id of the field, if it was inserted.
    pub(super) fn insert(
        &mut self,
        header: Header,
        on_evict: impl FnMut(EntryId, &Header),
    ) -> Option<EntryId> {
        let size = header.size();
        self.evict_to(self.max_size.saturating_sub(size), on_evict);
        if size > self.max_size {
            return None;
        }
        self.size += size;
        self.entries.push_front(header);
        let id = self.next;
        self.next = id.wrapping_add(1);
        Some(id)
    }

    /// Changes the maximum size of the table (RFC 7541, 4.3).
    pub(super) fn set_max_size(&mut self, size: usize, on_evict: impl FnMut(EntryId, &Header)) {
        self.max_size = size;
        self.evict_to(size, on_evict);
    }

    pub(super) fn max_size(&self) -> usize {
        self.max_size
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn evict_to(&mut self, size: usize, mut on_evict: impl FnMut(EntryId, &Header)) {
        while self.size > size {
            let oldest = self.next.wrapping_sub(self.entries.len() as EntryId);
            let Some(header) = self.entries.pop_back() else {
                return;
            };
            self.size -= header.size();
            on_evict(oldest, &header);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str) -> Header {
        Header::new(name.as_bytes(), b"1234")
    }

    fn insert(table: &mut DynamicTable, name: &str) -> (Option<EntryId>, Vec<EntryId>) {
        let mut evicted = Vec::new();
        let id = table.insert(header(name), |id, _| evicted.push(id));
        (id, evicted)
    }

    #[test]
    fn the_newest_entry_comes_first() {
        let mut table = DynamicTable::new(200);
        assert_eq!(insert(&mut table, "aaaa"), (Some(0), vec![]));
        assert_eq!(insert(&mut table, "bbbb"), (Some(1), vec![]));
        assert_eq!(table.get(0), Some(&header("bbbb")));
        assert_eq!(table.get(1), Some(&header("aaaa")));
        assert_eq!(table.get(2), None);
        assert_eq!(table.index_of(0), 1);
        assert_eq!(table.size, 80);
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut table = DynamicTable::new(80);
        insert(&mut table, "aaaa");
        insert(&mut table, "bbbb");
        assert_eq!(insert(&mut table, "cccc"), (Some(2), vec![0]));
        assert_eq!(insert(&mut table, "ddddd"), (Some(3), vec![1, 2]));
        assert_eq!(table.size, 41);
        assert_eq!(table.entries.len(), 1);
    }

    #[test]
    fn a_field_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new(80);
        insert(&mut table, "aaaa");
        let name = "n".repeat(45);
        assert_eq!(insert(&mut table, &name), (None, vec![0]));
        assert_eq!(table.size, 0);
        assert_eq!(insert(&mut table, &name[1..]), (Some(1), vec![]));
        assert_eq!(table.size, 80);
    }

    #[test]
    fn a_smaller_table_evicts() {
        let mut table = DynamicTable::new(120);
        for name in ["aaaa", "bbbb", "cccc"] {
            insert(&mut table, name);
        }
        let mut evicted = Vec::new();
        table.set_max_size(79, |id, header| evicted.push((id, header.clone())));
        assert_eq!(evicted, [(0, header("aaaa")), (1, header("bbbb"))]);
        assert_eq!(table.get(0), Some(&header("cccc")));
        assert_eq!(table.max_size(), 79);
    }

    #[test]
    fn ids_wrap_around() {
        let mut table = DynamicTable::new(80);
        table.next = EntryId::MAX;
        assert_eq!(insert(&mut table, "aaaa"), (Some(EntryId::MAX), vec![]));
        assert_eq!(insert(&mut table, "bbbb"), (Some(0), vec![]));
        assert_eq!(table.index_of(EntryId::MAX), 1);
        assert_eq!(insert(&mut table, "cccc"), (Some(1), vec![EntryId::MAX]));
    }
}
