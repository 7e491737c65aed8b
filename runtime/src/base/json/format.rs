//! The options of the JSON mapping.

use prost_reflect::{DeserializeOptions, DynamicMessage, ReflectMessage, SerializeOptions};
use serde::de::DeserializeSeed;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use serde_json::{Deserializer, Serializer};

use super::exact::Exact;
use super::unique::UniqueKeys;
use super::{JsonError, descriptor};

/// Options for writing messages as JSON and for reading messages from JSON. The methods have the names of the options of Python's
/// `google.protobuf.json_format`, except that `pretty` is `indent` there.
///
/// By default, as the mapping specifies, absent and default values are left out, names are in lowerCamelCase, enums are written
/// by name, 64-bit integers are strings, and unknown fields are an error.
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
    /// Creates options with all defaults.
    pub fn new() -> JsonFormat {
        JsonFormat::default()
    }

    /// Sets whether lists, maps and fields without presence are written even if they have their default values. The default is
    /// `false`.
    pub fn always_print_fields_with_no_presence(mut self, yes: bool) -> JsonFormat {
        self.always_print_fields_with_no_presence = yes;
        self
    }

    /// Sets whether field names are written as in the proto instead of in lowerCamelCase. Both are always read. The default is
    /// `false`.
    pub fn preserving_proto_field_name(mut self, yes: bool) -> JsonFormat {
        self.preserving_proto_field_name = yes;
        self
    }

    /// Sets whether enums are written as numbers. Names and numbers are always read. The default is `false`.
    pub fn use_integers_for_enums(mut self, yes: bool) -> JsonFormat {
        self.use_integers_for_enums = yes;
        self
    }

    /// Sets whether unknown fields and enum values are skipped when reading instead of being an error. The default is `false`.
    pub fn ignore_unknown_fields(mut self, yes: bool) -> JsonFormat {
        self.ignore_unknown_fields = yes;
        self
    }

    /// Sets whether the output is indented by two spaces, with one field per line. The default is `false`, but Python's protobuf
    /// indents by default.
    pub fn pretty(mut self, yes: bool) -> JsonFormat {
        self.pretty = yes;
        self
    }

    /// Writes a message as JSON.
    ///
    /// # Errors
    /// Fails like [`to_json`](super::to_json).
    pub fn to_json<M: ReflectMessage>(&self, message: &M) -> Result<String, JsonError> {
        let message = message.transcode_to_dynamic();
        if self.pretty {
            self.write(&message, PrettyFormatter::new())
        } else {
            self.write(&message, CompactFormatter)
        }
    }

    /// Reads a message from JSON.
    ///
    /// # Errors
    /// Fails like [`from_json`](super::from_json).
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
