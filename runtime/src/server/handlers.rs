//! The handlers of a service: one per method, of one of the four kinds.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::context::ServicerContext;
use super::method_options::Rules;
use super::pace::Pace;
use super::servicer_call::{ServicerCall, received};
use super::start::{HandlerFuture, Start, failed};
use crate::base::{Codec, Descriptors};

/// The handlers of one or more services, ready to be registered with a [`Server`](crate::Server) or to be called
/// in-process by a [`Channel`](crate::Channel).
///
/// Generated code makes them: `x_handler(servicer)`.
#[derive(Clone, Default)]
pub struct Handlers {
    methods: BTreeMap<String, Method>,
    /// The services by their full names, with their descriptors if generated code has them.
    #[cfg(feature = "reflection")]
    services: BTreeMap<&'static str, Option<&'static Descriptors>>,
}

impl Handlers {
    /// These handlers and the others. Where both have a method, the other's takes its place.
    #[must_use]
    pub fn merge(mut self, other: Handlers) -> Handlers {
        self.methods.extend(other.methods);
        #[cfg(feature = "reflection")]
        self.services.extend(other.services);
        self
    }

    /// The methods, `/package.Service/Method`, in alphabetical order.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.keys().map(String::as_str)
    }

    #[cfg(feature = "reflection")]
    pub(crate) fn services(
        &self,
    ) -> impl Iterator<Item = (&'static str, Option<&'static Descriptors>)> {
        self.services
            .iter()
            .map(|(name, descriptors)| (*name, *descriptors))
    }

    fn add(&mut self, service: &str, method: &str, start: Start) {
        self.methods
            .insert(format!("/{service}/{method}"), Method::of(start));
    }

    pub(crate) fn into_methods(self) -> impl Iterator<Item = (String, Method)> {
        self.methods.into_iter()
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.methods()).finish()
    }
}

/// One method: how a call of it is started, and how long its handler's first polls take.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub(crate) start: Start,
    pub(crate) pace: Arc<Pace>,
    /// Whether its handler is given one request. One that reads a stream may have to answer before the next comes.
    pub(crate) takes_one_request: bool,
    /// What holds for its calls.
    pub(crate) rules: Rules,
}

impl Method {
    /// A method that reads its requests itself.
    pub(crate) fn new(
        start: impl Fn(ServicerContext) -> HandlerFuture + Send + Sync + 'static,
    ) -> Method {
        Method::of(Start::Requests(Arc::new(start)))
    }

    fn of(start: Start) -> Method {
        Method {
            takes_one_request: matches!(start, Start::Request(_)),
            start,
            pace: Arc::default(),
            rules: Rules::default(),
        }
    }
}

/// Puts the methods of a servicer together. Generated code calls it.
///
/// What a user's build compiles for each method is one future, behind a pointer to the function that makes it: the rest is
/// compiled once for a servicer.
#[derive(Debug)]
pub struct HandlersBuilder<S, C> {
    service: &'static str,
    servicer: Arc<S>,
    handlers: Handlers,
    codec: PhantomData<fn(C)>,
}

impl<S: Send + Sync + 'static, C: 'static> HandlersBuilder<S, C> {
    /// Handlers of `servicer`, which serves `service`, as in `package.Service`, with messages of `codec`.
    pub fn new(service: &'static str, servicer: S, _codec: C) -> HandlersBuilder<S, C> {
        HandlersBuilder {
            service,
            servicer: Arc::new(servicer),
            handlers: Handlers {
                #[cfg(feature = "reflection")]
                services: BTreeMap::from([(service, None)]),
                ..Handlers::default()
            },
            codec: PhantomData,
        }
    }

    /// The descriptors of the service, which reflection tells; without it nobody needs them.
    #[must_use]
    #[cfg_attr(
        not(feature = "reflection"),
        expect(unused_mut, unused_variables, reason = "nobody needs them")
    )]
    pub fn descriptors(mut self, descriptors: &'static Descriptors) -> Self {
        #[cfg(feature = "reflection")]
        self.handlers
            .services
            .insert(self.service, Some(descriptors));
        self
    }

    /// A method that takes one request: `handler` is called with it once it has come.
    #[must_use]
    pub fn request<T>(
        mut self,
        method: &str,
        handler: fn(ServicerCall<S, C>, T) -> HandlerFuture,
    ) -> Self
    where
        T: fmt::Debug + 'static,
        C: Codec<T>,
    {
        let servicer = Arc::clone(&self.servicer);
        let start = move |context, bytes| match received::<T, C>(&context, &bytes) {
            Ok(request) => handler(ServicerCall::new(&servicer, context), request),
            Err(status) => failed(status),
        };
        self.handlers
            .add(self.service, method, Start::Request(Arc::new(start)));
        self
    }

    /// A method that takes a stream of requests.
    #[must_use]
    pub fn requests(
        mut self,
        method: &str,
        handler: fn(ServicerCall<S, C>) -> HandlerFuture,
    ) -> Self {
        let servicer = Arc::clone(&self.servicer);
        let start = move |context| handler(ServicerCall::new(&servicer, context));
        self.handlers
            .add(self.service, method, Start::Requests(Arc::new(start)));
        self
    }

    /// The handlers.
    pub fn finish(self) -> Handlers {
        self.handlers
    }
}
