//! The client and the server that Connect's conformance suite tests. `README.md` says how the suite is run.

/// The suite's messages and its service.
pub mod pb {
    stubwright::include_protos!();
}

mod any;
pub mod delimited;
pub mod error;
pub mod headers;
mod invoker;
mod servicer;

pub use invoker::invoke;
pub use servicer::Conformance;
