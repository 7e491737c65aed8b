//! Statuses of calls that the connection ends.

use crate::http2::{Reason, ResetCause};
use crate::{Code, Status};

pub(crate) fn too_late() -> Status {
    Status::deadline_exceeded("the deadline of the call has passed")
}

/// Returns the status of a call whose stream was reset ("Errors" of gRPC over HTTP/2).
pub(crate) fn status_of_reset(reason: Reason, cause: &ResetCause) -> Status {
    let code = match reason {
        _ if matches!(cause, ResetCause::Unprocessed) => Code::Unavailable,
        Reason::REFUSED_STREAM => Code::Unavailable,
        Reason::CANCEL => Code::Cancelled,
        Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    };
    Status::new(code, format!("the stream of the call was reset: {reason}"))
}
