//! Lowers files of editions 2023 and 2024 to proto2 and proto3, which prost supports.
//!
//! An edition is a set of defaults for features, which files and fields can override. Older descriptors can express
//! everything that features say about the encoding of a field: presence is `optional` of proto3 or `required` of
//! proto2, the encoding of repeated fields is the option `packed`, and a delimited message is a group. Closed enums
//! are not lowered, because an enum field is always an `i32` in Rust.
//!
//! prost's descriptors drop features and editions. They are decoded here a second time, into types that have only
//! these fields.

use prost::{DecodeError, Message as _};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto};

use crate::fields::{in_oneof, is_map_entry, map_entry};

/// Value of `syntax` in the descriptor of a file with an edition.
const SYNTAX: &str = "editions";

/// First `google.protobuf.Edition` that the generator supports. It is the number of proto2.
pub(crate) const MINIMUM: i32 = 998;
pub(crate) const MAXIMUM: i32 = EDITION_2024;

const EDITION_2023: i32 = 1000;
const EDITION_2024: i32 = 1001;

/// Returns whether a file has an edition. Only then its bytes must be decoded a second time.
pub(crate) fn has_edition(file: &FileDescriptorProto) -> bool {
    file.syntax() == SYNTAX
}

/// Lowers a file of an edition. A file of an unknown edition is left unchanged, and `check` refuses it.
pub(crate) fn lower(file: &mut FileDescriptorProto, bytes: &[u8]) -> Result<(), DecodeError> {
    let raw = File::decode(bytes)?;
    if !matches!(raw.edition, Some(EDITION_2023 | EDITION_2024)) {
        return Ok(());
    }
    // Fields without features behave as in proto3.
    file.syntax = Some("proto3".to_owned());
    let features = Features {
        presence: Some(EXPLICIT),
        repeated: Some(PACKED),
        encoding: Some(LENGTH_PREFIXED),
    };
    let features = features.with(raw.options.and_then(|options| options.features));
    let scope = match file.package() {
        "" => String::new(),
        package => format!(".{package}"),
    };
    messages(&mut file.message_type, &raw.message, &scope, features);
    Ok(())
}

fn messages(messages: &mut [DescriptorProto], raw: &[Message], scope: &str, features: Features) {
    for (message, raw) in messages.iter_mut().zip(raw) {
        // Features do not apply to map entries.
        if is_map_entry(message) {
            continue;
        }
        let full_name = format!("{scope}.{}", message.name());
        let features = features.with(raw.options.and_then(|options| options.features));
        let maps: Vec<bool> = message
            .field
            .iter()
            .map(|field| map_entry(message, &full_name, field).is_some())
            .collect();
        for ((field, raw), is_map) in message.field.iter_mut().zip(&raw.field).zip(maps) {
            if !is_map {
                self::field(
                    field,
                    features.with(raw.options.and_then(|options| options.features)),
                );
            }
        }
        self::messages(&mut message.nested_type, &raw.nested, &full_name, features);
    }
}

fn field(field: &mut FieldDescriptorProto, features: Features) {
    let is_message = matches!(field.r#type(), Type::Message | Type::Group);
    if is_message && features.encoding == Some(DELIMITED) {
        field.set_type(Type::Group);
    }
    if field.label() == Label::Repeated {
        let options = field.options.get_or_insert_with(FieldOptions::default);
        options.packed = Some(features.repeated == Some(PACKED));
    } else if !in_oneof(field) {
        match features.presence {
            Some(LEGACY_REQUIRED) => field.set_label(Label::Required),
            Some(EXPLICIT) if !is_message => field.proto3_optional = Some(true),
            _ => {}
        }
    }
}

const EXPLICIT: i32 = 1;
const LEGACY_REQUIRED: i32 = 3;
const PACKED: i32 = 1;
const LENGTH_PREFIXED: i32 = 1;
const DELIMITED: i32 = 2;

/// The parts of `google.protobuf.FeatureSet` that affect the encoding of fields.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Features {
    #[prost(int32, optional, tag = "1")]
    presence: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    repeated: Option<i32>,
    #[prost(int32, optional, tag = "5")]
    encoding: Option<i32>,
}

impl Features {
    /// Returns these features, overridden by those of an inner element.
    fn with(self, inner: Option<Self>) -> Self {
        let inner = inner.unwrap_or_default();
        Self {
            presence: inner.presence.or(self.presence),
            repeated: inner.repeated.or(self.repeated),
            encoding: inner.encoding.or(self.encoding),
        }
    }
}

/// Types of `descriptor.proto`, with only the fields that features need.
#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(message, repeated, tag = "4")]
    message: Vec<Message>,
    #[prost(message, optional, tag = "8")]
    options: Option<FileFeatures>,
    #[prost(int32, optional, tag = "14")]
    edition: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(message, repeated, tag = "2")]
    field: Vec<Field>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<Message>,
    #[prost(message, optional, tag = "7")]
    options: Option<MessageFeatures>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Field {
    #[prost(message, optional, tag = "8")]
    options: Option<FieldFeatures>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct FileFeatures {
    #[prost(message, optional, tag = "50")]
    features: Option<Features>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct MessageFeatures {
    #[prost(message, optional, tag = "12")]
    features: Option<Features>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct FieldFeatures {
    #[prost(message, optional, tag = "21")]
    features: Option<Features>,
}
