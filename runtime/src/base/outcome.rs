//! The end of a call, as its caller sees it.

use crate::{Metadata, Result, Status};

/// The status of a call and its trailing metadata.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<()>,
    /// The metadata that the server sent at the end.
    pub(crate) trailing: Metadata,
}

impl Outcome {
    /// Creates an end that did not come from the server.
    pub(crate) fn local(status: Status) -> Outcome {
        Outcome {
            result: Err(status),
            trailing: Metadata::new(),
        }
    }
}
