//! All messages and enums by their names, and the files that import each other.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::fields::{Syntax, is_map_entry};
use crate::names;
use crate::resolve::Resolver;

/// All types of one run, and the files in which they are declared.
pub(super) struct Definitions<'a> {
    /// The types by their full names, with a leading dot.
    types: BTreeMap<String, Definition<'a>>,
    /// The files by their names.
    files: BTreeMap<&'a str, File<'a>>,
}

pub(super) struct Definition<'a> {
    pub(super) item: Item<'a>,
    pub(super) syntax: Syntax,
    /// Set if the type is generated in this run.
    is_generated: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    Message(&'a DescriptorProto),
    Enum(&'a EnumDescriptorProto),
}

struct File<'a> {
    descriptor: &'a FileDescriptorProto,
    /// Set if a message of the file is generated in this run.
    has_generated: bool,
}

impl<'a> Definitions<'a> {
    /// Collects the types of the files that are generated, and of those that they import.
    pub(super) fn new(
        generated: &'a [FileDescriptorProto],
        imported: &'a [FileDescriptorProto],
        resolver: &Resolver,
    ) -> Self {
        let mut definitions = Self {
            types: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        let generated = generated.iter().map(|file| (file, true));
        let imported = imported.iter().map(|file| (file, false));
        for (descriptor, is_generated) in generated.chain(imported) {
            let mut has_generated = false;
            for (name, item) in types_of(descriptor) {
                let definition = Definition {
                    item,
                    syntax: Syntax::of(descriptor),
                    is_generated: is_generated && !resolver.is_extern(&name),
                };
                has_generated |= definition.is_generated && matches!(item, Item::Message(_));
                definitions.types.insert(name, definition);
            }
            let file = File {
                descriptor,
                has_generated,
            };
            definitions.files.insert(descriptor.name(), file);
        }
        definitions
    }

    pub(super) fn get(&self, full_name: &str) -> Option<&Definition<'a>> {
        self.types.get(full_name)
    }

    /// Returns the types that are not generated in this run and that the tables of these files need: those of their fields, and all
    /// messages of their imports, which may be in a `google.protobuf.Any`. Types that the runtime knows are left out.
    pub(super) fn externs_of(
        &self,
        files: &[String],
        is_known: &dyn Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let mut externs = BTreeSet::new();
        let mut left: Vec<String> = Vec::new();
        for file in self.closure(files) {
            let is_own = files.iter().any(|own| own == file.descriptor.name());
            for (name, item) in types_of(file.descriptor) {
                let is_message = matches!(item, Item::Message(_));
                let is_google = name.starts_with(".google.protobuf.");
                match self.types.get(&name) {
                    // The fields of what other modules generate are their concern.
                    Some(definition) if definition.is_generated => {
                        left.extend(if is_own {
                            field_types(item)
                        } else {
                            Vec::new()
                        });
                    }
                    _ if is_message && !is_google => left.push(name),
                    _ => {}
                }
            }
        }
        while let Some(name) = left.pop() {
            let Some(definition) = self.types.get(&name) else {
                continue;
            };
            if !definition.is_generated && !is_known(&name) && externs.insert(name) {
                left.extend(field_types(definition.item));
            }
        }
        externs
    }

    /// Returns the modules of these files and of everything that they import, as far as they have messages that are generated in
    /// this run.
    pub(super) fn imported_modules(&self, files: &[String]) -> BTreeSet<Vec<String>> {
        let closure = self.closure(files);
        let generated = closure.iter().filter(|file| file.has_generated);
        generated
            .map(|file| names::modules(file.descriptor.package()))
            .collect()
    }

    /// Returns these files and everything that they import.
    fn closure(&self, files: &[String]) -> Vec<&File<'a>> {
        let mut seen = BTreeSet::new();
        let mut left: Vec<&str> = files.iter().map(String::as_str).collect();
        while let Some(name) = left.pop() {
            if let (true, Some(file)) = (seen.insert(name), self.files.get(name)) {
                left.extend(file.descriptor.dependency.iter().map(String::as_str));
            }
        }
        let files = seen.into_iter();
        files.filter_map(|name| self.files.get(name)).collect()
    }
}

/// Returns all types of a file by their full names, without the entries of maps.
fn types_of(file: &FileDescriptorProto) -> Vec<(String, Item<'_>)> {
    let scope = match file.package() {
        "" => String::new(),
        package => format!(".{package}"),
    };
    let enums = file.enum_type.iter().map(Item::Enum);
    let messages = file.message_type.iter().map(Item::Message);
    let mut left: Vec<(String, Item<'_>)> = enums
        .chain(messages)
        .map(|item| (scope.clone(), item))
        .collect();
    let mut types = Vec::new();
    while let Some((scope, item)) = left.pop() {
        match item {
            Item::Enum(enumeration) => {
                types.push((format!("{scope}.{}", enumeration.name()), item))
            }
            Item::Message(message) => {
                let name = format!("{scope}.{}", message.name());
                let enums = message.enum_type.iter().map(Item::Enum);
                let nested = message.nested_type.iter();
                let messages = nested
                    .filter(|nested| !is_map_entry(nested))
                    .map(Item::Message);
                left.extend(enums.chain(messages).map(|item| (name.clone(), item)));
                types.push((name, item));
            }
        }
    }
    types
}

/// Returns the full names of the types of a message's fields, and of the values of its maps.
fn field_types(item: Item<'_>) -> Vec<String> {
    let Item::Message(message) = item else {
        return Vec::new();
    };
    let entries = message
        .nested_type
        .iter()
        .filter(|nested| is_map_entry(nested));
    let fields = entries.flat_map(|entry| &entry.field).chain(&message.field);
    fields
        .filter(|field| matches!(field.r#type(), Type::Message | Type::Group | Type::Enum))
        .map(|field| field.type_name().to_owned())
        .collect()
}
