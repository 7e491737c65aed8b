//! The unwritten bytes that a peer has provoked by its frames.

/// Counts the bytes of replies that have not been written. Replies are distinguished from other output by their end positions.
///
/// Replies are counted in two generations, so that old ones are forgotten even if the output is never quite empty.
#[derive(Default, Debug)]
pub(super) struct Backlog {
    older: Replies,
    newer: Replies,
}

#[derive(Default, Debug)]
struct Replies {
    bytes: usize,
    /// The position at which the last of these replies ends, in all output since the connection began.
    end: u64,
}

impl Backlog {
    /// Adds a reply of `bytes` bytes that ends at position `end`, when `written` bytes of the output have been written. Returns
    /// the number of bytes that wait.
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
