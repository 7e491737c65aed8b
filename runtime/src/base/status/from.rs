//! Conversions of other errors to a status.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::{Code, Status};
use crate::InvalidMetadata;
use crate::message::DecodeError;

/// Converts an I/O error to the status that gRPC's libraries use for errors of this kind (the table of `absl::ErrnoToStatus`). An
/// error that wraps a [`Status`] is converted to that status.
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

/// Converts the error of an elapsed timeout to DEADLINE_EXCEEDED.
impl From<tokio::time::error::Elapsed> for Status {
    fn from(error: tokio::time::error::Elapsed) -> Status {
        Status::deadline_exceeded(error.to_string()).with_source(error)
    }
}

/// Converts the error to INTERNAL, as gRPC requires for bytes that are not a valid message.
impl From<prost::DecodeError> for Status {
    fn from(error: prost::DecodeError) -> Status {
        Status::internal(format!("malformed message: {error}")).with_source(error)
    }
}

/// Converts the error to INTERNAL, as gRPC requires for bytes that are not a valid message, or to RESOURCE_EXHAUSTED if the message
/// needs too much memory.
impl From<DecodeError> for Status {
    #[cold]
    fn from(error: DecodeError) -> Status {
        if error.is_over_budget() {
            return Status::resource_exhausted(error.to_string()).with_source(error);
        }
        Status::internal(format!("malformed message: {error}")).with_source(error)
    }
}

/// Converts the error to INTERNAL. The buffer was too small for the message.
impl From<prost::EncodeError> for Status {
    fn from(error: prost::EncodeError) -> Status {
        Status::internal(error.to_string()).with_source(error)
    }
}

/// Converts the error to INTERNAL, because a program that creates invalid metadata has a bug. With this conversion, `?` can be used
/// in the methods of a servicer.
impl From<InvalidMetadata> for Status {
    fn from(error: InvalidMetadata) -> Status {
        Status::internal(error.to_string()).with_source(error)
    }
}

/// Converts the error to INVALID_ARGUMENT, because the text is not a valid message or the message has no JSON form, or to
/// RESOURCE_EXHAUSTED if the message needs too much memory.
#[cfg(feature = "json")]
impl From<crate::json::JsonError> for Status {
    fn from(error: crate::json::JsonError) -> Status {
        if error.is_over_budget() {
            return Status::resource_exhausted(error.to_string()).with_source(error);
        }
        Status::invalid_argument(error.to_string()).with_source(error)
    }
}

/// Converts a syntax error to INVALID_ARGUMENT, and an I/O error while the JSON was read to the status of that I/O error.
#[cfg(feature = "json")]
impl From<serde_json::Error> for Status {
    fn from(error: serde_json::Error) -> Status {
        if error.is_io() {
            return Status::from(io::Error::from(error));
        }
        Status::invalid_argument(error.to_string()).with_source(error)
    }
}

/// Converts the error to INVALID_ARGUMENT.
#[cfg(feature = "client")]
impl From<crate::balancing::ConfigError> for Status {
    fn from(error: crate::balancing::ConfigError) -> Status {
        Status::invalid_argument(error.to_string()).with_source(error)
    }
}

/// Converts the errors of rustls.
#[cfg(feature = "tls-no-provider")]
mod tls {
    use rustls::pki_types::{InvalidDnsNameError, pem};
    use rustls::server::VerifierBuilderError;

    use super::Status;

    /// Converts the error to INVALID_ARGUMENT. A certificate, a key or a configuration cannot be used.
    impl From<rustls::Error> for Status {
        fn from(error: rustls::Error) -> Status {
            Status::invalid_argument(error.to_string()).with_source(error)
        }
    }

    /// Converts the error of invalid PEM to INVALID_ARGUMENT, and an I/O error while the PEM was read to the status of that I/O
    /// error.
    impl From<pem::Error> for Status {
        fn from(error: pem::Error) -> Status {
            match error {
                pem::Error::Io(error) => Status::from(error),
                error => Status::invalid_argument(error.to_string()).with_source(error),
            }
        }
    }

    /// Converts the error to INVALID_ARGUMENT. The roots or the revocation lists of a verifier cannot be used.
    impl From<VerifierBuilderError> for Status {
        fn from(error: VerifierBuilderError) -> Status {
            Status::invalid_argument(error.to_string()).with_source(error)
        }
    }

    /// Converts the error to INVALID_ARGUMENT. The text is not a server name.
    impl From<InvalidDnsNameError> for Status {
        fn from(error: InvalidDnsNameError) -> Status {
            Status::invalid_argument(error.to_string()).with_source(error)
        }
    }
}

impl Status {
    /// Converts any error to UNKNOWN. The text of the error becomes the message of the status, and the error becomes its source.
    /// gRPC Python does the same with an exception that leaves a servicer's method.
    ///
    /// If the error is a [`Status`], or if one of its causes is a [`Status`], the result is that status. Prefer the `?` operator
    /// for the errors that it converts, because it finds a code for them.
    ///
    /// The error's text is sent to the caller. If it may contain secrets, create the status yourself, and attach the error by
    /// [`Status::with_source`].
    ///
    /// ```
    /// use stubwright::{Code, Result, Status};
    ///
    /// fn parse(text: &str) -> Result<u32> {
    ///     text.parse().map_err(Status::from_error)
    /// }
    ///
    /// let status = parse("one").unwrap_err();
    /// assert_eq!(status.code(), Code::Unknown);
    /// assert_eq!(status.message(), "invalid digit found in string");
    /// ```
    pub fn from_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
        let error: Arc<dyn Error + Send + Sync> = error.into().into();
        if let Some(status) = status_within(&*error) {
            return status.clone();
        }
        let mut status = Status::unknown(error.to_string());
        status.0.source = Some(error);
        status
    }
}

/// Returns the first status among an error and its causes.
fn status_within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Status> {
    if let Some(status) = error.downcast_ref() {
        return Some(status);
    }
    // An I/O error names the cause of the error that it wraps as its own.
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => status_within(wrapped),
        None => status_within(error.source()?),
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
    use std::fmt;

    use super::*;

    /// An error with a cause.
    #[derive(Debug)]
    struct Failure(Box<dyn Error + Send + Sync>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it failed")
        }
    }

    impl Error for Failure {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn any_error_is_unknown_with_its_text_and_its_source() {
        let status = Status::from_error(Failure("the cause".into()));
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unknown, "it failed")
        );
        let source = status.source().unwrap();
        assert!(source.is::<Failure>());
        assert_eq!(source.source().unwrap().to_string(), "the cause");
        let status = Status::from_error("just a text");
        assert_eq!(status.message(), "just a text");
    }

    #[test]
    fn a_status_anywhere_in_an_error_stays_itself() {
        let status = || Status::not_found("gone").with_details(&b"details"[..]);
        let wrapped = || Failure(status().into());
        let errors: [Box<dyn Error + Send + Sync>; 5] = [
            status().into(),
            wrapped().into(),
            Failure(wrapped().into()).into(),
            io::Error::other(wrapped()).into(),
            Failure(io::Error::other(status()).into()).into(),
        ];
        for error in errors {
            let found = Status::from_error(error);
            assert_eq!((found.code(), found.message()), (Code::NotFound, "gone"));
            assert_eq!(found.details(), &b"details"[..]);
        }
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_that_cannot_be_read_is_an_invalid_argument() {
        let error = serde_json::from_str::<u32>("[").unwrap_err();
        let text = error.to_string();
        let status = Status::from(error);
        assert_eq!(
            (status.code(), status.message()),
            (Code::InvalidArgument, &*text)
        );
        assert!(status.source().is_some());
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::ConnectionReset.into())
            }
        }
        let error = serde_json::from_reader::<_, u32>(Broken).unwrap_err();
        assert_eq!(Status::from(error).code(), Code::Unavailable);
    }

    #[cfg(feature = "tls-no-provider")]
    #[test]
    fn tls_material_that_cannot_be_used_is_an_invalid_argument() {
        use rustls::pki_types::pem::{self, PemObject};
        use rustls::pki_types::{CertificateDer, ServerName};

        let statuses = [
            Status::from(CertificateDer::from_pem_slice(b"nothing").unwrap_err()),
            Status::from(ServerName::try_from("no name").unwrap_err()),
            Status::from(rustls::Error::from(rustls::CertificateError::UnknownIssuer)),
            Status::from(rustls::server::VerifierBuilderError::NoRootAnchors),
        ];
        for status in statuses {
            assert_eq!(status.code(), Code::InvalidArgument, "{status}");
            assert!(!status.message().is_empty() && status.source().is_some());
        }
        let missing = pem::Error::Io(ErrorKind::NotFound.into());
        assert_eq!(Status::from(missing).code(), Code::NotFound);
    }

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
