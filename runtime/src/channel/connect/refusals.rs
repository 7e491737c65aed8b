//! Statuses of calls whose response violates gRPC's protocol.

use crate::base::header::{Header, Kind};
use crate::base::wire;
use crate::http2::{Reason, ResetCause, ResponseHead};
use crate::{Code, Compression, Metadata, Result, Status};

/// Returns why a response isn't a gRPC response. A status in its trailers still counts.
pub(crate) fn check_head(head: &ResponseHead) -> Option<Status> {
    if head.status != 200 {
        return Some(wire::status_of_http(head.status));
    }
    if head.oversized {
        return Some(oversized_metadata());
    }
    let content_type = head
        .fields
        .iter()
        .find(|field| field.kind() == Kind::ContentType);
    let value = content_type.map(Header::value).unwrap_or_default();
    if !wire::is_grpc(value) {
        return Some(Status::unknown(format!(
            "the peer answered with content-type {:?}, which is not gRPC's",
            String::from_utf8_lossy(value)
        )));
    }
    None
}

/// Returns how the messages of a response are compressed.
///
/// # Errors
/// INTERNAL when the metadata is malformed, or when the compression is not supported. The server is told which ones are.
pub(crate) fn check_metadata(metadata: &Metadata) -> Result<Compression> {
    if let Some(field) = metadata.malformed_binary() {
        return Err(wire::not_base64(field));
    }
    Compression::announced(metadata).map_err(|name| {
        Status::internal(format!(
            "the server compresses its messages by {name:?}, which the client has not announced"
        ))
    })
}

pub(crate) fn oversized_metadata() -> Status {
    Status::resource_exhausted("the metadata of the response is over the client's limit")
}

pub(crate) fn no_status() -> Status {
    Status::unknown("the peer ended the call without a grpc-status")
}

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
