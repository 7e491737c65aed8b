//! Dispatch of requests: from a request's head to the method that handles it, or to the reason for refusing it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::generic::{GenericHandler, GenericHandlers};
use super::handlers::{Handlers, Method};
use super::options::Options;
use super::path_hash::PathHash;
use super::rules::Rules;
use crate::base::deadline::parse_timeout;
use crate::base::header::{Header, Kind};
use crate::base::metadata::{Metadata, decode_binary};
use crate::base::wire;
use crate::call::{CallDetails, Exchange, Peer};
use crate::http2::RequestHead;
#[cfg(feature = "reflection")]
use crate::services::reflection::Services;
use crate::{Compression, Status};

/// The methods of a server by path, and the options that all calls share.
#[derive(Clone, Debug, Default)]
pub(crate) struct MethodTable {
    methods: HashMap<Vec<u8>, Arc<Method>, PathHash>,
    /// The services of the methods.
    #[cfg(feature = "reflection")]
    pub(crate) services: Services,
    generic_handlers: GenericHandlers,
    /// The handler for all other methods, which asks the generic handlers. `None` if there are none.
    generic: Option<Arc<Method>>,
    /// The handler for unknown methods, with the interceptors around it. `None` if there are no interceptors at all.
    unknown: Option<Arc<Method>>,
    pub(crate) options: Options,
}

/// The reason for refusing a request.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The request is not gRPC. The response is only an HTTP status.
    Http(u16),
    /// The request is gRPC. The response has a gRPC status.
    Grpc(Status),
    /// The messages have an unsupported compression. The response lists the supported ones.
    Encoding(Status),
    /// The request is gRPC, but violates HTTP. The response has the HTTP status 400 and a gRPC status.
    BadRequest(Status),
}

impl MethodTable {
    pub(crate) fn new(options: Options) -> MethodTable {
        MethodTable {
            unknown: options.around_unknown().map(Arc::new),
            options,
            ..MethodTable::default()
        }
    }

    pub(crate) fn add(&mut self, handlers: Handlers) {
        #[cfg(feature = "reflection")]
        for (name, descriptors) in handlers.services() {
            self.services.add(name, descriptors);
        }
        let options = &self.options;
        let methods = handlers.into_methods().map(|(path, method)| {
            let takes_one_request = method.takes_one_request;
            let mut method = options.around(&path, method);
            method.takes_one_request = takes_one_request;
            method.rules = options.named.rules(&path, options.rules);
            (path.into_bytes(), Arc::new(method))
        });
        self.methods.extend(methods);
    }

    pub(crate) fn add_generic(&mut self, handler: impl GenericHandler) {
        self.generic_handlers.push(handler);
        let method = self.generic_handlers.method();
        self.generic = Some(Arc::new(self.options.around_unregistered(method)));
    }

    /// Returns the method with exactly this path, and the rules for its calls. If there is no such method, interceptors still
    /// run, so that clients without permission do not learn which methods exist.
    pub(crate) fn find(&self, path: &[u8]) -> Option<(&Arc<Method>, Rules)> {
        match self.methods.get(path) {
            Some(method) => Some((method, method.rules)),
            None => self.find_other(path),
        }
    }

    #[cold]
    fn find_other(&self, path: &[u8]) -> Option<(&Arc<Method>, Rules)> {
        let options = &self.options;
        let path = std::str::from_utf8(path).ok();
        let path = path.filter(|path| path.starts_with('/'));
        let generic = self.generic.as_ref().filter(|_| path.is_some());
        let method = generic.or(self.unknown.as_ref())?;
        let rules = path.map_or(options.rules, |path| {
            options.named.rules(path, options.rules)
        });
        Some((method, rules))
    }

    /// Returns whether a method accepts messages of this content type. Only a generic handler accepts other types than
    /// protobuf's.
    fn takes(&self, content_type: &[u8], path: &[u8]) -> bool {
        wire::is_protobuf(content_type)
            || (wire::is_grpc(content_type)
                && self.generic.is_some()
                && !self.methods.contains_key(path))
    }

    /// Returns the names that no call can have, because they are not `/package.Service/Method`.
    pub(crate) fn invalid_names(&self) -> Vec<String> {
        let is_valid = |path: &[u8]| {
            let method = path.strip_prefix(b"/").unwrap_or_default();
            method.contains(&b'/') && method.iter().all(u8::is_ascii_graphic)
        };
        let paths = self.methods.keys().filter(|path| !is_valid(path));
        let mut names: Vec<_> = paths
            .map(|path| format!("{:?}", String::from_utf8_lossy(path)))
            .collect();
        names.sort();
        names
    }

    /// Returns the names that have options but are not a method or a service here. Returns none if there is a generic handler,
    /// because it may handle any name.
    pub(crate) fn unknown_names(&self) -> Vec<&str> {
        if self.generic.is_some() {
            return Vec::new();
        }
        let paths = self.methods.keys();
        let paths: Vec<_> = paths
            .filter_map(|path| std::str::from_utf8(path).ok())
            .collect();
        self.options.named.unknown(&paths)
    }

    /// Checks the head of a request: first HTTP's rules, then the path, then gRPC's fields. An oversized head is not checked
    /// further.
    pub(crate) fn accept(
        &self,
        head: RequestHead,
        peer: &Peer,
        now: Instant,
    ) -> Result<(Arc<Method>, Arc<Exchange>), Refusal> {
        if head.method.value() != b"POST" {
            return Err(Refusal::Http(405));
        }
        // The content type may be among the fields that were dropped.
        if head.oversized {
            return Err(Refusal::Grpc(Status::resource_exhausted(
                "the metadata of the call is over the server's limit",
            )));
        }
        let metadata = Metadata::from_fields(head.fields);
        let content_type = metadata.field(Kind::ContentType);
        if !content_type.is_some_and(|field| self.takes(field.value(), head.path.value())) {
            return Err(Refusal::Http(415));
        }
        let Some((method, rules)) = self.find(head.path.value()) else {
            return Err(Refusal::Grpc(wire::unknown_method(head.path.value())));
        };
        let kinds = metadata.kinds();
        let deadline = if kinds.contains(Kind::GrpcTimeout) {
            deadline(&metadata, now).map_err(Refusal::Grpc)?
        } else {
            None
        };
        let compression = if kinds.contains(Kind::GrpcEncoding) {
            encoding(&metadata).map_err(Refusal::Encoding)?
        } else {
            Compression::Identity
        };
        let host = if kinds.contains(Kind::Host) || kinds.contains(Kind::Binary) {
            host(&metadata)?
        } else {
            None
        };
        let answer = rules.compression.to(compression).accepted_by(&metadata);
        let exchange = Exchange::new(CallDetails {
            authority: head.authority.or(host),
            deadline: rules.deadline(now, deadline),
            compression,
            limits: rules.limits,
            ..CallDetails::new(head.path, metadata, peer.clone())
        });
        if answer != Compression::Identity {
            exchange.encoding.choose(answer);
        }
        Ok((Arc::clone(method), Arc::new(exchange)))
    }
}

/// Returns the authority in the request's `host` field, which applies if `:authority` is missing (gRFC A41).
///
/// # Errors
/// Refuses the request with HTTP 400 and INTERNAL if there are several `host` fields, and with INTERNAL if a binary field is
/// malformed.
#[cold]
fn host(metadata: &Metadata) -> Result<Option<Header>, Refusal> {
    let mut host = None;
    for field in metadata.all_fields() {
        match field.kind() {
            Kind::Host if host.is_some() => {
                return Err(Refusal::BadRequest(Status::internal(
                    "the request has several host fields",
                )));
            }
            Kind::Host => host = Some(Header::new(b":authority", field.value())),
            Kind::Binary if decode_binary(field.value()).is_none() => {
                return Err(Refusal::Grpc(wire::not_base64(field)));
            }
            _ => {}
        }
    }
    Ok(host)
}

/// Returns the call's deadline, or `None` if the request has no timeout.
///
/// # Errors
/// Returns INTERNAL if the timeout is malformed, and DEADLINE_EXCEEDED if it is zero.
fn deadline(metadata: &Metadata, now: Instant) -> Result<Option<Instant>, Status> {
    let Some(field) = metadata.field(Kind::GrpcTimeout) else {
        return Ok(None);
    };
    let Some(timeout) = parse_timeout(field.value()) else {
        let value = String::from_utf8_lossy(field.value());
        return Err(Status::internal(format!(
            "malformed grpc-timeout {value:?}"
        )));
    };
    if timeout.is_zero() {
        return Err(Status::deadline_exceeded(
            "the call's deadline had passed when it arrived",
        ));
    }
    // A time that the clock cannot represent means no deadline.
    Ok(now.checked_add(timeout))
}

/// Returns the compression of the request's messages.
fn encoding(metadata: &Metadata) -> Result<Compression, Status> {
    Compression::announced(metadata).map_err(|other| {
        Status::unimplemented(format!(
            "grpc-encoding {other:?} is not supported; grpc-accept-encoding lists what is"
        ))
    })
}
