//! Conversions of other errors to a status.

use std::io::{self, ErrorKind};

use super::{Code, Status};
use crate::InvalidMetadata;

/// Converts an I/O error to the status that gRPC's libraries use for it (the table of `absl::ErrnoToStatus`). An error that wraps
/// a [`Status`] becomes that status.
///
/// The error's text becomes the message, which is sent to the caller. If the text may contain secrets, create the status
/// yourself, and attach the error by [`Status::with_source`].
impl From<io::Error> for Status {
    fn from(error: io::Error) -> Status {
        match error.downcast::<Status>() {
            Ok(status) => status,
            Err(error) => Status::new(code(error.kind()), error.to_string()).with_source(error),
        }
    }
}

/// Becomes DEADLINE_EXCEEDED.
impl From<tokio::time::error::Elapsed> for Status {
    fn from(error: tokio::time::error::Elapsed) -> Status {
        Status::deadline_exceeded(error.to_string()).with_source(error)
    }
}

/// Becomes INTERNAL, as gRPC requires for bytes that are not a valid message.
impl From<prost::DecodeError> for Status {
    fn from(error: prost::DecodeError) -> Status {
        Status::internal(format!("malformed message: {error}")).with_source(error)
    }
}

/// Becomes INTERNAL: the buffer was too small for the message.
impl From<prost::EncodeError> for Status {
    fn from(error: prost::EncodeError) -> Status {
        Status::internal(error.to_string()).with_source(error)
    }
}

/// Becomes INTERNAL, because a program that creates invalid metadata is at fault. This allows `?` in a servicer's methods.
impl From<InvalidMetadata> for Status {
    fn from(error: InvalidMetadata) -> Status {
        Status::internal(error.to_string()).with_source(error)
    }
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists | ErrorKind::AddrNotAvailable => Code::AlreadyExists,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Code::PermissionDenied,
        ErrorKind::InvalidInput | ErrorKind::ArgumentListTooLong | ErrorKind::NotSeekable => {
            Code::InvalidArgument
        }
        ErrorKind::TimedOut => Code::DeadlineExceeded,
        ErrorKind::AddrInUse
        | ErrorKind::BrokenPipe
        | ErrorKind::DirectoryNotEmpty
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::IsADirectory
        | ErrorKind::NotADirectory
        | ErrorKind::NotConnected
        | ErrorKind::ResourceBusy => Code::FailedPrecondition,
        ErrorKind::OutOfMemory
        | ErrorKind::QuotaExceeded
        | ErrorKind::StorageFull
        | ErrorKind::TooManyLinks => Code::ResourceExhausted,
        ErrorKind::FileTooLarge | ErrorKind::UnexpectedEof => Code::OutOfRange,
        ErrorKind::CrossesDevices | ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::ConnectionAborted
        | ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::HostUnreachable
        | ErrorKind::Interrupted
        | ErrorKind::NetworkDown
        | ErrorKind::NetworkUnreachable
        | ErrorKind::WouldBlock => Code::Unavailable,
        ErrorKind::Deadlock | ErrorKind::StaleNetworkFileHandle => Code::Aborted,
        ErrorKind::InvalidData => Code::DataLoss,
        _ => Code::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn an_error_of_the_system_has_its_code_its_text_and_its_source() {
        let error = std::fs::read("/there/is/no/such/file").unwrap_err();
        let text = error.to_string();
        let status = Status::from(error);
        assert_eq!((status.code(), status.message()), (Code::NotFound, &*text));
        let source: &io::Error = status.source().unwrap().downcast_ref().unwrap();
        assert_eq!(source.kind(), ErrorKind::NotFound);
        let other = Status::from(io::Error::other("anything"));
        assert_eq!(other.code(), Code::Unknown);
    }

    #[test]
    fn a_status_that_was_wrapped_is_itself_again() {
        let status = Status::from(io::Error::other(Status::data_loss("gone")));
        assert_eq!((status.code(), status.message()), (Code::DataLoss, "gone"));
    }

    #[test]
    fn an_elapsed_timeout_is_deadline_exceeded() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let elapsed = runtime.block_on(async {
            let never = std::future::pending::<()>();
            tokio::time::timeout(std::time::Duration::ZERO, never).await
        });
        let status = Status::from(elapsed.unwrap_err());
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.source().is_some());
    }

    #[test]
    fn bytes_that_are_no_message_are_internal() {
        let error = <() as prost::Message>::decode(&[0xff][..]).unwrap_err();
        assert_eq!(Status::from(error).code(), Code::Internal);
    }
}
