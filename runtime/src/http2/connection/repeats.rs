//! Header blocks that come again and again.

use super::head::Head;

/// How many blocks are remembered.
const REMEMBERED: usize = 4;
/// The longest block that is remembered, in bytes.
const LONGEST: usize = 128;

/// What header blocks have decoded to, for as long as they would decode to it again.
///
/// After the first calls of a connection most blocks change no table of HPACK's: their fields are indexes, or literals that are
/// not to be indexed, as many a client sends `:path`. Until a block comes that does change one, the same bytes are the same fields.
#[derive(Default)]
pub(super) struct Repeats {
    known: Vec<(Box<[u8]>, Head)>,
    /// Which of the known is replaced next.
    next: usize,
    /// Blocks that came once. Many a block never comes again, with an id of its request in it, and is not worth more than a copy.
    seen: [Vec<u8>; REMEMBERED],
    /// Which of the seen is replaced next.
    next_seen: usize,
}

impl Repeats {
    /// What the block is, if that is known.
    pub(super) fn look_up(&self, block: &[u8]) -> Option<&Head> {
        let known = self.known.iter().find(|(known, _)| **known == *block);
        known.map(|(_, head)| head)
    }

    /// A block that was not known has been decoded, and has changed no table.
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

    /// A table has changed: the blocks that were known may be others now.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.next = 0;
    }
}
