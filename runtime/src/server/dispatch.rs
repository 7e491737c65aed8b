//! From a request's head to the method that answers it, or to the reason why none does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::generic::{self, GenericHandler};
use super::handlers::{Handlers, Method};
use super::method_options::Rules;
use super::options::Options;
use super::path_hash::PathHash;
use crate::base::deadline::parse_timeout;
use crate::base::header::{Header, Kind};
use crate::base::metadata::{Metadata, decode_binary};
use crate::base::wire;
use crate::call::{CallDetails, Exchange, Peer};
use crate::http2::RequestHead;
#[cfg(feature = "reflection")]
use crate::services::reflection::Services;
use crate::{Compression, Status};

/// The methods of a server by their paths, and the options that all calls share.
#[derive(Clone, Debug, Default)]
pub(crate) struct MethodTable {
    methods: HashMap<Vec<u8>, Arc<Method>, PathHash>,
    /// The services that have methods here.
    #[cfg(feature = "reflection")]
    pub(crate) services: Services,
    /// Serves the methods that are not among them.
    generic: Option<Arc<Method>>,
    /// What interceptors are around where nothing serves a method; `None` without interceptors.
    unknown: Option<Arc<Method>>,
    pub(crate) options: Options,
}

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is no gRPC: the answer is an HTTP status alone.
    Http(u16),
    /// It is gRPC: the answer is a status.
    Grpc(Status),
    /// The messages are compressed in a way that is not known here: the answer says which are.
    Encoding(Status),
    /// It is gRPC, and no request that HTTP allows: the answer is 400 and a status.
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
            let mut method = options.around(method);
            method.takes_one_request = takes_one_request;
            method.rules = options.named.rules(&path, options.rules);
            (path.into_bytes(), Arc::new(method))
        });
        self.methods.extend(methods);
    }

    pub(crate) fn add_generic(&mut self, handler: impl GenericHandler) {
        let method = self.options.around(generic::method(handler));
        self.generic = Some(Arc::new(method));
    }

    /// Returns the method with exactly this path, no other spelling of which reaches a handler of its own, and what holds for its
    /// calls. Where there is none, interceptors have their say all the same: who may not call is not to learn which methods there
    /// are.
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

    /// Returns whether a method can read messages of this content type. Only a generic handler knows of others than protobuf's.
    fn takes(&self, content_type: &[u8], path: &[u8]) -> bool {
        wire::is_protobuf(content_type)
            || (wire::is_grpc(content_type)
                && self.generic.is_some()
                && !self.methods.contains_key(path))
    }

    /// The names that options have been given for and that no method and no service here has. A generic handler may have any.
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

    /// Checks the head of a request, in the order in which gRPC's own rules build on each other: HTTP first, then the
    /// path, then what gRPC put into the head. One that is too large is not looked into.
    pub(crate) fn accept(
        &self,
        head: RequestHead,
        peer: &Peer,
        now: Instant,
    ) -> Result<(Arc<Method>, Arc<Exchange>), Refusal> {
        if head.method.value() != b"POST" {
            return Err(Refusal::Http(405));
        }
        // What was dropped of it may have been the content type.
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
        let deadline = deadline(&metadata, now).map_err(Refusal::Grpc)?;
        let compression = encoding(&metadata).map_err(Refusal::Encoding)?;
        let host = host(&metadata)?;
        let answer = rules.compression.accepted_by(&metadata);
        let exchange = Exchange::new(CallDetails {
            path: head.path,
            authority: head.authority.or(host),
            metadata,
            deadline: rules.deadline(now, deadline),
            peer: peer.clone(),
            compression,
            wait_for_ready: None,
            is_probe: false,
            #[cfg(feature = "client")]
            credentials: None,
            #[cfg(feature = "client")]
            retry_policy: None,
            #[cfg(feature = "client")]
            max_send_message_length: usize::MAX,
            limits: rules.limits,
        });
        if answer != Compression::Identity {
            exchange.encoding.choose(answer);
        }
        Ok((Arc::clone(method), Arc::new(exchange)))
    }
}

/// Looks through the fields of a request, and returns the authority that `host` names: it counts where HTTP/2's own is missing
/// (gRFC A41).
fn host(metadata: &Metadata) -> Result<Option<Header>, Refusal> {
    let matters = |field: &Header| matches!(field.kind(), Kind::Host | Kind::Binary);
    if metadata.all_fields().any(matters) {
        read_host(metadata)
    } else {
        Ok(None)
    }
}

/// Reads the fields of a request of which one at least has to be looked at: few requests have any.
#[cold]
fn read_host(metadata: &Metadata) -> Result<Option<Header>, Refusal> {
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

/// When the call is over; an error when its time is not to be read, or over already.
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
            "the call's time was over when it arrived",
        ));
    }
    // A time too far off for the clock is no deadline.
    Ok(now.checked_add(timeout))
}

/// How the messages of the request are compressed.
fn encoding(metadata: &Metadata) -> Result<Compression, Status> {
    Compression::announced(metadata).map_err(|other| {
        Status::unimplemented(format!(
            "grpc-encoding {other:?} is not supported; grpc-accept-encoding says what is"
        ))
    })
}
