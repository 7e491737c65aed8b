//! The error of bytes that are not a message.

use std::error::Error;
use std::fmt;

use super::Fields;

/// The error of bytes that are not a message of the expected type, or that need too much memory as a message.
///
/// Its text names the message, the field and the offset of the fault. As a [`Status`](crate::Status) it is INTERNAL, or
/// RESOURCE_EXHAUSTED for too much memory.
#[derive(Clone)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    cause: Cause,
    /// The number of bytes before the fault.
    offset: usize,
    /// The number of the field that was read.
    number: u32,
    /// The innermost message that was read.
    message: Option<&'static Fields>,
}

/// What is wrong with the bytes.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Truncated,
    Varint,
    Key(u64),
    WireType(u32),
    UnknownWireType(u32),
    EndGroup,
    Utf8,
    Depth,
    Memory(usize),
    Foreign(prost::DecodeError),
}

impl DecodeError {
    #[cold]
    pub(super) fn new(cause: Cause, offset: usize, number: u32) -> DecodeError {
        DecodeError(Box::new(Inner {
            cause,
            offset,
            number,
            message: None,
        }))
    }

    /// Sets the message with the field that was read, unless an inner message is set.
    #[cold]
    pub(super) fn inside(mut self, message: &'static Fields) -> DecodeError {
        self.0.message.get_or_insert(message);
        self
    }

    /// Returns whether the message needs more memory than is allowed.
    pub fn is_over_budget(&self) -> bool {
        matches!(self.0.cause, Cause::Memory(_))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            cause,
            offset,
            number,
            message,
        } = &*self.0;
        if let Some(message) = message {
            match message.by_number(*number) {
                Some(field) => write!(f, "field `{}` of ", field.name)?,
                None if *number == 0 => f.write_str("a key of ")?,
                None => write!(f, "field {number} of ")?,
            }
            write!(f, "`{}`, at ", message.name)?;
        }
        write!(f, "byte {offset}: {cause}")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Truncated => f.write_str("the message ends too early"),
            Cause::Varint => f.write_str("an integer has more than 64 bits"),
            Cause::Key(key) => write!(f, "{key} is not the key of a field"),
            Cause::WireType(wire) => write!(f, "the field's type does not allow wire type {wire}"),
            Cause::UnknownWireType(wire) => write!(f, "wire type {wire} does not exist"),
            Cause::EndGroup => f.write_str("a group ends that has not begun"),
            Cause::Utf8 => f.write_str("the text is not UTF-8"),
            Cause::Depth => f.write_str("messages are nested too deep (more than 100 levels)"),
            Cause::Memory(limit) => write!(
                f,
                "the decoded message needs more than {limit} bytes of memory"
            ),
            Cause::Foreign(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl Error for DecodeError {}

/// Keeps the text only: prost's error has no place for more.
impl From<DecodeError> for prost::DecodeError {
    #[allow(deprecated)]
    fn from(error: DecodeError) -> prost::DecodeError {
        match error.0.cause {
            Cause::Foreign(error) => error,
            _ => prost::DecodeError::new(error.to_string()),
        }
    }
}
