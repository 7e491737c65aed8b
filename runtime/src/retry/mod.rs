//! Calls that are made more than once: again when they have failed, or several times side by side.

mod deferred;
mod hedging;
mod pushback;
mod relay;
mod throttle;
mod transport;

pub(crate) use transport::Retrying;
