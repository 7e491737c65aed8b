//! Checks that descriptors are complete, resolved and of a known syntax.
//!
//! protox and protoc write only such descriptors, but a descriptor set or a plugin request can come from anywhere.
//! All faults in all files are found here, before anything is generated.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::Type;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    MethodDescriptorProto,
};

use crate::error::{Error, SchemaError};
use crate::fields::is_map_entry;
use crate::imports;
use crate::source::{Source, children, full_name, number};

/// Remedy for descriptors that a compiler would not write.
pub(crate) const REMEDY: &str =
    "pass the descriptors on as the compiler wrote them, imports included";

/// The largest number of a field: a key has 32 bits, of which three are the wire type.
const LARGEST_NUMBER: i32 = (1 << 29) - 1;

/// Kind of a named type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Enum,
}

/// Types of all files, by full name with a leading dot.
type Types = BTreeMap<String, Kind>;

/// Reports everything in `files` that a compiler would not write.
pub(crate) fn check(files: &[FileDescriptorProto]) -> Result<(), Error> {
    let types = types(files);
    let mut names = BTreeSet::new();
    let mut errors = imports::faults(files);
    for file in files {
        let mut checker = Checker {
            source: Source::new(file),
            types: &types,
            errors: &mut errors,
        };
        checker.file(file);
        if !names.insert(file.name()) {
            checker.fault(&[], "file", "listed more than once".to_owned());
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        errors.sort();
        Err(Error::Schema(errors))
    }
}

fn types(files: &[FileDescriptorProto]) -> Types {
    fn add(
        types: &mut Types,
        scope: &str,
        messages: &[DescriptorProto],
        enums: &[EnumDescriptorProto],
    ) {
        for message in messages {
            let name = format!("{scope}.{}", message.name());
            add(types, &name, &message.nested_type, &message.enum_type);
            types.insert(name, Kind::Message);
        }
        for enumeration in enums {
            types.insert(format!("{scope}.{}", enumeration.name()), Kind::Enum);
        }
    }
    let mut types = Types::new();
    for file in files {
        let scope = match file.package() {
            "" => String::new(),
            package => format!(".{package}"),
        };
        add(&mut types, &scope, &file.message_type, &file.enum_type);
    }
    types
}

struct Checker<'a> {
    source: Source<'a>,
    types: &'a Types,
    errors: &'a mut Vec<SchemaError>,
}

impl Checker<'_> {
    fn file(&mut self, file: &FileDescriptorProto) {
        if file.name().is_empty() {
            self.fault(&[], "file", "has no name".to_owned());
        }
        if !matches!(file.syntax(), "" | "proto2" | "proto3") {
            self.errors.push(SchemaError {
                place: self.source.place(&[number::FILE_SYNTAX]),
                element: format!("syntax `{}`", file.syntax()),
                problem: "only proto2, proto3 and the editions 2023 and 2024 are known".to_owned(),
                remedy: "write one of these instead".to_owned(),
            });
        }
        let package = file.package();
        if !package.is_empty() {
            for segment in package.split('.') {
                self.name(
                    &[number::FILE_PACKAGE],
                    &format!("package `{package}`"),
                    segment,
                );
            }
        }
        for (path, message) in children(&[], number::FILE_MESSAGE, &file.message_type) {
            self.message(&path, package, message);
        }
        for (path, enumeration) in children(&[], number::FILE_ENUM, &file.enum_type) {
            self.enumeration(&path, package, enumeration);
        }
        for (path, service) in children(&[], number::FILE_SERVICE, &file.service) {
            let name = full_name(package, service.name());
            self.name(&path, &format!("service `{name}`"), service.name());
            for (path, method) in children(&path, number::SERVICE_METHOD, &service.method) {
                self.method(&path, &name, method);
            }
        }
    }

    fn message(&mut self, path: &[i32], scope: &str, message: &DescriptorProto) {
        let name = full_name(scope, message.name());
        let element = format!("message `{name}`");
        self.name(path, &element, message.name());
        let fields: Vec<&str> = message.field.iter().map(|field| field.name()).collect();
        if is_map_entry(message) && fields != ["key", "value"] {
            self.fault(
                path,
                &element,
                "a map entry must have the fields `key` and `value`, in this order".to_owned(),
            );
        }
        for (path, field) in children(path, number::MESSAGE_FIELD, &message.field) {
            self.field(&path, &name, message, field);
        }
        let mut numbers = BTreeMap::new();
        for (path, field) in children(path, number::MESSAGE_FIELD, &message.field) {
            if let Some(other) = numbers.insert(field.number(), field.name()) {
                self.fault(
                    &path,
                    &format!("field `{name}.{}`", field.name()),
                    format!("has the number {} of field `{other}`", field.number()),
                );
            }
        }
        for (path, oneof) in children(path, number::MESSAGE_ONEOF, &message.oneof_decl) {
            self.name(
                &path,
                &format!("oneof `{name}.{}`", oneof.name()),
                oneof.name(),
            );
        }
        for (path, nested) in children(path, number::MESSAGE_NESTED, &message.nested_type) {
            self.message(&path, &name, nested);
        }
        for (path, nested) in children(path, number::MESSAGE_ENUM, &message.enum_type) {
            self.enumeration(&path, &name, nested);
        }
    }

    fn field(
        &mut self,
        path: &[i32],
        scope: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
    ) {
        let element = format!("field `{scope}.{}`", field.name());
        self.name(path, &element, field.name());
        let expected = match field.r#type.and_then(|number| Type::try_from(number).ok()) {
            None => {
                self.fault(path, &element, "has no type, or an unknown one".to_owned());
                None
            }
            Some(Type::Message | Type::Group) => Some(Kind::Message),
            Some(Type::Enum) => Some(Kind::Enum),
            Some(Type::Bytes) if !is_escaped(field.default_value()) => {
                self.fault(
                    path,
                    &element,
                    "the default value has an invalid escape sequence".to_owned(),
                );
                None
            }
            Some(kind) if !is_literal(kind, field.default_value.as_deref()) => {
                self.fault(
                    path,
                    &element,
                    format!(
                        "the default value `{}` does not fit the type",
                        field.default_value()
                    ),
                );
                None
            }
            Some(_) => None,
        };
        if !(1..=LARGEST_NUMBER).contains(&field.number()) {
            self.fault(
                path,
                &element,
                format!(
                    "the number {} is not from 1 to {LARGEST_NUMBER}",
                    field.number()
                ),
            );
        }
        if let Some(expected) = expected {
            self.refers(path, &element, field.type_name(), expected);
        }
        let in_oneof = field.oneof_index.map(|index| {
            usize::try_from(index).is_ok_and(|index| index < message.oneof_decl.len())
        });
        if in_oneof == Some(false) {
            self.fault(
                path,
                &element,
                "belongs to a oneof that does not exist".to_owned(),
            );
        }
    }

    fn enumeration(&mut self, path: &[i32], scope: &str, enumeration: &EnumDescriptorProto) {
        let name = full_name(scope, enumeration.name());
        let element = format!("enum `{name}`");
        self.name(path, &element, enumeration.name());
        if enumeration.value.is_empty() {
            self.fault(path, &element, "has no values".to_owned());
        }
        for (path, value) in children(path, number::ENUM_VALUE, &enumeration.value) {
            self.name(
                &path,
                &format!("value `{name}.{}`", value.name()),
                value.name(),
            );
        }
    }

    fn method(&mut self, path: &[i32], service: &str, method: &MethodDescriptorProto) {
        let element = format!("rpc `{service}.{}`", method.name());
        self.name(path, &element, method.name());
        self.refers(path, &element, method.input_type(), Kind::Message);
        self.refers(path, &element, method.output_type(), Kind::Message);
    }

    /// Reports a name that is not a protobuf identifier.
    fn name(&mut self, path: &[i32], element: &str, name: &str) {
        let identifier = name.chars().enumerate().all(|(index, c)| {
            c == '_' || c.is_ascii_alphabetic() || (index > 0 && c.is_ascii_digit())
        });
        if name.is_empty() || !identifier {
            self.fault(path, element, format!("`{name}` is not a valid identifier"));
        }
    }

    fn refers(&mut self, path: &[i32], element: &str, type_name: &str, expected: Kind) {
        let problem = match (self.types.get(type_name), expected) {
            (None, _) => format!("type `{type_name}` is in none of the files"),
            (Some(Kind::Enum), Kind::Message) => format!("type `{type_name}` is not a message"),
            (Some(Kind::Message), Kind::Enum) => format!("type `{type_name}` is not an enum"),
            (Some(_), _) => return,
        };
        self.fault(path, element, problem);
    }

    fn fault(&mut self, path: &[i32], element: &str, problem: String) {
        self.errors.push(SchemaError {
            place: self.source.place(path),
            element: element.to_owned(),
            problem,
            remedy: REMEDY.to_owned(),
        });
    }
}

/// Returns whether the default value of a number or bool has the form of its type.
fn is_literal(kind: Type, text: Option<&str>) -> bool {
    let Some(text) = text else {
        return true;
    };
    match kind {
        Type::Bool => matches!(text, "true" | "false"),
        Type::Double | Type::Float => text.parse::<f64>().is_ok(),
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => text.parse::<i32>().is_ok(),
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => text.parse::<i64>().is_ok(),
        Type::Uint32 | Type::Fixed32 => text.parse::<u32>().is_ok(),
        Type::Uint64 | Type::Fixed64 => text.parse::<u64>().is_ok(),
        _ => true,
    }
}

/// Returns whether the default value of a `bytes` field has only valid C escapes, as `descriptor.proto` requires.
fn is_escaped(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'\\', [b'x' | b'X', a, b, tail @ ..])
                if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() =>
            {
                tail
            }
            // Three octal digits are one byte, so the first is at most three.
            (b'\\', [a @ b'0'..=b'7', tail @ ..]) => {
                let more = tail
                    .iter()
                    .take(2)
                    .take_while(|c| matches!(c, b'0'..=b'7'))
                    .count();
                if more == 2 && *a > b'3' {
                    return false;
                }
                tail.get(more..).unwrap_or_default()
            }
            (
                b'\\',
                [
                    b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'?' | b'\'' | b'"',
                    tail @ ..,
                ],
            ) => tail,
            (b'\\', _) => return false,
            (_, tail) => tail,
        };
    }
    true
}
