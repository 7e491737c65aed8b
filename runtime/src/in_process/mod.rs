//! Calls to handlers in this process.

pub(crate) mod handlers;
pub(crate) mod local;
