//! Expectations of the cases, with an explanation if they are not met.

use std::fmt::{Debug, Display};
use std::result::Result;

use stubwright::{Code, Status, StreamingCall};

use super::{Failure, Outcome};
use crate::pb::grpc::testing::{Payload, StreamingOutputCallResponse};

/// Checks that two values are equal.
pub(super) fn equal<T: PartialEq + Debug>(what: impl Display, actual: T, expected: T) -> Outcome {
    if actual == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, got {actual:?}").into())
}

/// Checks that the call has ended with OK.
pub(super) fn success<T>(what: impl Display, result: Result<T, Status>) -> Result<T, Failure> {
    result.map_err(|status| format!("{what}: expected OK, got {status}").into())
}

/// Checks that the call has failed with this code. Returns its status.
pub(super) fn failure<T>(
    what: impl Display,
    result: Result<T, Status>,
    code: Code,
) -> Result<Status, Failure> {
    match result {
        Err(status) if status.code() == code => Ok(status),
        Err(status) => Err(format!("{what}: expected {code}, got {status}").into()),
        Ok(_) => Err(format!("{what}: expected {code}, got OK").into()),
    }
}

/// Checks that the payload is `size` zeros.
pub(super) fn zeros(what: impl Display, payload: Option<Payload>, size: usize) -> Outcome {
    let body = payload.map(|payload| payload.body).unwrap_or_default();
    equal(
        format!("the bytes of the payload of {what}"),
        body.len(),
        size,
    )?;
    match body.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(place) => Err(format!(
            "{what}: expected zeros, but byte {place} of the payload is not zero"
        )
        .into()),
    }
}

/// Checks that there is a next response with a payload of `size` zeros.
pub(super) async fn response(
    number: usize,
    call: &mut StreamingCall<StreamingOutputCallResponse>,
    size: usize,
) -> Outcome {
    let what = format!("response {number}");
    match success(&what, call.message().await)? {
        Some(response) => zeros(&what, response.payload, size),
        None => Err(format!("{what}: expected {size} bytes, but the call has ended").into()),
    }
}

/// Checks that the call ends with OK and without another response.
pub(super) async fn end<Res>(what: impl Display, call: &mut StreamingCall<Res>) -> Outcome {
    match success(&what, call.message().await)? {
        None => Ok(()),
        Some(_) => Err(format!("{what}: expected the end, got another response").into()),
    }
}
