//! The handlers of a service: one for each method.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::context::ServicerContext;
use super::inline_polling::PollTimes;
use super::rules::Rules;
use super::servicer_call::{ServicerCall, received};
use super::start::{HandlerFuture, Start, failed};
use crate::base::{Codec, Descriptors};

/// The handlers of the methods of one or more services. Register them by [`Server::add_handlers`](crate::Server::add_handlers), or
/// call them without a server through `Channel::in_process`.
///
/// For a service `X`, the generated function `x_handler` creates them from a servicer. Without generated code, add methods one by
/// one, as below. Each method has a name, a codec, and a closure that takes the context and either the request or the
/// [`RequestStream`](crate::RequestStream). [`Prost`](crate::Prost) is the codec of prost's messages, and [`Raw`](crate::Raw) is
/// the codec of bytes. gRPC Python's `method_handlers_generic_handler`.
///
/// ```
/// use stubwright::{Handlers, Prost, RequestStream, Result, Server, ServicerContext, stream};
///
/// let handlers = Handlers::new()
///     .unary_unary("/greeting.Greeter/Greet", Prost, async |name: String, _context: ServicerContext| {
///         Ok(format!("hello {name}"))
///     })
///     .stream_stream(
///         "/greeting.Greeter/GreetAll",
///         Prost,
///         |mut names: RequestStream<String>, _context: ServicerContext| {
///             stream(async move |mut greetings| {
///                 while let Some(name) = names.message().await? {
///                     greetings.send(format!("hello {name}")).await;
///                 }
///                 Ok(())
///             })
///         },
///     );
/// let mut server = Server::new();
/// server.add_handlers(handlers);
/// ```
#[derive(Clone, Default)]
pub struct Handlers {
    methods: BTreeMap<String, Method>,
    /// The services by full name, with their descriptors if generated code has them.
    #[cfg(feature = "reflection")]
    services: BTreeMap<String, Option<&'static Descriptors>>,
}

impl Handlers {
    /// Creates an empty set of handlers.
    pub fn new() -> Handlers {
        Handlers::default()
    }

    /// Adds the handlers of `other`. For methods that are in both sets, the handler of `other` replaces the handler of `self`.
    #[must_use]
    pub fn merge(mut self, other: Handlers) -> Handlers {
        self.methods.extend(other.methods);
        #[cfg(feature = "reflection")]
        self.services.extend(other.services);
        self
    }

    /// Returns the names of the methods, `/package.Service/Method`, in alphabetical order.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.keys().map(String::as_str)
    }

    #[cfg(feature = "reflection")]
    pub(crate) fn services(&self) -> impl Iterator<Item = (&str, Option<&'static Descriptors>)> {
        self.services
            .iter()
            .map(|(name, descriptors)| (name.as_str(), *descriptors))
    }

    /// Adds a method of a service that may have none yet.
    pub(super) fn add_by_name(&mut self, path: &str, start: Start) {
        #[cfg(feature = "reflection")]
        if let Some((service, _)) = path
            .strip_prefix('/')
            .and_then(|name| name.rsplit_once('/'))
        {
            self.services.entry(service.to_owned()).or_default();
        }
        self.add(path.to_owned(), start);
    }

    fn add(&mut self, path: String, start: Start) {
        self.methods.insert(path, Method::of(start));
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

/// A method: the function that starts its calls, and the duration of its handler's first polls.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub(crate) start: Start,
    pub(crate) poll_times: Arc<PollTimes>,
    /// Set if the method takes one request. A method that reads a stream may have to respond before it gets the next one.
    pub(crate) takes_one_request: bool,
    /// The rules for the method's calls.
    pub(crate) rules: Rules,
}

impl Method {
    /// Creates a method that reads its requests itself.
    pub(crate) fn new(
        start: impl Fn(ServicerContext) -> HandlerFuture + Send + Sync + 'static,
    ) -> Method {
        Method::of(Start::Requests(Arc::new(start)))
    }

    fn of(start: Start) -> Method {
        Method {
            takes_one_request: matches!(start, Start::Request(_)),
            start,
            poll_times: Arc::default(),
            rules: Rules::default(),
        }
    }
}

/// Collects the methods of a servicer. Generated code uses it.
///
/// For each method, a user's build compiles one future, behind a pointer to the function that creates it. The rest is compiled
/// once for a servicer.
#[derive(Debug)]
pub struct HandlersBuilder<S, C> {
    service: &'static str,
    servicer: Arc<S>,
    handlers: Handlers,
    codec: PhantomData<fn(C)>,
}

impl<S: Send + Sync + 'static, C: 'static> HandlersBuilder<S, C> {
    /// Creates a builder for `servicer`, which implements `service` (`package.Service`) with messages of `codec`.
    pub fn new(service: &'static str, servicer: S, _codec: C) -> HandlersBuilder<S, C> {
        HandlersBuilder {
            service,
            servicer: Arc::new(servicer),
            handlers: Handlers {
                #[cfg(feature = "reflection")]
                services: BTreeMap::from([(service.to_owned(), None)]),
                ..Handlers::default()
            },
            codec: PhantomData,
        }
    }

    /// Sets the descriptors of the service, for reflection. Without that feature they are ignored.
    #[must_use]
    #[cfg_attr(
        not(feature = "reflection"),
        expect(unused_mut, unused_variables, reason = "only reflection uses them")
    )]
    pub fn descriptors(mut self, descriptors: &'static Descriptors) -> Self {
        #[cfg(feature = "reflection")]
        self.handlers
            .services
            .insert(self.service.to_owned(), Some(descriptors));
        self
    }

    /// Adds a method that takes one request. `handler` is called once the request has arrived.
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
        let start = with_request(&self.servicer, handler);
        self.add(method, start);
        self
    }

    /// Adds a method that takes a stream of requests.
    #[must_use]
    pub fn requests(
        mut self,
        method: &str,
        handler: fn(ServicerCall<S, C>) -> HandlerFuture,
    ) -> Self {
        let start = with_requests(&self.servicer, handler);
        self.add(method, start);
        self
    }

    /// Returns the handlers.
    pub fn finish(self) -> Handlers {
        self.handlers
    }

    fn add(&mut self, method: &str, start: Start) {
        self.handlers
            .add(format!("/{}/{method}", self.service), start);
    }
}

/// Returns how the calls of a method start that takes one request.
pub(super) fn with_request<S, T, C>(
    servicer: &Arc<S>,
    handler: fn(ServicerCall<S, C>, T) -> HandlerFuture,
) -> Start
where
    S: Send + Sync + 'static,
    T: fmt::Debug + 'static,
    C: Codec<T>,
{
    let servicer = Arc::clone(servicer);
    let start = move |context, bytes| match received::<T, C>(&context, &bytes) {
        Ok(request) => handler(ServicerCall::new(&servicer, context), request),
        Err(status) => failed(status),
    };
    Start::Request(Arc::new(start))
}

/// Returns how the calls of a method start that takes a stream of requests.
pub(super) fn with_requests<S, C>(
    servicer: &Arc<S>,
    handler: fn(ServicerCall<S, C>) -> HandlerFuture,
) -> Start
where
    S: Send + Sync + 'static,
    C: 'static,
{
    let servicer = Arc::clone(servicer);
    let start = move |context| handler(ServicerCall::new(&servicer, context));
    Start::Requests(Arc::new(start))
}
