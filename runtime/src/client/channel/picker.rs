//! What becomes of a call that is started now.

use std::sync::Arc;

use crate::Status;
use crate::call::Link;

/// What becomes of a call that is started now. gRPC's `SubchannelPicker`.
#[derive(Debug)]
pub(super) enum Picker {
    /// It waits until this has changed.
    Wait,
    /// It fails with this cause, unless it waits for ready.
    Fail(Status),
    /// It goes out on this connection.
    One(Arc<Link>),
    /// It fails, whatever it waits for: the channel was closed.
    Shutdown,
}
