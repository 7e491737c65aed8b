//! The index by which the encoder finds entries of its dynamic table.

use super::dynamic_table::EntryId;

/// A map from hashes to entries of the dynamic table. Several entries may have the same hash.
///
/// It uses open addressing with linear probing. Removal moves later slots back, so that no tombstones are needed.
pub(super) struct Index {
    /// The slots. Their number is a power of two, and at most half of them are used. There are none before the first insertion.
    slots: Vec<Option<Slot>>,
    used: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The low bits of the hash, which are more than are needed for a position.
    hash: u16,
    id: EntryId,
}

impl Index {
    pub(super) fn new() -> Index {
        Index {
            slots: Vec::new(),
            used: 0,
        }
    }

    /// Returns the first entry with this hash for which `is_match` returns `true`.
    pub(super) fn find(
        &self,
        hash: u32,
        mut is_match: impl FnMut(EntryId) -> bool,
    ) -> Option<EntryId> {
        let hash = hash as u16;
        let mut position = usize::from(hash) & self.mask();
        while let Some(slot) = self.slots.get(position).copied().flatten() {
            if slot.hash == hash && is_match(slot.id) {
                return Some(slot.id);
            }
            position = (position + 1) & self.mask();
        }
        None
    }

    pub(super) fn insert(&mut self, hash: u32, id: EntryId) {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.place(Slot {
            hash: hash as u16,
            id,
        });
        self.used += 1;
    }

    /// Removes an entry, if it exists.
    pub(super) fn remove(&mut self, hash: u32, id: EntryId) {
        let mask = self.mask();
        let mut hole = usize::from(hash as u16) & mask;
        loop {
            match self.slots.get(hole).copied().flatten() {
                None => return,
                Some(slot) if slot.id == id => break,
                Some(_) => hole = (hole + 1) & mask,
            }
        }
        let mut position = hole;
        loop {
            position = (position + 1) & mask;
            let Some(slot) = self.slots[position] else {
                break;
            };
            // The slot may move back into the hole, unless its home position is after the hole.
            let home = usize::from(slot.hash) & mask;
            let from_home = position.wrapping_sub(home) & mask;
            let from_hole = position.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.slots[hole] = Some(slot);
                hole = position;
            }
        }
        self.slots[hole] = None;
        self.used -= 1;
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.mask();
        let mut position = usize::from(slot.hash) & mask;
        while self.slots[position].is_some() {
            position = (position + 1) & mask;
        }
        self.slots[position] = Some(slot);
    }

    fn grow(&mut self) {
        let larger = vec![None; (self.slots.len() * 2).max(16)];
        for slot in std::mem::replace(&mut self.slots, larger)
            .into_iter()
            .flatten()
        {
            self.place(slot);
        }
    }

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(index: &Index, hash: u32, id: EntryId) -> bool {
        index.find(hash, |found| found == id).is_some()
    }

    #[test]
    fn an_empty_index_has_nothing() {
        let mut index = Index::new();
        assert!(!find(&index, 7, 7));
        index.remove(7, 7);
        index.insert(7, 7);
        index.remove(7, 7);
        assert!(!find(&index, 7, 7));
        assert!(index.slots.iter().all(Option::is_none));
    }

    proptest! {
        // There are few different hashes, so that they collide.
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec((0..24u32, any::<bool>()), 0..400)) {
            let mut index = Index::new();
            let mut list: Vec<(u32, EntryId)> = Vec::new();
            for (id, (hash, remove)) in steps.into_iter().enumerate() {
                if remove && !list.is_empty() {
                    let (hash, id) = list.remove(hash as usize % list.len());
                    index.remove(hash, id);
                    prop_assert!(!find(&index, hash, id));
                } else {
                    list.push((hash, id as EntryId));
                    index.insert(hash, id as EntryId);
                }
                for (hash, id) in &list {
                    prop_assert!(find(&index, *hash, *id));
                }
                prop_assert_eq!(index.used, list.len());
            }
        }
    }
}
