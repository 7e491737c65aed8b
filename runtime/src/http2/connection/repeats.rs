//! A cache of repeated header blocks.

use super::head::Head;

/// The number of blocks that are remembered.
const REMEMBERED: usize = 4;
/// The length of the longest block that is remembered, in bytes.
const LONGEST: usize = 128;

/// A cache of decoded header blocks.
///
/// After the first calls of a connection, most blocks do not change HPACK's table: their fields are indexed, or are literals
/// without indexing, as many clients send `:path`. Until a block changes the table, equal bytes decode to equal fields.
#[derive(Default)]
pub(super) struct Repeats {
    known: Vec<(Box<[u8]>, Head)>,
    /// The index in `known` that is replaced next.
    next: usize,
    /// Blocks that occurred once. Many blocks never repeat, for example because they contain a request id, and are only worth a
    /// copy.
    seen: [Vec<u8>; REMEMBERED],
    /// The index in `seen` that is replaced next.
    next_seen: usize,
}

impl Repeats {
    /// Returns the decoded block, if it is known.
    pub(super) fn look_up(&self, block: &[u8]) -> Option<&Head> {
        let known = self.known.iter().find(|(known, _)| **known == *block);
        known.map(|(_, head)| head)
    }

    /// Records a block that was not known and did not change the table.
    pub(super) fn learn(&mut self, block: &[u8], head: &Head) {
        if block.len() > LONGEST {
            return;
        }
        if self.seen.iter().any(|seen| *seen == block) {
            let known = (Box::from(block), head.clone());
            match self.known.get_mut(self.next) {
                Some(place) => *place = known,
                None => self.known.push(known),
            }
            self.next = (self.next + 1) % REMEMBERED;
        } else if let Some(place) = self.seen.get_mut(self.next_seen) {
            place.clear();
            place.extend_from_slice(block);
            self.next_seen = (self.next_seen + 1) % REMEMBERED;
        }
    }

    /// Forgets all blocks, because the table has changed and they may decode differently now.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.next = 0;
    }
}
