//! Fuzz targets: functions that take any bytes, and panic if an invariant does not hold.
//!
//! The fuzzer of `tests/fuzz` calls them on nightly. On stable, a test calls them with each file of the corpus. They
//! are in this crate because they use its internals, and are not compiled into any other build.

mod checked_engine;
mod compressed;
#[cfg(test)]
mod corpus;
mod fields;
mod frames;
mod hpack;
mod input;
mod link;
mod messages;
mod peer;
mod raw;
#[cfg(test)]
mod seeds;
mod written;

pub use compressed::compressed;
pub use fields::fields;
pub use frames::frames;
pub use hpack::{hpack, hpack_round_trip};
pub use link::link;
pub use messages::messages;
pub use raw::{client, server};
