//! prost, with its derive macro.

use bytes::Bytes;

use super::by_prost::of;
use super::of_type;
use crate::{Job, Operation};

#[allow(
    clippy::all,
    dead_code,
    reason = "generated, and not every type is measured"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/prost/bench.rs"));
}

/// Finds the operation on a message.
pub fn job<'a>(operation: Operation, message: &str, bytes: &'a Bytes) -> Option<Job<'a>> {
    of_type!(message, of in self::generated, (operation, bytes))
}
