//! Conversion of messages to and from JSON, by the standard ProtoJSON mapping. Feature `json`.
//!
//! Code that is generated with the option `json` implements [`Described`] for each message. [`to_json`] and [`from_json`] correspond
//! to `MessageToJson` and `Parse` of Python's `google.protobuf.json_format`, and [`JsonFormat`] has their options.
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
//! # Differences from Python
//!
//! Results are the same as Python's, except in these cases:
//!
//! - Python accepts some texts that are not valid for a message: `[]` for a message, a Boolean for a number, the number of an
//!   enum in quotes, base64 with other characters in between, and a field that is set twice by its two names.
//! - Python does not read the largest float in its shortest form.
//! - Python knows closed enums. Here their unknown numbers are kept.
//! - Extensions are unknown fields, because messages in Rust have no place for them.
//!
//! # `google.protobuf.Any`
//!
//! The message in an `Any` is converted if its type is known. These types are known:
//!
//! - the messages of the module to which the outermost message belongs. A module is generated from all files of a package;
//! - the messages of the modules from which that module imports, directly or indirectly;
//! - the well-known types;
//! - the types that [`JsonFormat::types_of`] names.
//!
//! The name of the type is what follows the last `/` of the type URL. The bytes in an `Any` that was read from JSON are a valid
//! encoding of the message, but other libraries may write its fields in another order.
//!
//! # Hostile texts
//!
//! A text never causes a panic. Messages may be nested to 100 levels, and so may the values of unknown fields that are skipped. A key
//! that occurs twice in an object is an error, because readers disagree about its value. While a text is read, the encoded message
//! needs a small multiple of the text's length. The message itself is limited by [`JsonFormat::max_message_memory`].

mod decimal;
mod depth;
mod entries;
mod error;
mod field_paths;
mod fields;
mod format;
mod known_types;
mod lexer;
mod options;
mod parser;
mod plain;
mod seen;
mod text;
mod times;
mod unique_keys;
mod wire;
mod writer;

pub use self::error::JsonError;
pub use self::format::JsonFormat;
pub use crate::message::Described;

/// Writes a message as JSON, on one line. `MessageToJson` of Python's `google.protobuf.json_format`.
///
/// # Errors
/// Fails if a part of the message has no JSON form: a time that is out of range or not normalized, an infinite number in a
/// `google.protobuf.Value`, an `Any` of an unknown type, or more than 100 messages inside each other.
#[doc(alias = "MessageToJson")]
pub fn to_json<M: Described>(message: &M) -> Result<String, JsonError> {
    JsonFormat::new().to_json(message)
}

/// Reads a message from JSON. `Parse` of Python's `google.protobuf.json_format`.
///
/// # Errors
/// Fails if the text is not JSON, repeats a key in an object, doesn't fit the message, or needs too much memory.
/// [`JsonError::place`] returns the place of the error.
#[doc(alias = "Parse")]
pub fn from_json<M: Described>(text: &str) -> Result<M, JsonError> {
    JsonFormat::new().from_json(text)
}
