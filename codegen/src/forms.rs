//! In which form methods take and return messages: the options for methods.

use std::collections::HashSet;

use prost_types::{FileDescriptorProto, MethodDescriptorProto};

use crate::config::Config;
use crate::error::{Error, SchemaError};
use crate::paths::matches_method;
use crate::resolve::Resolver;
use crate::source::{Source, children, full_name, number};

/// The forms of one method. All are unset for a method that takes and returns messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    /// The servicer takes a view of the request.
    pub(crate) borrowed_requests: bool,
    /// The servicer takes the request as it was received.
    pub(crate) received_requests: bool,
    /// The servicer returns encoded responses.
    pub(crate) encoded_responses: bool,
    /// The stub takes encoded requests.
    pub(crate) encoded_requests: bool,
    /// The stub returns the response as it was received.
    pub(crate) received_responses: bool,
}

impl Forms {
    /// Returns the forms of a method. `service` is the full name of its service.
    pub(crate) fn of(config: &Config, service: &str, method: &MethodDescriptorProto) -> Self {
        let is_in = |patterns: &[String]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| matches_method(pattern, service, method.name()))
        };
        let received_requests = is_in(&config.received_requests);
        Self {
            borrowed_requests: is_in(&config.borrowed_requests)
                && !received_requests
                && !method.client_streaming(),
            received_requests,
            encoded_responses: is_in(&config.encoded_responses),
            encoded_requests: is_in(&config.encoded_requests),
            received_responses: is_in(&config.received_responses),
        }
    }
}

/// Returns the types of the requests that servicers take as views, with a leading dot.
pub(crate) fn borrowed(files: &[FileDescriptorProto], config: &Config) -> HashSet<String> {
    let mut types = HashSet::new();
    for file in files {
        for service in &file.service {
            let name = full_name(file.package(), service.name());
            let methods = service.method.iter();
            let borrowed =
                methods.filter(|method| Forms::of(config, &name, method).borrowed_requests);
            types.extend(borrowed.map(|method| method.input_type().to_owned()));
        }
    }
    types
}

/// Returns an error if an option names a method that cannot have the form.
pub(crate) fn check(
    files: &[FileDescriptorProto],
    config: &Config,
    resolver: &Resolver,
) -> Result<(), Error> {
    let mut errors = Vec::new();
    for file in files {
        let source = Source::new(file);
        for (path, service) in children(&[], number::FILE_SERVICE, &file.service) {
            let name = full_name(file.package(), service.name());
            for (path, method) in children(&path, number::SERVICE_METHOD, &service.method) {
                let faults = faults(config, resolver, &name, method).into_iter();
                errors.extend(faults.map(|(problem, remedy)| SchemaError {
                    place: source.place(&path),
                    element: format!("rpc `{name}.{}`", method.name()),
                    problem,
                    remedy,
                }));
            }
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        errors.sort();
        Err(Error::Schema(errors))
    }
}

/// Returns what is wrong with the options of a method, each with a remedy.
fn faults(
    config: &Config,
    resolver: &Resolver,
    service: &str,
    method: &MethodDescriptorProto,
) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let path = format!("{service}/{}", method.name());
    if method.client_streaming() && config.borrowed_requests.contains(&path) {
        faults.push((
            "takes a stream of requests, which `borrowed_requests` cannot borrow".to_owned(),
            "name the method in `received_requests` instead".to_owned(),
        ));
    }
    let forms = Forms::of(config, service, method);
    for (option, is_set, message) in [
        (
            "received_requests",
            forms.received_requests,
            method.input_type(),
        ),
        (
            "encoded_requests",
            forms.encoded_requests,
            method.input_type(),
        ),
        (
            "encoded_responses",
            forms.encoded_responses,
            method.output_type(),
        ),
        (
            "received_responses",
            forms.received_responses,
            method.output_type(),
        ),
    ] {
        if is_set && !resolver.is_ours(message) {
            faults.push((
                format!("`{option}` is not possible for `{message}`, which another crate defines"),
                "leave the method out of the option".to_owned(),
            ));
        }
    }
    faults
}
