//! Lowers descriptors to the model. `emit` knows only the model, and no descriptors.

mod default;
mod definitions;
mod enumeration;
mod file;
mod message;
mod service;
mod table;

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;

use crate::config::Config;
use crate::fields::Syntax;
use crate::graph::Graph;
use crate::model::{Message, Package};
use crate::names;
use crate::resolve::Resolver;
use crate::source::{Source, children, number};
use crate::symbols::by_module;
use definitions::Definitions;
use enumeration::enumeration;
use file::File;
use message::message;
use service::services;

/// Lowers `files` to packages, by module. `files` must be sorted by name and have passed the checks. `imported` are files that are
/// not generated.
pub(crate) fn lower(
    files: &[FileDescriptorProto],
    imported: &[FileDescriptorProto],
    resolver: &Resolver,
    graph: &Graph,
    config: &Config,
) -> BTreeMap<Vec<String>, Package> {
    let definitions = config
        .json
        .then(|| Definitions::new(files, imported, resolver));
    by_module(files)
        .into_iter()
        .map(|(module, descriptors)| {
            let names = descriptors.iter().map(|file| file.name().to_owned());
            let names: Vec<String> = names.collect();
            let tables = definitions
                .as_ref()
                .map(|definitions| table::Lowering::new(definitions, resolver, &module, &names));
            let files = descriptors.iter().map(|descriptor| File {
                package: descriptor.package(),
                module: &module,
                syntax: Syntax::of(descriptor),
                source: Source::new(descriptor),
                resolver,
                graph,
                config,
                tables: tables.as_ref(),
            });
            let files: Vec<File<'_>> = files.collect();
            let mut package = package(&module, &descriptors, &files);
            package.tables = tables.map(|tables| tables.module(&names, &full_names(&package)));
            (module, package)
        })
        .collect()
}

/// Returns the full names of all messages of a package.
fn full_names(package: &Package) -> Vec<String> {
    let mut left: Vec<&Message> = package.messages.iter().collect();
    let mut names = Vec::new();
    while let Some(message) = left.pop() {
        names.push(message.full_name.clone());
        left.extend(&message.messages);
    }
    names
}

/// Lowers everything in one module. If it has several packages, the first gives the name.
fn package(module: &[String], descriptors: &[&FileDescriptorProto], files: &[File<'_>]) -> Package {
    let types = files
        .first()
        .map(|file| file.resolver.symbols.types(module))
        .unwrap_or_default();
    let marker = names::marker(&types);
    let proto_names = descriptors.iter().flat_map(|file| &file.service);
    let proto_names = proto_names.map(|service| service.name());
    let mut service_names = names::services(proto_names, &types).into_iter();
    let mut package = Package::default();
    for (file, descriptor) in files.iter().zip(descriptors) {
        if package.name.is_empty() {
            package.name = descriptor.package().to_owned();
        }
        package.files.push(descriptor.name().to_owned());
        let scope = match descriptor.package() {
            "" => String::new(),
            package => format!(".{package}"),
        };
        let messages = children(&[], number::FILE_MESSAGE, &descriptor.message_type);
        let messages = messages.filter_map(|(path, item)| message(file, &path, &scope, item));
        package.messages.extend(messages);
        let enums = children(&[], number::FILE_ENUM, &descriptor.enum_type);
        let enums = enums.filter_map(|(path, item)| enumeration(file, &path, &scope, item));
        package.enums.extend(enums);
        let services = services(file, descriptor, &mut service_names, &marker);
        package.services.extend(services);
    }
    package
}

/// Adds a note to the comment of an element if its Rust name is not the one derived from its name in the proto.
fn renamed(mut docs: Vec<String>, proto_name: &str, derived: &str, name: &str) -> Vec<String> {
    if !docs.is_empty() && (name != derived || name.ends_with('_')) {
        docs.push(String::new());
        docs.push(names::note(proto_name));
    }
    docs
}
