//! The error of JSON.

use std::error::Error;
use std::fmt::{self, Display};

use crate::message::{DecodeError, Malformed, Table, TableField};

/// The error of a message that has no JSON form, or of a JSON text that is not a valid message.
///
/// Its text names the line and the column in the JSON text, and the field. As a [`Status`](crate::Status) it is INVALID_ARGUMENT, or
/// RESOURCE_EXHAUSTED if the message needs too much memory.
pub struct JsonError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The line and the column.
    place: Option<(usize, usize)>,
    /// The innermost message and its field.
    field: Option<(&'static str, &'static str)>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Problem(String),
    Message(DecodeError),
}

impl JsonError {
    /// Creates an error without a place.
    #[cold]
    pub(super) fn new(problem: impl Display) -> JsonError {
        JsonError(Box::new(Inner {
            place: None,
            field: None,
            cause: Cause::Problem(problem.to_string()),
        }))
    }

    /// Creates an error at a line and a column.
    #[cold]
    pub(super) fn at(place: (usize, usize), problem: impl Display) -> JsonError {
        let mut error = JsonError::new(problem);
        error.0.place = Some(place);
        error
    }

    /// Sets the field, unless the error has one.
    #[cold]
    pub(super) fn inside(mut self, table: &'static Table, field: &'static TableField) -> JsonError {
        self.0.field.get_or_insert((table.name, field.name));
        self
    }

    /// Returns the line and column in the text where the error was found, counted from 1. Returns `None` for errors without a
    /// place.
    pub fn place(&self) -> Option<(usize, usize)> {
        self.0.place
    }

    /// Returns whether the message needs more memory than is allowed.
    pub(crate) fn is_over_budget(&self) -> bool {
        match &self.0.cause {
            Cause::Message(error) => error.is_over_budget(),
            Cause::Problem(_) => false,
        }
    }
}

impl From<DecodeError> for JsonError {
    #[cold]
    fn from(error: DecodeError) -> JsonError {
        JsonError(Box::new(Inner {
            place: None,
            field: None,
            cause: Cause::Message(error),
        }))
    }
}

impl From<Malformed> for JsonError {
    #[cold]
    fn from(_: Malformed) -> JsonError {
        JsonError::new("the encoded message is malformed")
    }
}

impl Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.0.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        if let Some((message, field)) = self.0.field {
            write!(f, "field `{field}` of `{message}`: ")?;
        }
        match &self.0.cause {
            Cause::Problem(problem) => f.write_str(problem),
            Cause::Message(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonError({self})")
    }
}

impl Error for JsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.cause {
            Cause::Problem(_) => None,
            Cause::Message(error) => Some(error),
        }
    }
}
