//! Descriptors -> model. The only stage that sees descriptors of services.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

use crate::model::{Method, MethodKind, Package, Service, ServiceNames};
use crate::names;
use crate::resolve::Resolver;
use crate::source::{Source, children, full_name, number};

/// The packages of `files`, by their modules. `files` must be sorted by name and have passed the checks.
pub(crate) fn lower(
    files: &[FileDescriptorProto],
    resolver: &Resolver,
) -> BTreeMap<Vec<String>, Package> {
    by_module(files)
        .into_iter()
        .map(|(module, files)| (module, package(&files, resolver)))
        .collect()
}

/// Files by the Rust module that their content goes to. Two packages can share one: `fooBar` and `foo_bar`.
pub(crate) fn by_module(
    files: &[FileDescriptorProto],
) -> BTreeMap<Vec<String>, Vec<&FileDescriptorProto>> {
    let mut modules: BTreeMap<Vec<String>, Vec<&FileDescriptorProto>> = BTreeMap::new();
    for file in files {
        let module = names::modules(file.package());
        modules.entry(module).or_default().push(file);
    }
    modules
}

fn package(files: &[&FileDescriptorProto], resolver: &Resolver) -> Package {
    let types = types(files);
    let marker = names::marker(&types);
    let proto_names = files
        .iter()
        .flat_map(|file| file.service.iter().map(ServiceDescriptorProto::name));
    let mut service_names = names::services(proto_names, &types).into_iter();
    let mut package = Package::default();
    for file in files {
        let lowering = Lowering {
            package: file.package(),
            source: Source::new(file),
            resolver,
            marker: &marker,
        };
        let services = children(&[], number::FILE_SERVICE, &file.service).zip(&mut service_names);
        // Of several packages in one module, the first gives the name.
        if package.name.is_empty() {
            package.name = file.package().to_owned();
        }
        package.files.push(file.name().to_owned());
        package.services.extend(
            services.map(|((path, service), names)| lowering.service(&path, service, names)),
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
    package: &'a str,
    source: Source<'a>,
    resolver: &'a Resolver,
    marker: &'a str,
}

impl Lowering<'_> {
    fn service(
        &self,
        path: &[i32],
        service: &ServiceDescriptorProto,
        names: ServiceNames,
    ) -> Service {
        let method_names = names::methods(service.method.iter().map(|method| method.name()));
        let methods = children(path, number::SERVICE_METHOD, &service.method)
            .zip(method_names)
            .map(|((path, method), name)| self.method(&path, method, name))
            .collect();
        Service {
            full_name: full_name(self.package, service.name()),
            docs: self.source.docs(path),
            deprecated: service
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            names,
            methods,
        }
    }

    fn method(&self, path: &[i32], method: &MethodDescriptorProto, name: String) -> Method {
        Method {
            proto_name: method.name().to_owned(),
            name,
            kind: kind(method),
            request: self.resolver.resolve(self.package, method.input_type()),
            response: self.resolver.resolve(self.package, method.output_type()),
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;
    use std::rc::Rc;

    use super::*;
    use crate::resolve::{PROST, PROST_TYPES};

    /// What prost-build would have us call the types of each method.
    #[derive(Clone, Default)]
    struct Recorder(Rc<RefCell<BTreeSet<[String; 3]>>>);

    impl prost_build::ServiceGenerator for Recorder {
        fn generate(&mut self, service: prost_build::Service, code: &mut String) {
            // prost-build panics on a file of services without code.
            code.push('\n');
            let service_name = full_name(&service.package, &service.proto_name);
            for method in service.methods {
                let name = format!("{service_name}/{}", method.proto_name);
                self.0
                    .borrow_mut()
                    .insert([name, method.input_type, method.output_type]);
            }
        }
    }

    #[test]
    fn types_are_those_of_prost_build() {
        let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/protos");
        let names = [
            "types.proto",
            "names.proto",
            "names/keywords.proto",
            "service_only.proto",
        ];
        let files = protox::compile(names, [protos])
            .expect("the fixtures are valid")
            .file;
        let externs = [
            (".types.shared".to_owned(), "::elsewhere::Types".to_owned()),
            (".names.Request".to_owned(), "crate::Request".to_owned()),
        ];
        let recorder = Recorder::default();
        let mut prost = prost_build::Config::new();
        prost
            .prost_path(PROST)
            .prost_types_path(PROST_TYPES)
            .service_generator(Box::new(recorder.clone()));
        for (proto, rust) in &externs {
            prost.extern_path(proto, rust);
        }
        let requests = files.iter().map(|file| {
            let module = prost_build::Module::from_protobuf_package_name(file.package());
            (module, file.clone())
        });
        prost
            .generate(requests.collect())
            .expect("prost-build takes the fixtures");

        let packages = lower(&files, &Resolver::new(&externs, false));
        let services = packages.values().flat_map(|package| &package.services);
        let types: BTreeSet<[String; 3]> = services
            .flat_map(|service| service.methods.iter().map(move |method| (service, method)))
            .map(|(service, method)| {
                let name = format!("{}/{}", service.full_name, method.proto_name);
                [name, method.request.0.clone(), method.response.0.clone()]
            })
            .collect();
        assert!(types.len() > 30);
        assert_eq!(types, *recorder.0.borrow());
    }
}
