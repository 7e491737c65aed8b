//! A set of small numbers.

/// The indexes of the fields or oneofs of a message that were read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A bit for each of the first 64 indexes.
    low: u64,
    high: Vec<u64>,
}

impl Seen {
    /// Adds an index. Returns whether it was there already.
    pub(super) fn add(&mut self, index: u32) -> bool {
        let bit = 1 << (index % 64);
        let word = match (index as usize / 64).checked_sub(1) {
            None => &mut self.low,
            Some(place) => {
                if self.high.len() <= place {
                    self.high.resize(place + 1, 0);
                }
                match self.high.get_mut(place) {
                    Some(word) => word,
                    None => return false,
                }
            }
        };
        let before = *word;
        *word |= bit;
        before & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_added_once() {
        let mut seen = Seen::default();
        for index in [0, 1, 63, 64, 127, 128, 1000] {
            assert!(!seen.add(index), "{index}");
            assert!(seen.add(index), "{index}");
        }
        assert!(!seen.add(2));
    }
}
