//! Retries and hedging: calls with more than one attempt.

mod deferred;
mod hedging;
mod pushback;
mod relay;
mod throttle;
mod transport;

pub(crate) use transport::Retrying;
