//! Elements with different names in the proto and one name in Rust.
//!
//! The names of services and methods are ours, and those that collide are renamed (see `names`). The names of messages, fields
//! and enum values are prost-build's; two of a kind are an error here, with the place of the second.

use std::collections::BTreeMap;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::check::is_map_entry;
use crate::config::Config;
use crate::error::{Error, Place, SchemaError};
use crate::lower::by_module;
use crate::names;
use crate::resolve::Resolver;
use crate::source::{Source, children, full_name, number};

/// Finds the names of one Rust scope that two elements of `files` would have.
pub(crate) fn check(
    files: &[FileDescriptorProto],
    resolver: &Resolver,
    config: &Config,
) -> Result<(), Error> {
    let mut finder = Finder {
        resolver,
        retain_enum_prefix: config.retain_enum_prefix,
        errors: Vec::new(),
    };
    let modules = by_module(files);
    for (module, files) in &modules {
        let mut scope = Scope::default();
        for below in modules.keys().filter(|below| below.starts_with(module)) {
            // A package is no element with a place: it takes its name first, and whoever comes later is reported.
            if let Some(name) = below.get(module.len()) {
                scope
                    .modules
                    .insert(name.clone(), format!("package `{}`", below.join(".")));
            }
        }
        for file in files {
            finder.file(&mut scope, file);
        }
    }
    if finder.errors.is_empty() {
        Ok(())
    } else {
        finder.errors.sort();
        Err(Error::Schema(finder.errors))
    }
}

/// The names that are taken in one Rust scope, and by what.
#[derive(Default)]
struct Scope {
    types: BTreeMap<String, String>,
    modules: BTreeMap<String, String>,
}

struct Finder<'a> {
    resolver: &'a Resolver,
    retain_enum_prefix: bool,
    errors: Vec<SchemaError>,
}

impl Finder<'_> {
    fn file(&mut self, scope: &mut Scope, file: &FileDescriptorProto) {
        let source = Source::new(file);
        for (path, message) in children(&[], number::FILE_MESSAGE, &file.message_type) {
            self.message(scope, &source, &path, file.package(), message);
        }
        for (path, enumeration) in children(&[], number::FILE_ENUM, &file.enum_type) {
            self.enumeration(scope, &source, &path, file.package(), enumeration);
        }
    }

    fn message(
        &mut self,
        scope: &mut Scope,
        source: &Source<'_>,
        path: &[i32],
        parent: &str,
        message: &DescriptorProto,
    ) {
        let name = full_name(parent, message.name());
        if is_map_entry(message) || self.resolver.is_extern(&format!(".{name}")) {
            return;
        }
        let element = format!("message `{name}`");
        let type_name = names::upper_camel(message.name());
        self.claim(
            &mut scope.types,
            type_name,
            element.clone(),
            source.place(path),
        );
        let nested = message
            .nested_type
            .iter()
            .any(|nested| !is_map_entry(nested));
        let oneofs = message
            .field
            .iter()
            .any(|field| field.oneof_index.is_some() && !field.proto3_optional());
        if nested || oneofs || !message.enum_type.is_empty() {
            let element = format!("the module of {element}");
            let module = names::snake(message.name());
            self.claim(&mut scope.modules, module, element, source.place(path));
        }
        self.fields(source, path, &name, message);
        let mut inner = Scope::default();
        for (path, nested) in children(path, number::MESSAGE_NESTED, &message.nested_type) {
            self.message(&mut inner, source, &path, &name, nested);
        }
        for (path, nested) in children(path, number::MESSAGE_ENUM, &message.enum_type) {
            self.enumeration(&mut inner, source, &path, &name, nested);
        }
        self.oneofs(&mut inner, source, path, &name, message);
    }

    /// Fields and oneofs are the fields of one struct; a field inside a oneof is a variant instead.
    fn fields(&mut self, source: &Source<'_>, path: &[i32], name: &str, message: &DescriptorProto) {
        let mut fields = BTreeMap::new();
        for (path, field) in children(path, number::MESSAGE_FIELD, &message.field) {
            if field.oneof_index.is_none() || field.proto3_optional() {
                let element = format!("field `{name}.{}`", field.name());
                self.claim(
                    &mut fields,
                    names::snake(field.name()),
                    element,
                    source.place(&path),
                );
            }
        }
        for (path, oneof) in used_oneofs(path, message) {
            let element = format!("oneof `{name}.{oneof}`");
            self.claim(
                &mut fields,
                names::snake(&oneof),
                element,
                source.place(&path),
            );
        }
    }

    /// Oneofs are enums beside the nested types. prost-build steps aside once, with the suffix `OneOf`.
    fn oneofs(
        &mut self,
        scope: &mut Scope,
        source: &Source<'_>,
        path: &[i32],
        name: &str,
        message: &DescriptorProto,
    ) {
        for (oneof_path, oneof) in used_oneofs(path, message) {
            let mut type_name = names::upper_camel(&oneof);
            if scope.types.contains_key(&type_name) {
                type_name.push_str("OneOf");
            }
            let element = format!("oneof `{name}.{oneof}`");
            self.claim(
                &mut scope.types,
                type_name,
                element,
                source.place(&oneof_path),
            );
            let mut variants = BTreeMap::new();
            for (path, field) in children(path, number::MESSAGE_FIELD, &message.field) {
                let member = field
                    .oneof_index
                    .and_then(|index| usize::try_from(index).ok());
                let index = oneof_path
                    .last()
                    .and_then(|index| usize::try_from(*index).ok());
                if member.is_some() && member == index {
                    let element = format!("field `{name}.{}`", field.name());
                    let variant = names::upper_camel(field.name());
                    self.claim(&mut variants, variant, element, source.place(&path));
                }
            }
        }
    }

    fn enumeration(
        &mut self,
        scope: &mut Scope,
        source: &Source<'_>,
        path: &[i32],
        parent: &str,
        enumeration: &EnumDescriptorProto,
    ) {
        let name = full_name(parent, enumeration.name());
        if self.resolver.is_extern(&format!(".{name}")) {
            return;
        }
        let type_name = names::upper_camel(enumeration.name());
        let element = format!("enum `{name}`");
        self.claim(
            &mut scope.types,
            type_name.clone(),
            element,
            source.place(path),
        );
        let mut variants = BTreeMap::new();
        let mut numbers = std::collections::BTreeSet::new();
        for (path, value) in children(path, number::ENUM_VALUE, &enumeration.value) {
            // An alias is not generated.
            if numbers.insert(value.number()) {
                let variant = names::variant(&type_name, value.name(), self.retain_enum_prefix);
                let element = format!("value `{name}.{}`", value.name());
                self.claim(&mut variants, variant, element, source.place(&path));
            }
        }
    }

    fn claim(
        &mut self,
        taken: &mut BTreeMap<String, String>,
        rust_name: String,
        element: String,
        place: Place,
    ) {
        match taken.get(&rust_name) {
            Some(other) => self.errors.push(SchemaError {
                place,
                element,
                problem: format!("it would be `{rust_name}` in Rust, as would {other}"),
                remedy: "rename one of the two in the proto".to_owned(),
            }),
            None => {
                taken.insert(rust_name, element);
            }
        }
    }
}

/// The paths and names of the oneofs that are no mere sign of an optional field.
fn used_oneofs<'m>(
    path: &'m [i32],
    message: &'m DescriptorProto,
) -> impl Iterator<Item = (Vec<i32>, String)> + 'm {
    children(path, number::MESSAGE_ONEOF, &message.oneof_decl)
        .zip(0..)
        .filter(|(_, index)| {
            message
                .field
                .iter()
                .any(|field| field.oneof_index == Some(*index) && !field.proto3_optional())
        })
        .map(|((path, oneof), _)| (path, oneof.name().to_owned()))
}
