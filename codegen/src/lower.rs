//! Descriptors -> model. The only stage that sees descriptors of services.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

use crate::error::{Error, SchemaError};
use crate::model::{Method, MethodKind, Package, Service, ServiceNames};
use crate::names;
use crate::resolve::Resolver;
use crate::source::Source;

/// The field numbers of `descriptor.proto` that lead to services and methods.
const FILE_SERVICE: i32 = 6;
const SERVICE_METHOD: i32 = 2;

/// The packages of `files`, by their modules. `files` must be sorted by name.
pub(crate) fn lower(
    files: &[FileDescriptorProto],
    resolver: &Resolver,
) -> Result<BTreeMap<Vec<String>, Package>, Error> {
    let mut errors = Vec::new();
    let mut modules: BTreeMap<Vec<String>, Vec<&FileDescriptorProto>> = BTreeMap::new();
    for file in files {
        let module = names::modules(file.package());
        modules.entry(module).or_default().push(file);
    }
    let packages = modules
        .into_iter()
        .map(|(module, files)| (module, package(&files, resolver, &mut errors)))
        .collect();
    if errors.is_empty() {
        Ok(packages)
    } else {
        errors.sort();
        Err(Error::Schema(errors))
    }
}

fn package(
    files: &[&FileDescriptorProto],
    resolver: &Resolver,
    errors: &mut Vec<SchemaError>,
) -> Package {
    let types = types(files);
    let marker = names::marker(&types);
    let proto_names = files
        .iter()
        .flat_map(|file| file.service.iter().map(ServiceDescriptorProto::name));
    let mut service_names = names::services(proto_names, &types).into_iter();
    let mut package = Package::default();
    for file in files {
        package.files.push(file.name().to_owned());
        let mut lowering = Lowering {
            file,
            source: Source::new(file),
            resolver,
            marker: &marker,
            errors,
        };
        let services = file.service.iter().enumerate().zip(&mut service_names);
        package.services.extend(
            services.map(|((index, service), names)| lowering.service(index, service, names)),
        );
    }
    package
}

/// The Rust names of the messages and enums at the top level of a module.
fn types(files: &[&FileDescriptorProto]) -> BTreeSet<String> {
    let messages = files
        .iter()
        .flat_map(|file| file.message_type.iter().map(|message| message.name()));
    let enums = files
        .iter()
        .flat_map(|file| file.enum_type.iter().map(|enumeration| enumeration.name()));
    messages.chain(enums).map(names::upper_camel).collect()
}

struct Lowering<'a> {
    file: &'a FileDescriptorProto,
    source: Source<'a>,
    resolver: &'a Resolver,
    marker: &'a str,
    errors: &'a mut Vec<SchemaError>,
}

impl Lowering<'_> {
    fn service(
        &mut self,
        index: usize,
        service: &ServiceDescriptorProto,
        names: ServiceNames,
    ) -> Service {
        let path = [FILE_SERVICE, number(index)];
        let full_name = match self.file.package() {
            "" => service.name().to_owned(),
            package => format!("{package}.{}", service.name()),
        };
        let method_names = names::methods(service.method.iter().map(|method| method.name()));
        let methods = service
            .method
            .iter()
            .zip(method_names)
            .enumerate()
            .map(|(index, (method, name))| {
                let path = [path[0], path[1], SERVICE_METHOD, number(index)];
                self.method(&path, method, name)
            })
            .collect();
        Service {
            full_name,
            docs: self.source.docs(&path),
            deprecated: service
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            names,
            methods,
        }
    }

    fn method(&mut self, path: &[i32], method: &MethodDescriptorProto, name: String) -> Method {
        let package = self.file.package();
        Method {
            proto_name: method.name().to_owned(),
            name,
            kind: kind(method),
            request: self.resolver.resolve(package, method.input_type()),
            response: self.resolver.resolve(package, method.output_type()),
            marker: self.marker.to_owned(),
            docs: self.source.docs(path),
            deprecated: method
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
        }
    }
}

fn kind(method: &MethodDescriptorProto) -> MethodKind {
    match (method.client_streaming(), method.server_streaming()) {
        (false, false) => MethodKind::UnaryUnary,
        (false, true) => MethodKind::UnaryStream,
        (true, false) => MethodKind::StreamUnary,
        (true, true) => MethodKind::StreamStream,
    }
}

/// An index in the paths of source positions. No file has two thousand million services.
fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
