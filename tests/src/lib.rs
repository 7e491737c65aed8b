//! The generated code of the fixtures, and the servicer of the end-to-end tests.

/// What `build.rs` generated, one module tree for all fixtures.
#[expect(missing_docs, reason = "fixtures have messages without comments")]
pub mod pb {
    stubwright::include_protos!();
}

mod probe;

pub use probe::{Event, Probe};
