//! The choice of requests to compress.

use std::fmt;
use std::sync::Arc;

use crate::base::erasure::AnyMessage;
use crate::{Result, Status};

/// Decides which requests are compressed, if the call has a compression.
#[derive(Clone)]
pub(crate) struct CompressIf(Arc<Wanted>);

/// `None` for a request of another type.
type Wanted = dyn Fn(&dyn AnyMessage) -> Option<bool> + Send + Sync;

impl CompressIf {
    pub(crate) fn new<Req: 'static>(
        wanted: impl Fn(&Req) -> bool + Send + Sync + 'static,
    ) -> CompressIf {
        CompressIf(Arc::new(move |request| request.downcast_ref().map(&wanted)))
    }

    /// Returns whether a request should be compressed.
    ///
    /// # Errors
    /// Returns INVALID_ARGUMENT if the function was made for requests of another type.
    pub(crate) fn wants(&self, request: &dyn AnyMessage) -> Result<bool> {
        (self.0)(request).ok_or_else(|| {
            Status::invalid_argument(
                "the function given to compress_if takes another type than that of the requests",
            )
        })
    }
}

impl fmt::Debug for CompressIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressIf").finish_non_exhaustive()
    }
}
