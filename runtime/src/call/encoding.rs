//! The compression of responses.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::Compression;

/// The compression of the responses of a call. The handler chooses it, and the client reads it from the head of the
/// response.
///
/// It is an atomic outside the exchange's lock, because it is read for every message. It is a single number, so relaxed
/// orderings suffice.
#[derive(Debug, Default)]
pub(crate) struct Encoding(AtomicU8);

/// Set once the choice has been sent, in the head or with a message. Then it cannot be changed.
const FIXED: u8 = 1;
/// Set if the next message must not be compressed.
const SKIP: u8 = 2;
/// The shift of the choice's number.
const CHOICE: u32 = 2;

impl Encoding {
    /// Sets the choice. Returns `false` if it can no longer be changed.
    pub(crate) fn choose(&self, compression: Compression) -> bool {
        let chosen = |before: u8| {
            (before & FIXED == 0).then_some(before & SKIP | compression.number() << CHOICE)
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, chosen)
            .is_ok()
    }

    /// Returns the choice.
    pub(crate) fn get(&self) -> Compression {
        Compression::from_number(self.0.load(Ordering::Relaxed) >> CHOICE)
    }

    /// Returns the choice, which is final from now on.
    pub(crate) fn fix(&self) -> Compression {
        Compression::from_number(self.0.fetch_or(FIXED, Ordering::Relaxed) >> CHOICE)
    }

    /// Leaves the next message uncompressed.
    pub(crate) fn skip_next(&self) {
        self.0.fetch_or(SKIP, Ordering::Relaxed);
    }

    /// Returns the compression of the next message. The choice is final from now on.
    pub(crate) fn of_next(&self) -> Compression {
        // Most calls compress nothing: all of their messages but the first return here.
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
    fn uncompressed_messages_are_not_skipped() {
        let encoding = Encoding::default();
        assert_eq!(encoding.of_next(), Compression::Identity);
        encoding.skip_next();
        assert_eq!(encoding.of_next(), Compression::Identity);
        assert_eq!(encoding.of_next(), Compression::Identity);
        assert!(!encoding.choose(Compression::Gzip));
    }
}
