//! Services and their methods.

use prost_types::{FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

use super::file::File;
use crate::model::{Method, MethodKind, Service, ServiceNames};
use crate::names;
use crate::source::{children, full_name, number};

/// Lowers the services of a file. `names` has the names of the services in its module, starting with the first of
/// this file.
pub(super) fn services(
    file: &File<'_>,
    descriptor: &FileDescriptorProto,
    names: &mut impl Iterator<Item = ServiceNames>,
    marker: &str,
) -> Vec<Service> {
    let services = children(&[], number::FILE_SERVICE, &descriptor.service);
    services
        .zip(names)
        .map(|((path, service), names)| Lowering { file, marker }.service(&path, service, names))
        .collect()
}

struct Lowering<'a> {
    file: &'a File<'a>,
    /// See [`Method::marker`].
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
            full_name: full_name(self.file.package, service.name()),
            docs: self.file.source.docs(path),
            deprecated: service
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
            names,
            has_extern_messages: service.method.iter().any(|method| {
                let types = [method.input_type(), method.output_type()];
                !types.iter().all(|name| self.file.resolver.is_ours(name))
            }),
            methods,
        }
    }

    fn method(&self, path: &[i32], method: &MethodDescriptorProto, name: String) -> Method {
        Method {
            proto_name: method.name().to_owned(),
            name,
            kind: kind(method),
            request: self
                .file
                .resolver
                .resolve(self.file.module, method.input_type()),
            response: self
                .file
                .resolver
                .resolve(self.file.module, method.output_type()),
            marker: self.marker.to_owned(),
            docs: self.file.source.docs(path),
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
