//! Calls to handlers in this process.

mod channel;
mod transport;
