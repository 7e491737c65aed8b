//! Calls that are made more than once: again when they have failed, or several times side by side.

pub(crate) mod hedging;
pub(crate) mod retries;
