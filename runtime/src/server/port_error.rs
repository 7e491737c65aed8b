//! The reasons why a server gets no port.

use std::error::Error;
use std::fmt;
use std::io;

use crate::Status;

/// The reason why a [`Server`](crate::Server) could not add a port. In a function that returns an [`io::Error`], the
/// `?` operator converts it to an error of the same [kind](PortError::kind). In a function that returns a [`Status`],
/// the code of the status follows from the kind.
///
/// ```
/// use std::io::ErrorKind;
///
/// use stubwright::{PortError, Server};
///
/// # async fn example() -> Result<(), PortError> {
/// let mut server = Server::new();
/// let address = match server.add_insecure_port("[::]:5000").await {
///     // Another program has the port: take any that is free.
///     Err(PortError::Bind { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
///         server.add_insecure_port("[::]:0").await?
///     }
///     other => other?,
/// };
/// # drop(address);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PortError {
    /// The text is not an address with a port.
    #[non_exhaustive]
    InvalidAddress {
        /// The address that was asked for.
        address: String,
        /// The mistake in the address, and its remedy.
        reason: String,
    },
    /// The host name cannot be resolved to an address, or the zone of an IPv6 address does not exist on this machine.
    #[non_exhaustive]
    LookUp {
        /// The address that was asked for.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The system refuses to bind the address, because it is in use, not local, or not permitted.
    #[non_exhaustive]
    Bind {
        /// The address that was asked for. For a unix socket it is the target that clients use: `unix:path` or
        /// `unix-abstract:name`.
        address: String,
        /// The system's error.
        source: io::Error,
    },
}

impl PortError {
    /// Returns the address that was asked for.
    pub fn address(&self) -> &str {
        match self {
            PortError::InvalidAddress { address, .. }
            | PortError::LookUp { address, .. }
            | PortError::Bind { address, .. } => address,
        }
    }

    /// Returns the kind of the system's error, or `InvalidInput` if the address is invalid.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            PortError::InvalidAddress { .. } => io::ErrorKind::InvalidInput,
            PortError::LookUp { source, .. } | PortError::Bind { source, .. } => source.kind(),
        }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortError::InvalidAddress { address, reason } => {
                write!(f, "cannot bind {address}: {reason}")
            }
            PortError::LookUp { address, source } => {
                write!(f, "cannot look up {address}: {source}")
            }
            PortError::Bind { address, source } => write!(f, "cannot bind {address}: {source}"),
        }
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PortError::InvalidAddress { .. } => None,
            PortError::LookUp { source, .. } | PortError::Bind { source, .. } => Some(source),
        }
    }
}

impl From<PortError> for io::Error {
    fn from(error: PortError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

impl From<PortError> for Status {
    fn from(error: PortError) -> Status {
        Status::from(io::Error::from(error))
    }
}
