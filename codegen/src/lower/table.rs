//! Tables of messages and enums, for JSON.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

use super::definitions::{Definition, Definitions, Item};
use crate::fields::{Syntax, in_oneof, is_optional, is_unpacked, map_entry};
use crate::model::{
    EnumTable, ExternTable, Table, TableField, TableLabel, TableRef, TableType, Tables, TypePath,
};
use crate::resolve::{Resolver, relative};

/// The enum whose value is JSON's null.
const NULL: &str = ".google.protobuf.NullValue";

/// What the tables of one module are lowered with.
pub(super) struct Lowering<'a> {
    definitions: &'a Definitions<'a>,
    resolver: &'a Resolver,
    module: &'a [String],
    /// The functions that return the tables of types that are not generated here, by the types' full names.
    externs: BTreeMap<String, String>,
}

impl<'a> Lowering<'a> {
    /// Prepares the tables of the module with these files.
    pub(super) fn new(
        definitions: &'a Definitions<'a>,
        resolver: &'a Resolver,
        module: &'a [String],
        files: &[String],
    ) -> Self {
        let names = definitions.externs_of(files, &|name| {
            name == NULL || resolver.is_extern(name) && resolver.is_ours(name)
        });
        let externs = names.into_iter().enumerate();
        Self {
            definitions,
            resolver,
            module,
            externs: externs
                .map(|(index, name)| (name, format!("extern_table_{}", index + 1)))
                .collect(),
        }
    }

    /// Lowers what the module has beside the tables of its types. `messages` are the full names of its messages.
    pub(super) fn module(&self, files: &[String], messages: &[String]) -> Tables {
        let own = messages.iter().map(|name| {
            let full_name = format!(".{name}");
            (name.clone(), self.reference(self.module, &full_name))
        });
        let mut externs = Vec::new();
        let mut all: BTreeMap<String, TableRef> = own.collect();
        for (name, function) in &self.externs {
            let Some(Definition { item, syntax, .. }) = self.definitions.get(name) else {
                continue;
            };
            let table = match item {
                Item::Message(message) => {
                    let plain = name.trim_start_matches('.').to_owned();
                    all.entry(plain)
                        .or_insert_with(|| TableRef::Function(TypePath(function.clone())));
                    ExternTable::Message(self.message(self.module, name, message, *syntax))
                }
                Item::Enum(enumeration) => ExternTable::Enum(self::enumeration(name, enumeration)),
            };
            externs.push((function.clone(), table));
        }
        let imports = self.definitions.imported_modules(files);
        let imports = imports.iter().filter(|other| **other != self.module);
        Tables {
            messages: all.into_iter().collect(),
            externs,
            imports: imports
                .map(|other| relative(self.module, other, ""))
                .collect(),
        }
    }

    /// Lowers the table of a message, as seen from the module `here`.
    pub(super) fn message(
        &self,
        here: &[String],
        full_name: &str,
        message: &DescriptorProto,
        syntax: Syntax,
    ) -> Table {
        let mut fields: Vec<TableField> = message
            .field
            .iter()
            .map(|field| self.field(here, full_name, message, field, syntax))
            .collect();
        fields.sort_by_key(|field| field.number);
        let json_names = fields.iter().map(|field| &field.json_name).enumerate();
        let proto_names = fields.iter().map(|field| &field.name).enumerate();
        let mut names = BTreeMap::new();
        for (index, name) in json_names.chain(proto_names) {
            names.entry(name.clone()).or_insert(index);
        }
        Table {
            full_name: full_name.trim_start_matches('.').to_owned(),
            form: form(full_name),
            fields,
            names: names.into_iter().collect(),
        }
    }

    fn field(
        &self,
        here: &[String],
        full_name: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
        syntax: Syntax,
    ) -> TableField {
        let entry = map_entry(message, full_name, field);
        let label = match (entry, field.label()) {
            (Some((key, _)), _) => TableLabel::Map(self.kind(here, key)),
            (None, Label::Repeated) if is_unpacked(field, syntax) => TableLabel::Unpacked,
            (None, Label::Repeated) => TableLabel::List,
            (None, Label::Required) => TableLabel::Optional,
            _ if in_oneof(field) => {
                TableLabel::Member(usize::try_from(field.oneof_index()).unwrap_or_default())
            }
            _ if is_optional(field, syntax) => TableLabel::Optional,
            _ => TableLabel::Plain,
        };
        let value = entry.map_or(field, |(_, value)| value);
        TableField {
            number: field.number().unsigned_abs(),
            name: field.name().to_owned(),
            json_name: match field.json_name() {
                "" => json_name(field.name()),
                name => name.to_owned(),
            },
            label,
            kind: self.kind(here, value),
        }
    }

    fn kind(&self, here: &[String], field: &FieldDescriptorProto) -> TableType {
        let reference = || self.reference(here, field.type_name());
        TableType::Scalar(match field.r#type() {
            Type::Double => "Double",
            Type::Float => "Float",
            Type::Int64 => "Int64",
            Type::Uint64 => "Uint64",
            Type::Int32 => "Int32",
            Type::Fixed64 => "Fixed64",
            Type::Fixed32 => "Fixed32",
            Type::Bool => "Bool",
            Type::String => "String",
            Type::Bytes => "Bytes",
            Type::Uint32 => "Uint32",
            Type::Sfixed32 => "Sfixed32",
            Type::Sfixed64 => "Sfixed64",
            Type::Sint32 => "Sint32",
            Type::Sint64 => "Sint64",
            Type::Enum if field.type_name() == NULL => "Null",
            Type::Enum => return TableType::Enum(reference()),
            Type::Message => return TableType::Message(reference()),
            Type::Group => return TableType::Group(reference()),
        })
    }

    fn reference(&self, here: &[String], full_name: &str) -> TableRef {
        match self.externs.get(full_name) {
            Some(function) => TableRef::Function(TypePath(relative(here, self.module, function))),
            None => TableRef::Type(self.resolver.resolve(here, full_name)),
        }
    }
}

/// Lowers the table of an enum.
pub(super) fn enumeration(full_name: &str, enumeration: &EnumDescriptorProto) -> EnumTable {
    let mut numbers = BTreeMap::new();
    let mut names = BTreeMap::new();
    for value in &enumeration.value {
        let name = value.name().to_owned();
        numbers.entry(value.number()).or_insert(name.clone());
        names.entry(name).or_insert(value.number());
    }
    EnumTable {
        full_name: full_name.trim_start_matches('.').to_owned(),
        numbers: numbers.into_iter().collect(),
        names: names.into_iter().collect(),
    }
}

/// Returns how a message is written as JSON, by its full name.
fn form(full_name: &str) -> &'static str {
    match full_name.strip_prefix(".google.protobuf.") {
        Some("Any") => "Any",
        Some("Duration") => "Duration",
        Some("FieldMask") => "FieldMask",
        Some("ListValue") => "ListValue",
        Some("Struct") => "Struct",
        Some("Timestamp") => "Timestamp",
        Some("Value") => "Value",
        Some(
            "BoolValue" | "BytesValue" | "DoubleValue" | "FloatValue" | "Int32Value" | "Int64Value"
            | "StringValue" | "UInt32Value" | "UInt64Value",
        ) => "Wrapper",
        _ => "Message",
    }
}

/// Returns the name in JSON of a field, as protoc derives it.
fn json_name(name: &str) -> String {
    let mut after_underscore = false;
    let mut json_name = String::with_capacity(name.len());
    for c in name.chars() {
        if c != '_' {
            json_name.push(if after_underscore {
                c.to_ascii_uppercase()
            } else {
                c
            });
        }
        after_underscore = c == '_';
    }
    json_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_json_are_those_of_protoc() {
        for (name, expected) in [
            ("a_b_c", "aBC"),
            ("_a", "A"),
            ("a__b", "aB"),
            ("a_1", "a1"),
            ("Ab_", "Ab"),
        ] {
            assert_eq!(json_name(name), expected);
        }
    }
}
