//! The options of the JSON mapping.

use bytes::BytesMut;

use super::options::Options;
use super::{JsonError, parser, writer};
use crate::base::AnyMessage;
use crate::message::{Described, MEMORY, Reader, encode_to};

/// Options for writing messages as JSON and for reading messages from JSON. The methods have the names of the options of Python's
/// `google.protobuf.json_format`, except that `pretty` is `indent` there.
///
/// By default, as the mapping specifies, absent and default values are left out, names are in lowerCamelCase, enums are written
/// by name, 64-bit integers are strings, and unknown fields are an error.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct JsonFormat {
    options: Options,
    max_message_memory: Option<usize>,
}

impl JsonFormat {
    /// Creates options with all defaults.
    pub fn new() -> JsonFormat {
        JsonFormat::default()
    }

    /// Sets whether lists, maps and fields without presence are written even if they have their default values. The default is
    /// `false`.
    pub fn always_print_fields_with_no_presence(mut self, yes: bool) -> JsonFormat {
        self.options.always_print_fields_with_no_presence = yes;
        self
    }

    /// Sets whether field names are written as in the proto instead of in lowerCamelCase. Both are always read. The default is
    /// `false`.
    pub fn preserving_proto_field_name(mut self, yes: bool) -> JsonFormat {
        self.options.preserving_proto_field_name = yes;
        self
    }

    /// Sets whether enums are written as numbers. Names and numbers are always read. The default is `false`.
    pub fn use_integers_for_enums(mut self, yes: bool) -> JsonFormat {
        self.options.use_integers_for_enums = yes;
        self
    }

    /// Sets whether unknown fields and enum values are skipped when reading instead of being an error. The default is `false`.
    pub fn ignore_unknown_fields(mut self, yes: bool) -> JsonFormat {
        self.options.ignore_unknown_fields = yes;
        self
    }

    /// Sets whether the output is indented by two spaces, with one field per line. The default is `false`, but Python's protobuf
    /// indents by default.
    pub fn pretty(mut self, yes: bool) -> JsonFormat {
        self.options.pretty = yes;
        self
    }

    /// Makes types known that may be in a `google.protobuf.Any`: all messages of the module of `M`, and of the modules from which it
    /// imports. The types that the module of the converted message knows need not be named, and neither do the well-known types.
    ///
    /// ```
    /// use stubwright::json::JsonFormat;
    /// use stubwright::prost_types::Timestamp;
    ///
    /// let format = JsonFormat::new().types_of::<Timestamp>();
    /// # let _ = format;
    /// ```
    pub fn types_of<M: Described>(mut self) -> JsonFormat {
        self.options.types.push(M::table().module);
        self
    }

    /// Sets the maximum memory of a message that is read, in bytes. The default is 32 MiB, or twice the length of the text if that is
    /// more. The text itself is not counted.
    pub fn max_message_memory(mut self, bytes: usize) -> JsonFormat {
        self.max_message_memory = Some(bytes);
        self
    }

    /// Writes a message as JSON.
    ///
    /// # Errors
    /// Fails like [`to_json`](super::to_json).
    pub fn to_json<M: Described>(&self, message: &M) -> Result<String, JsonError> {
        let mut bytes = BytesMut::new();
        encode_to(message, |length| {
            bytes.reserve(length);
            Some(&mut bytes)
        });
        writer::write(&bytes, M::table(), &self.options)
    }

    /// Writes a message of any type as JSON, for example in an interceptor.
    ///
    /// # Errors
    /// Fails like [`to_json`](super::to_json), and if the message was not generated with the option `json`.
    pub fn any_to_json(&self, message: &dyn AnyMessage) -> Result<String, JsonError> {
        match message.table() {
            Some(table) => writer::write(&message.to_bytes(), table(), &self.options),
            None => Err(JsonError::new(
                "the message has no JSON form, because it was generated without the option `json`",
            )),
        }
    }

    /// Reads a message from JSON.
    ///
    /// # Errors
    /// Fails like [`from_json`](super::from_json).
    pub fn from_json<M: Described>(&self, text: &str) -> Result<M, JsonError> {
        let bytes = parser::parse(text, M::table(), &self.options)?;
        let default = MEMORY.max(text.len().saturating_mul(2));
        let reader = Reader::new(&bytes).memory(self.max_message_memory.unwrap_or(default));
        let mut message = M::default();
        reader.read(&mut message)?;
        Ok(message)
    }
}
