//! Conversion of messages to and from JSON, by the standard ProtoJSON mapping, and descriptors of messages. Feature `json`.
//!
//! Code that is generated with the option `json` implements [`ReflectMessage`] for each message. [`to_json`] and [`from_json`]
//! correspond to `MessageToJson` and `Parse` of Python's `google.protobuf.json_format`, and [`JsonFormat`] has their options.
//!
//! ```
//! use stubwright::json::{JsonFormat, from_json, to_json};
//! use stubwright::prost_types::Duration;
//!
//! # fn main() -> Result<(), stubwright::json::JsonError> {
//! let wait = Duration { seconds: 3, nanos: 500_000_000 };
//! assert_eq!(to_json(&wait)?, r#""3.500s""#);
//! assert_eq!(from_json::<Duration>(r#""3.5s""#)?, wait);
//!
//! let format = JsonFormat::new().preserving_proto_field_name(true).ignore_unknown_fields(true);
//! assert_eq!(format.from_json::<Duration>(r#""3.5s""#)?, wait);
//! # Ok(())
//! # }
//! ```
//!
//! [`descriptor`] returns a message's `DESCRIPTOR`, with its fields by name and number, its oneofs and its options.
//! [`ReflectMessage::transcode_to_dynamic`] converts a message to a [`DynamicMessage`], whose fields are read and written by
//! name.
//!
//! ```
//! use stubwright::json::{ReflectMessage, descriptor};
//! use stubwright::prost_types::Duration;
//!
//! let descriptor = descriptor::<Duration>();
//! assert_eq!(descriptor.full_name(), "google.protobuf.Duration");
//! assert_eq!(descriptor.get_field_by_name("nanos").unwrap().number(), 2);
//!
//! let wait = Duration { seconds: 3, nanos: 0 };
//! let seconds = wait.transcode_to_dynamic().get_field_by_name("seconds").unwrap().as_i64();
//! assert_eq!(seconds, Some(3));
//! ```
//!
//! # Differences from Python
//!
//! Results are the same as Python's, except in these cases:
//!
//! - Python accepts some texts that are not valid for a message: `[]` for a message, a Boolean for a number, the number of an
//!   enum in quotes, base64 with other characters in between.
//! - Python does not write times and durations that are not normalized.
//! - Python writes a `google.protobuf.Any` without a type as empty. Here it is an error.
//! - A negative zero is written as zero, as prost encodes it.
//!
//! # `google.protobuf.Any`
//!
//! The message in an `Any` is converted if its type is known. A type is known if it is declared in a file from which the outer
//! message's module was generated, or in an import of these files. It is also known if [`descriptor`] was called in this
//! process for any message of the type's module.

mod exact;
mod format;
mod pool;
mod unique;

use std::error::Error;
use std::fmt;

pub use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, MessageDescriptor, OneofDescriptor,
    ReflectMessage, Value,
};

pub use self::format::JsonFormat;
#[doc(hidden)]
pub use self::pool::descriptor_of;

/// Writes a message as JSON, on one line. `MessageToJson` of Python's `google.protobuf.json_format`.
///
/// # Errors
/// Fails if a part of the message has no JSON form: a time out of range, an infinite number in a `google.protobuf.Value`, or an
/// `Any` of an unknown type.
#[doc(alias = "MessageToJson")]
pub fn to_json<M: ReflectMessage>(message: &M) -> Result<String, JsonError> {
    JsonFormat::new().to_json(message)
}

/// Reads a message from JSON. `Parse` of Python's `google.protobuf.json_format`.
///
/// # Errors
/// Fails if the text is not JSON, repeats a key in an object, or doesn't fit the message. [`JsonError::place`] returns the place of
/// the error.
#[doc(alias = "Parse")]
pub fn from_json<M: ReflectMessage + Default>(text: &str) -> Result<M, JsonError> {
    JsonFormat::new().from_json(text)
}

/// Returns the descriptor of a message type. The attribute `DESCRIPTOR` of messages in Python's protobuf.
#[doc(alias = "DESCRIPTOR")]
pub fn descriptor<M: ReflectMessage + Default>() -> MessageDescriptor {
    M::default().descriptor()
}

/// The error of a message that has no JSON form, or of a JSON text that is not a valid message.
#[derive(Debug)]
pub struct JsonError(Box<dyn Error + Send + Sync>);

impl JsonError {
    fn new(error: impl Error + Send + Sync + 'static) -> JsonError {
        JsonError(Box::new(error))
    }

    /// Returns the line and column in the text where the error was found, counted from 1. Returns `None` for errors without a
    /// place.
    pub fn place(&self) -> Option<(usize, usize)> {
        let error = self.0.downcast_ref::<serde_json::Error>()?;
        (error.line() > 0).then(|| (error.line(), error.column()))
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
