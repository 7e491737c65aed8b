//! Which requests of a call are compressed.

use std::fmt;
use std::sync::Arc;

use crate::base::erasure::AnyMessage;

/// Whether a request is compressed, if those of its call are.
#[derive(Clone)]
pub(crate) struct CompressIf(Arc<Wanted>);

type Wanted = dyn Fn(&dyn AnyMessage) -> bool + Send + Sync;

impl CompressIf {
    /// What is said of requests of a type; others are compressed.
    pub(crate) fn new<Req: 'static>(
        wanted: impl Fn(&Req) -> bool + Send + Sync + 'static,
    ) -> CompressIf {
        CompressIf(Arc::new(move |request| {
            request.downcast_ref().is_none_or(&wanted)
        }))
    }

    pub(crate) fn wants(&self, request: &dyn AnyMessage) -> bool {
        (self.0)(request)
    }
}

impl fmt::Debug for CompressIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressIf").finish_non_exhaustive()
    }
}
