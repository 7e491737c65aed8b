//! How the messages of a response are compressed.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::Compression;

/// How the messages of one response are compressed: what its handler chose, or what its head said.
///
/// It is looked at for every message, so it is no part of what the exchange's lock guards. One number has all of it, which is
/// why relaxed orderings do.
#[derive(Debug, Default)]
pub(crate) struct Encoding(AtomicU8);

/// The choice is out, in the head or in a message, and cannot be changed any more.
const FIXED: u8 = 1;
/// The next message goes as it is.
const SKIP: u8 = 2;
/// How far the number of the choice is shifted.
const CHOICE: u32 = 2;

impl Encoding {
    /// Chooses; `false` when it is too late.
    pub(crate) fn choose(&self, compression: Compression) -> bool {
        let chosen = |before: u8| {
            (before & FIXED == 0).then_some(before & SKIP | compression.number() << CHOICE)
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, chosen)
            .is_ok()
    }

    /// The choice as it is now.
    pub(crate) fn get(&self) -> Compression {
        Compression::from_number(self.0.load(Ordering::Relaxed) >> CHOICE)
    }

    /// The choice, which is final from now on.
    pub(crate) fn fix(&self) -> Compression {
        Compression::from_number(self.0.fetch_or(FIXED, Ordering::Relaxed) >> CHOICE)
    }

    /// Lets the next message go as it is.
    pub(crate) fn skip_next(&self) {
        self.0.fetch_or(SKIP, Ordering::Relaxed);
    }

    /// How the next message is to be compressed; the choice is final from now on.
    pub(crate) fn of_next(&self) -> Compression {
        // Most calls compress nothing, and all of their messages but the first end here.
        if self.0.load(Ordering::Relaxed) == FIXED {
            return Compression::Identity;
        }
        let before = self.0.fetch_or(FIXED, Ordering::Relaxed);
        if before & SKIP == 0 {
            return Compression::from_number(before >> CHOICE);
        }
        self.0.fetch_and(!SKIP, Ordering::Relaxed);
        Compression::Identity
    }
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_final_once_a_message_or_the_head_is_out() {
        for fix in [Encoding::fix, Encoding::of_next] {
            let encoding = Encoding::default();
            assert!(encoding.choose(Compression::Gzip));
            assert!(encoding.choose(Compression::Identity));
            assert!(encoding.choose(Compression::Gzip));
            assert_eq!(fix(&encoding), Compression::Gzip);
            assert!(!encoding.choose(Compression::Identity));
            assert_eq!(encoding.get(), Compression::Gzip);
        }
    }

    #[test]
    fn one_message_is_skipped() {
        let encoding = Encoding::default();
        encoding.skip_next();
        encoding.choose(Compression::Gzip);
        encoding.skip_next();
        assert_eq!(encoding.of_next(), Compression::Identity);
        assert_eq!(encoding.of_next(), Compression::Gzip);
        encoding.skip_next();
        assert_eq!(encoding.of_next(), Compression::Identity);
        assert_eq!(encoding.of_next(), Compression::Gzip);
    }

    #[test]
    fn what_is_not_compressed_is_not_skipped_either() {
        let encoding = Encoding::default();
        assert_eq!(encoding.of_next(), Compression::Identity);
        encoding.skip_next();
        assert_eq!(encoding.of_next(), Compression::Identity);
        assert_eq!(encoding.of_next(), Compression::Identity);
        assert!(!encoding.choose(Compression::Gzip));
    }
}
