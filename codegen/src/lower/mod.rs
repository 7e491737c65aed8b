//! Lowers descriptors to the model. Other stages use descriptors only to check and to name elements.

mod default;
mod enumeration;
mod file;
mod message;
mod service;

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;

use crate::config::Config;
use crate::fields::Syntax;
use crate::graph::Graph;
use crate::model::Package;
use crate::names;
use crate::resolve::Resolver;
use crate::source::{Source, children, number};
use crate::symbols::by_module;
use enumeration::enumeration;
use file::File;
use message::message;
use service::services;

/// Lowers `files` to packages, by module. `files` must be sorted by name and have passed the checks.
pub(crate) fn lower(
    files: &[FileDescriptorProto],
    resolver: &Resolver,
    graph: &Graph,
    config: &Config,
) -> BTreeMap<Vec<String>, Package> {
    by_module(files)
        .into_iter()
        .map(|(module, descriptors)| {
            let files = descriptors.iter().map(|descriptor| File {
                package: descriptor.package(),
                module: &module,
                syntax: Syntax::of(descriptor),
                source: Source::new(descriptor),
                resolver,
                graph,
                config,
            });
            let files: Vec<File<'_>> = files.collect();
            let package = package(&module, &descriptors, &files);
            (module, package)
        })
        .collect()
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
