//! The engine against itself and against raw frames, over a simulated link and clock.

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

/// The beginning of simulated time.
pub(super) fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    // The only moment that tests can be counted from.
    *START.get_or_init(Instant::now)
}
