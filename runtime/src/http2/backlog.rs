//! How much of what waits to be written a peer has provoked.

/// The bytes of replies that are not written yet, told from the rest of the output by where they end in it.
///
/// Two generations are kept, so that a connection whose output is never quite empty forgets old replies all the same.
#[derive(Default, Debug)]
pub(super) struct Backlog {
    older: Replies,
    newer: Replies,
}

#[derive(Default, Debug)]
struct Replies {
    bytes: usize,
    /// Where in all of the output, since the connection began, the last of them ends.
    end: u64,
}

impl Backlog {
    /// Adds a reply of `bytes` that ends at `end` of all output, of which `written` has left. Returns how much is waiting.
    pub(super) fn add(&mut self, bytes: usize, end: u64, written: u64) -> usize {
        if written >= self.older.end {
            self.older = std::mem::take(&mut self.newer);
        }
        if written >= self.older.end {
            self.older.bytes = 0;
        }
        self.newer.bytes += bytes;
        self.newer.end = end;
        self.older.bytes + self.newer.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_while_nothing_is_written() {
        let mut backlog = Backlog::default();
        for i in 1..100 {
            assert_eq!(backlog.add(10, i * 10, 0), i as usize * 10);
        }
    }

    #[test]
    fn forgets_what_was_written() {
        let mut backlog = Backlog::default();
        for i in 1..10_000 {
            // The output always holds 100 bytes.
            assert!(backlog.add(10, i * 10, (i * 10).saturating_sub(100)) <= 220);
        }
        assert_eq!(backlog.add(10, 200_000, 199_990), 10);
    }
}
