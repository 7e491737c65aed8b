//! Tests of the engine against itself and against raw frames, over a simulated link and clock.

mod abuse;
mod arbitrary;
mod credit;
mod ending;
mod exchange;
mod flow;
mod frames;
mod growth;
mod heads;
mod honest;
mod link;
mod raw;
mod source;
mod states;
mod steps;
mod together;
mod turns;

use std::sync::OnceLock;
use std::time::Instant;

/// Returns the start of simulated time.
pub(super) fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    // An `Instant` can only be created from the current time.
    *START.get_or_init(Instant::now)
}
