//! Properties of messages and fields that depend on more than one place of their descriptors.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// Rules of a file's syntax for its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Fields have presence, and repeated numbers are not packed by default.
    Proto2,
    /// Fields have no presence by default, and repeated numbers are packed.
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

/// Returns whether the message is the entry of a map.
pub(crate) fn is_map_entry(message: &DescriptorProto) -> bool {
    let options = message.options.as_ref();
    options.is_some_and(|options| options.map_entry())
}

/// Returns the key and the value of a map field of `message`. Returns `None` for other fields.
///
/// `full_name` is the message's name with a leading dot.
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

/// Returns whether the field is a member of a oneof. The synthetic oneof of an optional proto3 field does not count.
pub(crate) fn in_oneof(field: &FieldDescriptorProto) -> bool {
    field.oneof_index.is_some() && !field.proto3_optional()
}

/// Returns the members of a oneof, by their indexes in the message.
pub(crate) fn members(
    message: &DescriptorProto,
    oneof: usize,
) -> impl Iterator<Item = (usize, &FieldDescriptorProto)> {
    let oneof = i32::try_from(oneof).ok();
    let fields = message.field.iter().enumerate();
    fields.filter(move |(_, field)| in_oneof(field) && field.oneof_index == oneof)
}

/// Returns whether a type that exists in Rust is declared inside the message.
pub(crate) fn has_inner_types(message: &DescriptorProto) -> bool {
    let mut nested = message.nested_type.iter();
    nested.any(|nested| !is_map_entry(nested))
        || !message.enum_type.is_empty()
        || message.field.iter().any(in_oneof)
}

/// Returns whether a field that is neither repeated nor in a oneof has presence.
pub(crate) fn is_optional(field: &FieldDescriptorProto, syntax: Syntax) -> bool {
    field.proto3_optional()
        || field.label() == Label::Optional
            && (syntax == Syntax::Proto2 || matches!(field.r#type(), Type::Message | Type::Group))
}

/// Returns whether a repeated field could be packed and is not.
pub(crate) fn is_unpacked(field: &FieldDescriptorProto, syntax: Syntax) -> bool {
    let packable = !matches!(
        field.r#type(),
        Type::String | Type::Bytes | Type::Message | Type::Group
    );
    // Only the option `packed` counts, not the presence of options.
    let options = field.options.as_ref();
    let packed = options.and_then(|options| options.packed);
    packable && !packed.unwrap_or(syntax == Syntax::Proto3)
}
