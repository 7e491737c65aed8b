//! The options of the mapping.

use prost_reflect::{DeserializeOptions, DynamicMessage, ReflectMessage, SerializeOptions};
use serde::de::DeserializeSeed;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use serde_json::{Deserializer, Serializer};

use super::exact::Exact;
use super::unique::UniqueKeys;
use super::{JsonError, descriptor};

/// How messages are written as JSON and read from it, under the names that gRPC Python's `json_format` has. By default, as the
/// mapping has it: absent and default values left out, names in lowerCamelCase, enums by their names, 64-bit integers as strings,
/// and an error for what is not known.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct JsonFormat {
    always_print_fields_with_no_presence: bool,
    preserving_proto_field_name: bool,
    use_integers_for_enums: bool,
    ignore_unknown_fields: bool,
    pretty: bool,
}

impl JsonFormat {
    /// The mapping without options.
    pub fn new() -> JsonFormat {
        JsonFormat::default()
    }

    /// Whether fields without presence, and lists and maps, are written even if they have their default values.
    pub fn always_print_fields_with_no_presence(mut self, yes: bool) -> JsonFormat {
        self.always_print_fields_with_no_presence = yes;
        self
    }

    /// Whether fields have the names that they have in the proto. Both are always read.
    pub fn preserving_proto_field_name(mut self, yes: bool) -> JsonFormat {
        self.preserving_proto_field_name = yes;
        self
    }

    /// Whether enums are written as numbers. Both are always read.
    pub fn use_integers_for_enums(mut self, yes: bool) -> JsonFormat {
        self.use_integers_for_enums = yes;
        self
    }

    /// Whether fields, and values of enums, that are not known are left out when they are read, in the place of an error.
    pub fn ignore_unknown_fields(mut self, yes: bool) -> JsonFormat {
        self.ignore_unknown_fields = yes;
        self
    }

    /// Whether it is written for people: a field per line, indented by two. gRPC Python's default.
    pub fn pretty(mut self, yes: bool) -> JsonFormat {
        self.pretty = yes;
        self
    }

    /// A message as JSON.
    ///
    /// # Errors
    /// As [`to_json`](super::to_json).
    pub fn to_json<M: ReflectMessage>(&self, message: &M) -> Result<String, JsonError> {
        let message = message.transcode_to_dynamic();
        if self.pretty {
            self.write(&message, PrettyFormatter::new())
        } else {
            self.write(&message, CompactFormatter)
        }
    }

    /// The message that a JSON text says.
    ///
    /// # Errors
    /// As [`from_json`](super::from_json).
    pub fn from_json<M: ReflectMessage + Default>(&self, text: &str) -> Result<M, JsonError> {
        UniqueKeys
            .deserialize(&mut Deserializer::from_str(text))
            .map_err(JsonError::new)?;
        let mut text = Deserializer::from_str(text);
        let options = DeserializeOptions::new().deny_unknown_fields(!self.ignore_unknown_fields);
        let message =
            DynamicMessage::deserialize_with_options(descriptor::<M>(), &mut text, &options)
                .map_err(JsonError::new)?;
        text.end().map_err(JsonError::new)?;
        let message = message.transcode_to();
        message.map_err(JsonError::new)
    }

    fn write(
        &self,
        message: &DynamicMessage,
        formatter: impl Formatter,
    ) -> Result<String, JsonError> {
        let options = SerializeOptions::new()
            .skip_default_fields(!self.always_print_fields_with_no_presence)
            .use_proto_field_name(self.preserving_proto_field_name)
            .use_enum_numbers(self.use_integers_for_enums);
        let mut text = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut text, formatter);
        message
            .serialize_with_options(Exact(&mut serializer), &options)
            .map_err(JsonError::new)?;
        String::from_utf8(text).map_err(JsonError::new)
    }
}
