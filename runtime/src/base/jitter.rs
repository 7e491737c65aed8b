//! Random numbers, which spread events that would otherwise coincide, such as the reconnects of many clients.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns a random number. It comes from the keys of the standard library's hasher, which are random enough for this.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Returns a random number from -1 to 1.
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
