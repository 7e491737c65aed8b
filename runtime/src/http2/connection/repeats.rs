//! Header blocks that come again and again.

use super::head::Head;

/// How many blocks are remembered.
const REMEMBERED: usize = 4;
/// The longest block that is remembered, in bytes.
const LONGEST: usize = 64;

/// What header blocks have decoded to, for as long as they would decode to it again.
///
/// After the first calls of a connection, most blocks are a byte per field: indexes into HPACK's tables. Such a block changes no
/// table, so until another kind of block comes, the same bytes are the same fields.
#[derive(Default)]
pub(super) struct Repeats {
    entries: Vec<(Box<[u8]>, Head)>,
    /// Which entry is replaced next.
    next: usize,
}

impl Repeats {
    /// Has to see every block before HPACK does. Returns what it is, if that is known.
    pub(super) fn look_up(&mut self, block: &[u8]) -> Option<&Head> {
        if !changes_nothing(block) {
            self.entries.clear();
            self.next = 0;
            return None;
        }
        let entry = self.entries.iter().find(|(known, _)| **known == *block);
        entry.map(|(_, head)| head)
    }

    /// The block, which `look_up` did not know, has been decoded.
    pub(super) fn learn(&mut self, block: &[u8], head: &Head) {
        if block.len() > LONGEST || !changes_nothing(block) {
            return;
        }
        let entry = (Box::from(block), head.clone());
        match self.entries.get_mut(self.next) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        self.next = (self.next + 1) % REMEMBERED;
    }
}

/// Whether a block has only indexed fields (RFC 7541, 6.1). Literals and size updates start with a smaller byte.
fn changes_nothing(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte >= 0x80)
}
