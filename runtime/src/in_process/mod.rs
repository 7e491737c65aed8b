//! Calls to handlers in this process.

mod transport;

pub(crate) use transport::InProcess;
