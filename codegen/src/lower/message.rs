//! Messages, their fields and their oneofs.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

use super::default::default;
use super::file::File;
use crate::fields::{in_oneof, is_map_entry, is_optional, is_unpacked, map_entry, members};
use crate::graph::Rules as _;
use crate::map_type::MapType;
use crate::model::{Derives, Field, Message, Oneof, Shape, TypeName, Value, View};
use crate::names;
use crate::paths;
use crate::source::{children, number};
use crate::symbols::{MessageNames, OneofNames};

/// A message that is being lowered.
pub(super) struct Lowering<'a> {
    file: &'a File<'a>,
    path: &'a [i32],
    message: &'a DescriptorProto,
    /// Full name with a leading dot.
    full_name: String,
    names: &'a MessageNames,
    /// The module of the types declared inside the message.
    inside: Vec<String>,
}

/// Lowers the message below `scope`. Returns `None` if it is external.
pub(super) fn message<'a>(
    file: &'a File<'a>,
    path: &'a [i32],
    scope: &str,
    message: &'a DescriptorProto,
) -> Option<Message> {
    if is_map_entry(message) {
        return None;
    }
    let full_name = format!("{scope}.{}", message.name());
    let names = file.resolver.symbols.message(&full_name)?;
    let lowering = Lowering {
        file,
        path,
        message,
        full_name,
        names,
        inside: names
            .modules
            .iter()
            .chain([&names.module])
            .cloned()
            .collect(),
    };
    Some(lowering.lower())
}

impl Lowering<'_> {
    fn lower(&self) -> Message {
        let Self {
            file,
            path,
            message,
            full_name,
            names,
            ..
        } = self;
        let config = file.config;
        let plain = full_name.trim_start_matches('.');
        let derived = names::upper_camel(message.name());
        let docs = file.docs(path, full_name, || format!("Message `{plain}`."));
        Message {
            name: names.name.clone(),
            module: names.module.clone(),
            full_name: plain.to_owned(),
            docs: super::renamed(docs, message.name(), &derived, &names.name),
            attributes: [&config.type_attribute, &config.message_attribute]
                .into_iter()
                .flat_map(|attributes| paths::all(attributes, full_name))
                .collect(),
            deprecated: file.deprecates_types()
                && message
                    .options
                    .as_ref()
                    .is_some_and(|options| options.deprecated()),
            derives: Derives {
                debug: !file.is(&config.skip_debug, full_name),
                ..file.graph.of_message(full_name).into()
            },
            fields: self.fields(),
            oneofs: self.oneofs(),
            unknown_fields: config
                .keeps_unknown_fields(full_name)
                .then(|| names.unknown_fields.clone()),
            messages: children(path, number::MESSAGE_NESTED, &message.nested_type)
                .filter_map(|(path, nested)| self::message(file, &path, full_name, nested))
                .collect(),
            enums: children(path, number::MESSAGE_ENUM, &message.enum_type)
                .filter_map(|(path, nested)| super::enumeration(file, &path, full_name, nested))
                .collect(),
            type_name: config.enable_type_names.then(|| TypeName {
                name: message.name().to_owned(),
                package: file.package.to_owned(),
                domain: paths::best(&config.type_name_domain, full_name)
                    .cloned()
                    .unwrap_or_default(),
            }),
            table: file
                .tables
                .map(|tables| tables.message(&names.modules, full_name, message, file.syntax)),
            view: names.view.clone().map(|name| View {
                name,
                borrows: self.borrows(),
            }),
            is_view: false,
        }
    }

    /// Returns whether the view of the message borrows.
    fn borrows(&self) -> bool {
        let views = &self.file.resolver.views;
        views.borrows(&self.full_name).unwrap_or_default()
    }

    /// Returns the fields of the struct, without those that hold oneofs.
    fn fields(&self) -> Vec<Field> {
        let fields = children(self.path, number::MESSAGE_FIELD, &self.message.field);
        fields
            .zip(&self.names.fields)
            .filter(|((_, field), _)| !in_oneof(field))
            .map(|((path, field), name)| {
                let element = format!("{}.{}", self.full_name, field.name());
                Field {
                    shape: self.shape(&element, field),
                    value: self.value(&self.names.modules, &element, field),
                    ..self.any_field(&path, field, name, &names::snake(field.name()), &element)
                }
            })
            .collect()
    }

    fn oneofs(&self) -> Vec<Oneof> {
        let oneofs = children(self.path, number::MESSAGE_ONEOF, &self.message.oneof_decl);
        oneofs
            .zip(&self.names.oneofs)
            .enumerate()
            .filter(|(index, _)| members(self.message, *index).next().is_some())
            .map(|(index, ((path, oneof), names))| self.oneof(index, &path, oneof.name(), names))
            .collect()
    }

    fn oneof(&self, index: usize, path: &[i32], proto_name: &str, names: &OneofNames) -> Oneof {
        let config = self.file.config;
        let plain = self.full_name.trim_start_matches('.');
        let element = format!("{}.{proto_name}", self.full_name);
        let docs = self.file.docs(path, &self.full_name, || {
            format!("Oneof `{proto_name}` of `{plain}`.")
        });
        let traits = self.file.graph.of_fields(
            &self.full_name,
            self.message,
            members(self.message, index).map(|(_, field)| field),
            config,
        );
        let fields = children(self.path, number::MESSAGE_FIELD, &self.message.field);
        let of_this = i32::try_from(index).ok();
        let members: Vec<Field> = fields
            .zip(&self.names.fields)
            .filter(|((_, field), _)| in_oneof(field) && field.oneof_index == of_this)
            .map(|((path, field), name)| self.member(&path, field, name, &element))
            .collect();
        let borrows = members.iter().any(|member| member.value.borrows());
        Oneof {
            field: names.field.clone(),
            name: names.name.clone(),
            docs: super::renamed(docs, proto_name, &names::snake(proto_name), &names.field),
            field_attributes: paths::all(&config.field_attribute, &element),
            attributes: [&config.type_attribute, &config.enum_attribute]
                .into_iter()
                .flat_map(|attributes| paths::all(attributes, &element))
                .collect(),
            derives: Derives {
                debug: !self.file.is(&config.skip_debug, &self.full_name),
                ..traits.into()
            },
            view: (borrows && self.borrows()).then(|| names.view.clone()),
            is_view: false,
            members,
        }
    }

    /// Lowers a member of a oneof to a variant. `oneof` is the full name of the oneof.
    fn member(&self, path: &[i32], field: &FieldDescriptorProto, name: &str, oneof: &str) -> Field {
        let element = format!("{}.{}", self.full_name, field.name());
        let attributes = format!("{oneof}.{}", field.name());
        let derived = names::upper_camel(field.name());
        Field {
            value: self.value(&self.inside, &element, field),
            default: None,
            ..self.any_field(path, field, name, &derived, &attributes)
        }
    }

    /// Lowers the parts that fields and members of oneofs have in common. `attributes` is the path that the user's
    /// attributes are matched with.
    fn any_field(
        &self,
        path: &[i32],
        field: &FieldDescriptorProto,
        name: &str,
        derived: &str,
        attributes: &str,
    ) -> Field {
        let config = self.file.config;
        let element = format!("{}.{}", self.full_name, field.name());
        let docs = self.file.docs(path, &element, || {
            format!("Field `{}`, number {}.", field.name(), field.number())
        });
        Field {
            name: name.to_owned(),
            proto_name: field.name().to_owned(),
            number: field.number().unsigned_abs(),
            docs: super::renamed(docs, field.name(), derived, name),
            attributes: paths::all(&config.field_attribute, attributes),
            deprecated: field
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            shape: Shape::Plain,
            value: Value::String { shared: false },
            boxed: field.label() != Label::Repeated
                && (self.file.graph.is_recursive(&self.full_name, field)
                    || config.is_boxed(&self.full_name, self.message, field)),
            default: default(field, &self.file.resolver.symbols),
        }
    }

    fn shape(&self, element: &str, field: &FieldDescriptorProto) -> Shape {
        let syntax = self.file.syntax;
        if let Some((key, _)) = map_entry(self.message, &self.full_name, field) {
            let kind = paths::best(&self.file.config.map_type, element).copied();
            return Shape::Map {
                key: self.plain_value(&self.names.modules, element, key),
                kind: kind.unwrap_or(MapType::HashMap),
            };
        }
        match field.label() {
            Label::Repeated if is_unpacked(field, syntax) => Shape::Unpacked,
            Label::Repeated => Shape::Repeated,
            // A message that must contain itself could not exist: prost's would never end.
            Label::Required if self.file.graph.is_recursive(&self.full_name, field) => {
                Shape::Optional
            }
            Label::Required => Shape::Required,
            Label::Optional if is_optional(field, syntax) => Shape::Optional,
            Label::Optional => Shape::Plain,
        }
    }

    /// Returns the type of the field's values, as seen from the module `here`.
    fn value(&self, here: &[String], element: &str, field: &FieldDescriptorProto) -> Value {
        if let Some((_, value)) = map_entry(self.message, &self.full_name, field) {
            return self.plain_value(here, element, value);
        }
        match field.r#type() {
            Type::Bytes => Value::Bytes {
                shared: self.file.is(&self.file.config.bytes, element),
            },
            _ => self.plain_value(here, element, field),
        }
    }

    /// Returns the type of values, among them a map's keys or values. `element` is the path of the field or the map.
    fn plain_value(&self, here: &[String], element: &str, field: &FieldDescriptorProto) -> Value {
        let path = || self.file.resolver.resolve(here, field.type_name());
        let view = || self.file.resolver.resolve_view(here, field.type_name());
        match field.r#type() {
            Type::Double => Value::Scalar("Double", "f64"),
            Type::Float => Value::Scalar("Float", "f32"),
            Type::Int64 => Value::Scalar("Int64", "i64"),
            Type::Uint64 => Value::Scalar("Uint64", "u64"),
            Type::Int32 => Value::Scalar("Int32", "i32"),
            Type::Fixed64 => Value::Scalar("Fixed64", "u64"),
            Type::Fixed32 => Value::Scalar("Fixed32", "u32"),
            Type::Bool => Value::Scalar("Bool", "bool"),
            Type::Uint32 => Value::Scalar("Uint32", "u32"),
            Type::Sfixed32 => Value::Scalar("Sfixed32", "i32"),
            Type::Sfixed64 => Value::Scalar("Sfixed64", "i64"),
            Type::Sint32 => Value::Scalar("Sint32", "i32"),
            Type::Sint64 => Value::Scalar("Sint64", "i64"),
            Type::String => Value::String {
                shared: self.file.is(&self.file.config.shared_strings, element),
            },
            Type::Bytes => Value::Bytes { shared: false },
            Type::Message => Value::Message {
                path: path(),
                is_extern: !self.file.resolver.is_ours(field.type_name()),
                view: view(),
            },
            Type::Group => Value::Group {
                path: path(),
                view: view(),
            },
            Type::Enum => Value::Enum(path()),
        }
    }
}
