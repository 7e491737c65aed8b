//! The earliest of several times.

use std::time::Instant;

/// Returns the earliest of the times that are set.
pub(crate) fn earliest<const N: usize>(times: [Option<Instant>; N]) -> Option<Instant> {
    // Connections ask this often. The compiler makes more of this fold than of `flatten` and `min`.
    times
        .into_iter()
        .fold(None, |one, other| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        })
}
