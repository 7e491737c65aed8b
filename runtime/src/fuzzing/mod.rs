//! What `tests/fuzz` runs: functions that take any bytes, and panic when something that must be true is not.
//!
//! The fuzzer calls them on nightly; on stable a test calls them with each file of the corpus. They are here, and not
//! there, since they look into the crate. No other build has them.

mod compressed;
#[cfg(test)]
mod corpus;
mod fields;
mod frames;
mod hpack;
mod input;
mod link;
mod messages;
mod raw;
mod said;
#[cfg(test)]
mod seeds;
mod watched;
mod written;

pub use compressed::compressed;
pub use fields::fields;
pub use frames::frames;
pub use hpack::{hpack, hpack_round_trip};
pub use link::link;
pub use messages::messages;
pub use raw::{client, server};
