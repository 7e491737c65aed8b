//! How a call ended, as its caller learns it.

use crate::{Metadata, Result, Status};

/// The status of a call and the metadata that came with it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<()>,
    /// What the server sent at the end.
    pub(crate) trailing: Metadata,
}

impl Outcome {
    /// An end that is not the server's word.
    pub(crate) fn local(status: Status) -> Outcome {
        Outcome {
            result: Err(status),
            trailing: Metadata::new(),
        }
    }
}
