//! How a call ended: the code, the message, and what came with them.

mod details;
mod from;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::Metadata;

/// The result of a call or of one message of it.
pub type Result<T, E = Status> = std::result::Result<T, E>;

/// Why a call failed: a gRPC status other than OK.
///
/// A servicer ends its call by returning one; a caller receives it as the error of the call. It is a pointer wide, so a
/// `Result<T>` costs little where nothing fails.
///
/// What more there is to say of an error travels as [details](Status::with_error_detail), typed ones of
/// [`rpc`](crate::rpc) as a rule. The error that caused it stays in this process: [`with_source`](Status::with_source), and
/// [`Error::source`] gives it to a log.
///
/// # Other errors
/// `?` makes a status of them, with the error as its source:
///
/// | error | status |
/// |---|---|
/// | [`std::io::Error`] that wraps a `Status` | that status |
/// | … `NotFound` | NOT_FOUND |
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

/// The codes of gRPC, with their numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// Not an error; a call that ends well.
    Ok = 0,
    /// The call was cancelled, as a rule by the caller.
    Cancelled = 1,
    /// An error that fits no other code, or that came from another space of codes.
    Unknown = 2,
    /// The caller gave an argument that is wrong whatever the state of the system.
    InvalidArgument = 3,
    /// The deadline passed before the call ended.
    DeadlineExceeded = 4,
    /// What was asked for does not exist.
    NotFound = 5,
    /// What was to be made exists already.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A quota, a limit, or the machine's room is used up.
    ResourceExhausted = 8,
    /// The system is not in the state that the call needs.
    FailedPrecondition = 9,
    /// The call was aborted, as a rule by a conflict; a higher level may try again.
    Aborted = 10,
    /// Past the end of a valid range.
    OutOfRange = 11,
    /// The method does not exist here, or is not supported.
    Unimplemented = 12,
    /// An invariant of the system is broken; also what gRPC itself answers to a peer that breaks the protocol.
    Internal = 13,
    /// The service cannot be reached now; as a rule worth a retry with back-off.
    Unavailable = 14,
    /// Data is lost or corrupted for good.
    DataLoss = 15,
    /// The caller is not known: credentials are missing or not valid.
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

    /// The code of a number on the wire; `None` for numbers that gRPC does not define.
    pub fn from_number(number: u32) -> Option<Code> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The number of the code on the wire, 0 to 16.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The name of the code as gRPC spells it, for example `DEADLINE_EXCEEDED`.
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

/// One constructor per code, named after it.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $code:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<Cow<'static, str>>) -> Status {
            Status::new(Code::$code, message)
        }
    )*};
}

impl Status {
    /// A status with a code and a message for the other side. gRPC Python calls the message `details`.
    ///
    /// A status is an error, and [`Code::Ok`] is none: a status that is made with it is INTERNAL, and its message says what was
    /// wrong. A call that ends well returns `Ok`.
    ///
    /// ```
    /// use stubwright::{Code, Status};
    ///
    /// let status = Status::new(Code::Ok, "all is well");
    /// assert_eq!(status.code(), Code::Internal);
    /// assert_eq!(status.message(), "an error was made with the code OK: all is well");
    /// ```
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Status {
        let mut code = code;
        let mut message = message.into();
        if code == Code::Ok {
            code = Code::Internal;
            message = format!("an error was made with the code OK: {message}").into();
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
        /// CANCELLED: the call was cancelled.
        cancelled => Cancelled;
        /// UNKNOWN: an error that fits no other code.
        unknown => Unknown;
        /// INVALID_ARGUMENT: an argument is wrong whatever the state of the system.
        invalid_argument => InvalidArgument;
        /// DEADLINE_EXCEEDED: the time of the call is over.
        deadline_exceeded => DeadlineExceeded;
        /// NOT_FOUND: what was asked for does not exist.
        not_found => NotFound;
        /// ALREADY_EXISTS: what was to be made exists already.
        already_exists => AlreadyExists;
        /// PERMISSION_DENIED: the caller may not do this.
        permission_denied => PermissionDenied;
        /// RESOURCE_EXHAUSTED: a limit is reached.
        resource_exhausted => ResourceExhausted;
        /// FAILED_PRECONDITION: the system is not in the state that the call needs.
        failed_precondition => FailedPrecondition;
        /// ABORTED: the call was aborted, as a rule by a conflict.
        aborted => Aborted;
        /// OUT_OF_RANGE: past the end of a valid range.
        out_of_range => OutOfRange;
        /// UNIMPLEMENTED: the method does not exist here.
        unimplemented => Unimplemented;
        /// INTERNAL: an invariant is broken.
        internal => Internal;
        /// UNAVAILABLE: the service cannot be reached now.
        unavailable => Unavailable;
        /// DATA_LOSS: data is lost for good.
        data_loss => DataLoss;
        /// UNAUTHENTICATED: the caller is not known.
        unauthenticated => Unauthenticated;
    }

    /// The code, which is never [`Code::Ok`].
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message for people; what gRPC Python calls `details()`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The binary details: as a rule an encoded `google.rpc.Status`, carried in `grpc-status-details-bin`. Empty when
    /// there are none, or when what the peer sent could not be read. [`error_details`](Status::error_details) reads them.
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// The same status with binary details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Status {
        self.0.details = details.into();
        self
    }

    /// The trailing metadata that comes with the status: on a caller's side what the server sent, on a server's side
    /// what is sent in addition to `ServicerContext::set_trailing_metadata`.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The same status with trailing metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Status {
        self.0.metadata = metadata;
        self
    }

    /// The same status with the error that caused it. The source stays in this process: it is never sent.
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
