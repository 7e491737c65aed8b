//! The details of a status, typed. They are an encoded `google.rpc.Status`.

use bytes::{Bytes, BytesMut};
use prost::{Message, Name};

use super::{Code, Status};
use crate::base::rpc::{self, ErrorDetail};

impl Status {
    /// Adds a detail: a standard message of [`rpc`](crate::rpc), or a [`prost_types::Any`] that holds a message of another type.
    /// [`details`](Status::details) then is a `google.rpc.Status` with the code, the message and all details.
    #[must_use]
    pub fn with_error_detail(self, detail: impl Into<ErrorDetail>) -> Status {
        let mut more = rpc::Status {
            details: vec![detail.into().into()],
            ..rpc::Status::default()
        };
        if self.details().is_empty() {
            more.code = number(self.code());
            self.message().clone_into(&mut more.message);
        }
        // Appending bytes suffices: a decoder merges messages that are encoded one after the other.
        let mut details = BytesMut::from(&self.details()[..]);
        details.extend_from_slice(&more.encode_to_vec());
        self.with_details(details)
    }

    /// Returns the details, in order. The vector is empty if [`details`](Status::details) is empty or is not a `google.rpc.Status`.
    pub fn error_details(&self) -> Vec<ErrorDetail> {
        let details = decoded(self.details()).details;
        details.into_iter().map(ErrorDetail::from).collect()
    }

    /// Returns the first detail of type `M`, for example `status.error_detail::<BadRequest>()`. The type may be a standard message
    /// or any other. Returns `None` if the status has no detail of this type that can be decoded.
    ///
    /// Generate your own types with `stubwright_codegen::Config::enable_type_names`, so that they implement [`Name`].
    pub fn error_detail<M: Message + Name + Default>(&self) -> Option<M> {
        let details = decoded(self.details()).details;
        details.iter().find_map(rpc::unpack)
    }
}

/// Decodes the details. Bytes that are not a `google.rpc.Status` count as one without details.
fn decoded(details: &Bytes) -> rpc::Status {
    rpc::Status::decode(details.clone()).unwrap_or_default()
}

fn number(code: Code) -> i32 {
    i32::from(code as u8)
}

/// Converts a status that was received as a message, for example as a part of the response to a batch. A code that gRPC doesn't
/// define becomes UNKNOWN. OK is not an error and becomes INTERNAL, so check the message's `code` first.
impl From<rpc::Status> for Status {
    fn from(status: rpc::Status) -> Status {
        let details = status.encode_to_vec();
        let number = u32::try_from(status.code).ok();
        let code = number.and_then(Code::from_number).unwrap_or(Code::Unknown);
        Status::new(code, status.message).with_details(details)
    }
}

/// Converts a status to a message that can be sent, with its code, message and details.
impl From<&Status> for rpc::Status {
    fn from(status: &Status) -> rpc::Status {
        rpc::Status {
            code: number(status.code()),
            message: status.message().to_owned(),
            details: decoded(status.details()).details,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_types::{Any, Duration};

    use super::*;
    use crate::base::rpc::{BadRequest, ErrorInfo, RetryInfo};

    fn retry() -> RetryInfo {
        RetryInfo {
            retry_delay: Some(Duration {
                seconds: 3,
                nanos: 0,
            }),
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_standard() {
        let status = Status::unavailable("x").with_error_detail(retry());
        let url = b"type.googleapis.com/google.rpc.RetryInfo";
        // code = 14, message = "x", details { type_url, value { retry_delay { seconds = 3 } } }.
        let mut expected = vec![8, 14, 18, 1, b'x', 26, 48, 10, 40];
        expected.extend_from_slice(url);
        expected.extend_from_slice(&[18, 4, 10, 2, 8, 3]);
        assert_eq!(status.details()[..], expected);
    }

    #[test]
    fn details_keep_their_order_and_their_types() {
        let own = Any {
            type_url: "example.org/app.Own".into(),
            value: vec![1, 2, 3],
        };
        let status = Status::aborted("busy")
            .with_error_detail(retry())
            .with_error_detail(own.clone())
            .with_error_detail(ErrorInfo::default())
            .with_error_detail(retry());
        let expected = [
            ErrorDetail::RetryInfo(retry()),
            ErrorDetail::Other(own),
            ErrorDetail::ErrorInfo(ErrorInfo::default()),
            ErrorDetail::RetryInfo(retry()),
        ];
        assert_eq!(status.error_details(), expected);
        assert_eq!(status.error_detail::<RetryInfo>(), Some(retry()));
        assert_eq!(status.error_detail::<BadRequest>(), None);
        let sent = rpc::Status::from(&status);
        assert_eq!((sent.code, &*sent.message), (10, "busy"));
        let received = Status::from(sent);
        assert_eq!(
            (received.code(), received.message()),
            (Code::Aborted, "busy")
        );
        assert_eq!(received.error_details(), expected);
    }

    #[test]
    fn a_detail_that_is_broken_or_of_a_name_alike_is_another() {
        for url in [
            "",
            "google.rpc.RetryInfo",
            "x/google.rpc.RetryInfos",
            "x/google.rpcRetryInfo",
            "x/RetryInfo",
        ] {
            let any = Any {
                type_url: url.into(),
                value: Vec::new(),
            };
            assert_eq!(ErrorDetail::from(any.clone()), ErrorDetail::Other(any));
        }
        let broken = Any {
            type_url: "/google.rpc.RetryInfo".into(),
            value: vec![0xff],
        };
        let status = Status::unknown("").with_error_detail(broken.clone());
        assert_eq!(status.error_details(), [ErrorDetail::Other(broken)]);
        assert_eq!(status.error_detail::<RetryInfo>(), None);
    }

    #[test]
    fn row_54_ok_is_no_error() {
        let status = Status::from(rpc::Status::default());
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(rpc::Status::from(&status).code, 13);
    }

    #[test]
    fn a_code_that_is_none_is_unknown() {
        for code in [17, -1, i32::MIN, i32::MAX] {
            let status = rpc::Status {
                code,
                ..rpc::Status::default()
            };
            assert_eq!(Status::from(status).code(), Code::Unknown);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let status = Status::unknown("").with_details(bytes);
            status.error_details();
            status.error_detail::<RetryInfo>();
            assert_eq!(rpc::Status::from(&status).code, 2);
        }
    }
}
