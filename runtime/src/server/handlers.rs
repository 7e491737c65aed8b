//! The handlers of a service: one per method, of one of the four kinds.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::context::ServicerContext;
use super::descriptors::Descriptors;
use super::method_options::Rules;
use super::pace::Pace;
use super::request_stream::{RequestStream, only_request};
use super::responses::{Reply, Responses};
use super::task::HandlerFuture;
use crate::Result;
use crate::codec::Codec;

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

    /// What a user's build compiles for each method is in `start`; this is compiled once.
    fn add(&mut self, service: &str, method: &str, start: Arc<Start>) {
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

/// Starts a call of a method.
pub(crate) type Start = dyn Fn(ServicerContext) -> HandlerFuture + Send + Sync;

/// One method: how a call of it is started, and how long its handler's first polls take.
#[derive(Clone)]
pub(crate) struct Method {
    start: Arc<Start>,
    pub(crate) pace: Arc<Pace>,
    /// What holds for its calls.
    pub(crate) rules: Rules,
}

impl Method {
    pub(crate) fn new(
        start: impl Fn(ServicerContext) -> HandlerFuture + Send + Sync + 'static,
    ) -> Method {
        Method::of(Arc::new(start))
    }

    fn of(start: Arc<Start>) -> Method {
        Method {
            start,
            pace: Arc::default(),
            rules: Rules::default(),
        }
    }

    /// The future of a call. Nothing runs before its first poll.
    pub(crate) fn start(&self, context: ServicerContext) -> HandlerFuture {
        (self.start)(context)
    }

    pub(crate) fn into_start(self) -> Arc<Start> {
        self.start
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method").finish_non_exhaustive()
    }
}

/// Puts the methods of a servicer together. Generated code calls it.
#[derive(Debug)]
pub struct HandlersBuilder<S> {
    service: &'static str,
    servicer: Arc<S>,
    handlers: Handlers,
}

impl<S: Send + Sync + 'static> HandlersBuilder<S> {
    /// Handlers of `servicer`, which serves `service`, as in `package.Service`.
    pub fn new(service: &'static str, servicer: S) -> HandlersBuilder<S> {
        HandlersBuilder {
            service,
            servicer: Arc::new(servicer),
            handlers: Handlers {
                #[cfg(feature = "reflection")]
                services: BTreeMap::from([(service, None)]),
                ..Handlers::default()
            },
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

    /// A method with one request and one response.
    #[must_use]
    pub fn unary_unary<Req, Res, C, F, Fut>(self, method: &str, _codec: C, call: F) -> Self
    where
        Req: fmt::Debug + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(Arc<S>, Req, ServicerContext) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        let servicer = Arc::clone(&self.servicer);
        let start = move |context: ServicerContext| -> HandlerFuture {
            let servicer = Arc::clone(&servicer);
            Box::pin(async move {
                let request = only_request::<Req, C>(&context).await?;
                let reply = Reply::new(&context);
                let response = call(servicer, request, context).await;
                reply.frame::<Res, C>(response)
            })
        };
        self.method(method, Arc::new(start))
    }

    /// A method with one request and a stream of responses.
    #[must_use]
    pub fn unary_stream<Req, Res, C, F, Fut>(self, method: &str, _codec: C, call: F) -> Self
    where
        Req: fmt::Debug + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(Arc<S>, Req, ServicerContext, Responses<Res, C>) -> Fut
            + Copy
            + Send
            + Sync
            + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let servicer = Arc::clone(&self.servicer);
        let start = move |context: ServicerContext| -> HandlerFuture {
            let servicer = Arc::clone(&servicer);
            Box::pin(async move {
                let request = only_request::<Req, C>(&context).await?;
                let responses = Responses::new(&context);
                call(servicer, request, context, responses).await?;
                Ok(bytes::Bytes::new())
            })
        };
        self.method(method, Arc::new(start))
    }

    /// A method with a stream of requests and one response.
    #[must_use]
    pub fn stream_unary<Req, Res, C, F, Fut>(self, method: &str, _codec: C, call: F) -> Self
    where
        Req: fmt::Debug + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(Arc<S>, RequestStream<Req>, ServicerContext) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        let servicer = Arc::clone(&self.servicer);
        let start = move |context: ServicerContext| -> HandlerFuture {
            let servicer = Arc::clone(&servicer);
            let requests = RequestStream::new::<C>(&context);
            let reply = Reply::new(&context);
            Box::pin(async move {
                let response = call(servicer, requests, context).await;
                reply.frame::<Res, C>(response)
            })
        };
        self.method(method, Arc::new(start))
    }

    /// A method with a stream of requests and a stream of responses.
    #[must_use]
    pub fn stream_stream<Req, Res, C, F, Fut>(self, method: &str, _codec: C, call: F) -> Self
    where
        Req: fmt::Debug + Send + 'static,
        Res: fmt::Debug + Send + 'static,
        C: Codec<Req> + Codec<Res>,
        F: Fn(Arc<S>, RequestStream<Req>, ServicerContext, Responses<Res, C>) -> Fut
            + Copy
            + Send
            + Sync
            + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let servicer = Arc::clone(&self.servicer);
        let start = move |context: ServicerContext| -> HandlerFuture {
            let servicer = Arc::clone(&servicer);
            let requests = RequestStream::new::<C>(&context);
            let responses = Responses::new(&context);
            Box::pin(async move {
                call(servicer, requests, context, responses).await?;
                Ok(bytes::Bytes::new())
            })
        };
        self.method(method, Arc::new(start))
    }

    /// The handlers.
    pub fn finish(self) -> Handlers {
        self.handlers
    }

    fn method(mut self, method: &str, start: Arc<Start>) -> Self {
        self.handlers.add(self.service, method, start);
        self
    }
}
