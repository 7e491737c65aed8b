//! What the descriptors of messages and fields say, beyond what stands in one place.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// The rules that a file gives its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Fields know whether they are set, and repeated numbers are not packed unless a field says so.
    Proto2,
    /// The other way round.
    Proto3,
}

impl Syntax {
    pub(crate) fn of(file: &FileDescriptorProto) -> Self {
        match file.syntax() {
            "proto3" => Self::Proto3,
            _ => Self::Proto2,
        }
    }
}

/// Whether the message is what a map is made of.
pub(crate) fn is_map_entry(message: &DescriptorProto) -> bool {
    let options = message.options.as_ref();
    options.is_some_and(|options| options.map_entry())
}

/// The key and the value of a field of `message` that is a map. `full_name` is the message's name with a leading dot.
pub(crate) fn map_entry<'m>(
    message: &'m DescriptorProto,
    full_name: &str,
    field: &FieldDescriptorProto,
) -> Option<(&'m FieldDescriptorProto, &'m FieldDescriptorProto)> {
    if field.r#type() != Type::Message {
        return None;
    }
    let name = field
        .type_name()
        .strip_prefix(full_name)?
        .strip_prefix('.')?;
    let mut entries = message.nested_type.iter();
    let entry = entries.find(|nested| nested.name() == name && is_map_entry(nested))?;
    match entry.field.as_slice() {
        [key, value] => Some((key, value)),
        _ => None,
    }
}

/// Whether the field is a member of a oneof, and not of one that is only the sign of an optional field.
pub(crate) fn in_oneof(field: &FieldDescriptorProto) -> bool {
    field.oneof_index.is_some() && !field.proto3_optional()
}

/// The members of a oneof of the message, by their indexes.
pub(crate) fn members(
    message: &DescriptorProto,
    oneof: usize,
) -> impl Iterator<Item = (usize, &FieldDescriptorProto)> {
    let oneof = i32::try_from(oneof).ok();
    let fields = message.field.iter().enumerate();
    fields.filter(move |(_, field)| in_oneof(field) && field.oneof_index == oneof)
}

/// Whether something is declared inside the message that is a type in Rust.
pub(crate) fn has_inner_types(message: &DescriptorProto) -> bool {
    let mut nested = message.nested_type.iter();
    nested.any(|nested| !is_map_entry(nested))
        || !message.enum_type.is_empty()
        || message.field.iter().any(in_oneof)
}

/// Whether a field that is neither repeated nor in a oneof tells "not set" from its default value.
pub(crate) fn is_optional(field: &FieldDescriptorProto, syntax: Syntax) -> bool {
    field.proto3_optional()
        || field.label() == Label::Optional
            && (syntax == Syntax::Proto2 || matches!(field.r#type(), Type::Message | Type::Group))
}

/// Whether a repeated field could be packed and is not.
pub(crate) fn is_unpacked(field: &FieldDescriptorProto, syntax: Syntax) -> bool {
    let packable = !matches!(
        field.r#type(),
        Type::String | Type::Bytes | Type::Message | Type::Group
    );
    // Only the option itself counts, not that there are options.
    let options = field.options.as_ref();
    let packed = options.and_then(|options| options.packed);
    packable && !packed.unwrap_or(syntax == Syntax::Proto3)
}
