//! Services and their methods.

use prost_types::{FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

use super::file::File;
use crate::forms::Forms;
use crate::model::{MessageTypes, Method, MethodKind, Service, ServiceNames, TypePath};
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
        let full_name = full_name(self.file.package, service.name());
        let method_names = names::methods(service.method.iter().map(|method| method.name()));
        let methods = children(path, number::SERVICE_METHOD, &service.method)
            .zip(method_names)
            .map(|((path, method), name)| self.method(&path, &full_name, method, name))
            .collect();
        Service {
            full_name,
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

    fn method(
        &self,
        path: &[i32],
        service: &str,
        method: &MethodDescriptorProto,
        name: String,
    ) -> Method {
        let (resolver, module) = (self.file.resolver, self.file.module);
        let request = resolver.resolve(module, method.input_type());
        let response = resolver.resolve(module, method.output_type());
        let forms = Forms::of(self.file.config, service, method);
        let view = resolver.view_path(module, method.input_type());
        let view = view.filter(|_| forms.borrowed_requests);
        Method {
            proto_name: method.name().to_owned(),
            name,
            kind: kind(method),
            borrows_request: view.is_some(),
            servicer: MessageTypes {
                request: match view {
                    Some(view) => TypePath(format!("{view}<'_>")),
                    None => form("Received", &request, forms.received_requests),
                },
                response: form("EncodedMessage", &response, forms.encoded_responses),
            },
            stub: MessageTypes {
                request: form("EncodedMessage", &request, forms.encoded_requests),
                response: form("Received", &response, forms.received_responses),
            },
            request,
            marker: self.marker.to_owned(),
            docs: self.file.source.docs(path),
            deprecated: method
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated()),
        }
    }
}

/// Returns a message's type, within another type of the runtime if it has that form.
fn form(outer: &str, message: &TypePath, is_so: bool) -> TypePath {
    if is_so {
        TypePath(format!("::stubwright::{outer}<{}>", message.0))
    } else {
        message.clone()
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
