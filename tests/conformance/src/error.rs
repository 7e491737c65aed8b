//! Converts between the suite's errors and statuses.

use stubwright::prost::Message;
use stubwright::rpc;
use stubwright::{Code, Status};

use crate::pb::connectrpc::conformance::v1::Error;

/// Converts an error to a status.
pub fn to_status(error: Error) -> Status {
    let code = u32::try_from(error.code).ok().and_then(Code::from_number);
    let message = error.message.unwrap_or_default();
    let status = Status::new(code.unwrap_or(Code::Unknown), message.clone());
    if error.details.is_empty() {
        return status;
    }
    let details = rpc::Status {
        code: error.code,
        message,
        details: error.details,
    };
    status.with_details(details.encode_to_vec())
}

/// Converts a status to an error.
pub fn from_status(status: &Status) -> Error {
    let details = rpc::Status::decode(&**status.details()).unwrap_or_default();
    Error {
        code: i32::try_from(status.code().number()).unwrap_or_default(),
        message: Some(status.message().to_owned()),
        details: details.details,
    }
}
