//! The status of a call: code, message and details.

mod details;
mod from;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::Metadata;

/// The result of a call, or of one of its messages.
pub type Result<T, E = Status> = std::result::Result<T, E>;

/// The error of a call: a gRPC status other than OK.
///
/// A servicer returns a status to fail its call, and the caller receives it as the call's error. A status is as wide as a
/// pointer, so that a `Result<T>` costs little if nothing fails.
///
/// [Details](Status::with_error_detail), usually messages of [`rpc`](crate::rpc), carry further information to the caller. The
/// error that caused the status stays in this process: set it by [`with_source`](Status::with_source), and read it by
/// [`Error::source`], for example for a log.
///
/// # Conversions
/// The `?` operator converts these errors. The status has the error as its source:
///
/// | error | status |
/// |---|---|
/// | [`std::io::Error`] that wraps a `Status` | that status |
/// | [`std::io::Error`] of kind `NotFound` | NOT_FOUND |
/// | … `AlreadyExists`, `AddrNotAvailable` | ALREADY_EXISTS |
/// | … `PermissionDenied`, `ReadOnlyFilesystem` | PERMISSION_DENIED |
/// | … `InvalidInput`, `ArgumentListTooLong`, `NotSeekable` | INVALID_ARGUMENT |
/// | … `TimedOut` | DEADLINE_EXCEEDED |
/// | … `AddrInUse`, `BrokenPipe`, `NotConnected`, `IsADirectory`, `NotADirectory`, `DirectoryNotEmpty`, `ResourceBusy`, `ExecutableFileBusy` | FAILED_PRECONDITION |
/// | … `OutOfMemory`, `StorageFull`, `QuotaExceeded`, `TooManyLinks` | RESOURCE_EXHAUSTED |
/// | … `UnexpectedEof`, `FileTooLarge` | OUT_OF_RANGE |
/// | … `Unsupported`, `CrossesDevices` | UNIMPLEMENTED |
/// | … `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown`, `Interrupted`, `WouldBlock` | UNAVAILABLE |
/// | … `Deadlock`, `StaleNetworkFileHandle` | ABORTED |
/// | … `InvalidData` | DATA_LOSS |
/// | … any other | UNKNOWN |
/// | tokio's [`Elapsed`](tokio::time::error::Elapsed), of `timeout` | DEADLINE_EXCEEDED |
/// | [`prost::DecodeError`], [`prost::EncodeError`] | INTERNAL |
/// | [`InvalidMetadata`](crate::InvalidMetadata) | INTERNAL |
/// | [`PortError`](crate::PortError) | that of an `io::Error` of its kind |
/// | `JsonError`, with the feature `json` | INVALID_ARGUMENT, or RESOURCE_EXHAUSTED if the message needs too much memory |
/// | `serde_json::Error`, with the feature `json`; [`ConfigError`](crate::balancing::ConfigError) | INVALID_ARGUMENT |
/// | `rustls::Error`, and rustls's errors of PEM, of server names and of verifiers, with the feature `tls` | INVALID_ARGUMENT |
///
/// [`Status::from_error`] converts any other error, usually to UNKNOWN.
#[doc(alias = "RpcError")]
#[derive(Clone)]
pub struct Status(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    message: Cow<'static, str>,
    details: Bytes,
    metadata: Metadata,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The status codes of gRPC.
#[doc(alias = "StatusCode")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// The call succeeded.
    Ok = 0,
    /// The call was cancelled, usually by the caller.
    Cancelled = 1,
    /// An error that fits no other code. A code from a peer is read as this one if gRPC does not define it.
    Unknown = 2,
    /// An argument is invalid, whatever the state of the system.
    InvalidArgument = 3,
    /// The deadline passed before the call ended.
    DeadlineExceeded = 4,
    /// A requested entity does not exist.
    NotFound = 5,
    /// The entity to be created exists already.
    AlreadyExists = 6,
    /// The caller is known, but lacks permission.
    PermissionDenied = 7,
    /// A quota, a limit or a resource of the machine is exhausted.
    ResourceExhausted = 8,
    /// The system is not in the state that the call requires.
    FailedPrecondition = 9,
    /// The call was aborted, usually because of a conflict. The operation may be retried at a higher level.
    Aborted = 10,
    /// The operation went past the end of the valid range.
    OutOfRange = 11,
    /// The method does not exist or is not supported.
    Unimplemented = 12,
    /// An invariant is broken. gRPC also uses this code for violations of its protocol.
    Internal = 13,
    /// The service is unavailable at the moment. The call can usually be retried after a back-off.
    Unavailable = 14,
    /// Data is lost or corrupted beyond recovery.
    DataLoss = 15,
    /// The caller's credentials are missing or invalid.
    Unauthenticated = 16,
}

impl Code {
    const ALL: [Code; 17] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// Returns the code with this number on the wire. Returns `None` if gRPC defines no code with this number.
    pub fn from_number(number: u32) -> Option<Code> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Returns the code's number on the wire, 0 to 16.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Returns the code's name as gRPC spells it, for example `DEADLINE_EXCEEDED`.
    pub fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Defines one constructor for each code.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $code:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<Cow<'static, str>>) -> Status {
            Status::new(Code::$code, message)
        }
    )*};
}

impl Status {
    /// Creates a status from a code and a message for the caller. gRPC Python calls the message `details`.
    ///
    /// A status is always an error. [`Code::Ok`] is replaced by INTERNAL, with a message that says so. Return `Ok` to end a call
    /// successfully.
    ///
    /// ```
    /// use stubwright::{Code, Status};
    ///
    /// let status = Status::new(Code::Ok, "all is well");
    /// assert_eq!(status.code(), Code::Internal);
    /// assert_eq!(status.message(), "an error was created with the code OK: all is well");
    /// ```
    #[doc(alias = "set_code")]
    #[doc(alias = "set_details")]
    #[doc(alias = "abort")]
    #[doc(alias = "abort_with_status")]
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Status {
        let mut code = code;
        let mut message = message.into();
        if code == Code::Ok {
            code = Code::Internal;
            message = format!("an error was created with the code OK: {message}").into();
        }
        Status(Box::new(Inner {
            code,
            message,
            details: Bytes::new(),
            metadata: Metadata::new(),
            source: None,
        }))
    }

    constructors! {
        /// Creates a CANCELLED status: the call was cancelled.
        cancelled => Cancelled;
        /// Creates an UNKNOWN status: an error that fits no other code.
        unknown => Unknown;
        /// Creates an INVALID_ARGUMENT status: an argument is invalid, whatever the state of the system.
        invalid_argument => InvalidArgument;
        /// Creates a DEADLINE_EXCEEDED status: the call's deadline has passed.
        deadline_exceeded => DeadlineExceeded;
        /// Creates a NOT_FOUND status: a requested entity does not exist.
        not_found => NotFound;
        /// Creates an ALREADY_EXISTS status: the entity to be created exists already.
        already_exists => AlreadyExists;
        /// Creates a PERMISSION_DENIED status: the caller lacks permission.
        permission_denied => PermissionDenied;
        /// Creates a RESOURCE_EXHAUSTED status: a quota or a limit is exhausted.
        resource_exhausted => ResourceExhausted;
        /// Creates a FAILED_PRECONDITION status: the system is not in the state that the call requires.
        failed_precondition => FailedPrecondition;
        /// Creates an ABORTED status: the call was aborted, usually because of a conflict.
        aborted => Aborted;
        /// Creates an OUT_OF_RANGE status: the operation went past the end of the valid range.
        out_of_range => OutOfRange;
        /// Creates an UNIMPLEMENTED status: the method does not exist or is not supported.
        unimplemented => Unimplemented;
        /// Creates an INTERNAL status: an invariant is broken.
        internal => Internal;
        /// Creates an UNAVAILABLE status: the service is unavailable at the moment.
        unavailable => Unavailable;
        /// Creates a DATA_LOSS status: data is lost or corrupted beyond recovery.
        data_loss => DataLoss;
        /// Creates an UNAUTHENTICATED status: the caller's credentials are missing or invalid.
        unauthenticated => Unauthenticated;
    }

    /// Returns the code, which is never [`Code::Ok`].
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the message for people. gRPC Python calls it `details()`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the binary details, usually an encoded `google.rpc.Status`. They travel in `grpc-status-details-bin`. The bytes are
    /// empty if the status has no details, or if the details from the peer could not be decoded.
    /// [`error_details`](Status::error_details) returns the details as messages.
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// Sets the binary details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Status {
        self.0.details = details.into();
        self
    }

    /// Returns the trailing metadata of the status. On the client, it holds all trailing metadata that the server sent. A server
    /// sends this metadata in addition to the metadata that was set by `ServicerContext::set_trailing_metadata`.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Sets the trailing metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Status {
        self.0.metadata = metadata;
        self
    }

    /// Sets the error that caused the status. It stays in this process and is never sent.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Status {
        self.0.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.code)?;
        if !self.0.message.is_empty() {
            write!(f, ": {}", self.0.message)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Status");
        debug.field("code", &self.0.code);
        debug.field("message", &self.0.message);
        if !self.0.details.is_empty() {
            debug.field("details", &self.0.details);
        }
        if !self.0.metadata.is_empty() {
            debug.field("metadata", &self.0.metadata);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl Error for Status {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_agree() {
        for number in 0..=16 {
            assert_eq!(Code::from_number(number).map(Code::number), Some(number));
        }
        assert_eq!(Code::from_number(17), None);
        assert_eq!(Code::from_number(u32::MAX), None);
    }

    #[test]
    fn a_status_is_a_pointer_wide() {
        assert_eq!(size_of::<Status>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn display_names_code_and_message() {
        let status = Status::resource_exhausted("server is overloaded");
        assert_eq!(
            status.to_string(),
            "RESOURCE_EXHAUSTED: server is overloaded"
        );
        assert_eq!(Status::new(Code::Aborted, "").to_string(), "ABORTED");
    }
}
