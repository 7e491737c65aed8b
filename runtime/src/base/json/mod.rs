//! Messages as JSON, by the mapping that all protobuf libraries share, and what messages know of themselves. Feature `json`.
//!
//! Code that is generated with the option `json` makes each message a [`ReflectMessage`]. [`to_json`] and [`from_json`] are gRPC
//! Python's `MessageToJson` and `Parse`, and [`JsonFormat`] has their options.
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
//! [`descriptor`] is a message's `DESCRIPTOR`: its fields by name and number, its oneofs, its options.
//! [`ReflectMessage::transcode_to_dynamic`] makes a [`DynamicMessage`] of a message, whose fields are read and written by name.
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
//! Python's own reading of the mapping is followed but for what it does beyond it: it takes some texts that are no such message
//! (`[]` for a message, a Boolean for a number, the number of an enum in quotes, base64 with anything in between), and writes
//! neither times nor durations that are not normalized; a `google.protobuf.Any` without a type is empty to it, and an error to us. A
//! negative zero is zero, as in prost.
//!
//! What is in a `google.protobuf.Any` is written out if its type is known: it is in the files that the message's module was
//! generated from, or that they import, or [`descriptor`] has been asked for a type of its module in this process before.

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

/// A message as JSON, on one line. gRPC Python's `MessageToJson`.
///
/// # Errors
/// Something in the message has no JSON form: a time that is none, an infinite number in a `google.protobuf.Value`, an `Any` of a
/// type that is not known here.
pub fn to_json<M: ReflectMessage>(message: &M) -> Result<String, JsonError> {
    JsonFormat::new().to_json(message)
}

/// The message that a JSON text says. gRPC Python's `Parse`.
///
/// # Errors
/// The text is no JSON, has a key twice in one object, or is not of such a message; where, is in the error.
pub fn from_json<M: ReflectMessage + Default>(text: &str) -> Result<M, JsonError> {
    JsonFormat::new().from_json(text)
}

/// What is known of a type of messages. gRPC Python's `DESCRIPTOR`.
pub fn descriptor<M: ReflectMessage + Default>() -> MessageDescriptor {
    M::default().descriptor()
}

/// A message that has no JSON form, or a JSON text that is no message.
#[derive(Debug)]
pub struct JsonError(Box<dyn Error + Send + Sync>);

impl JsonError {
    fn new(error: impl Error + Send + Sync + 'static) -> JsonError {
        JsonError(Box::new(error))
    }

    /// The line and the column of the text at which it turned out to be wrong, the first being 1; `None` where there is no place.
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
