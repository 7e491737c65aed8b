//! A little randomness, so that what happens at the same time everywhere does not happen again at the same time.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number by lot. The hasher's keys are the standard library's source of randomness, and enough for this.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A number from -1 to 1 by lot.
pub(crate) fn jitter() -> f64 {
    let unit = f64::from(u32::try_from(random() >> 32).unwrap_or(0)) / f64::from(u32::MAX);
    2.0 * unit - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_its_range() {
        for _ in 0..100 {
            assert!((-1.0..=1.0).contains(&jitter()));
        }
    }
}
