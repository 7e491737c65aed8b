//! The start of a call: from a call to the future of its handler. A handler that takes one request is called once the request
//! has arrived.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;

use super::context::ServicerContext;
use super::request_stream::Receiver;
use crate::{Result, Status};

/// The future of a handler. Its output is the last piece of the response, framed.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Bytes>> + Send>>;

/// The function that starts a method's calls.
#[derive(Clone)]
pub(crate) enum Start {
    /// The method takes one request.
    Request(Arc<StartWithRequest>),
    /// The method reads its requests itself.
    Requests(Arc<dyn Fn(ServicerContext) -> HandlerFuture + Send + Sync>),
}

type StartWithRequest = dyn Fn(ServicerContext, Bytes) -> HandlerFuture + Send + Sync;

/// A call whose handler is starting or running. It completes together with the handler's future.
pub(crate) enum Handling {
    /// The request has not arrived completely.
    Receiving(Box<Receiving>),
    Running(HandlerFuture),
}

pub(crate) struct Receiving {
    context: ServicerContext,
    receiver: Receiver,
    request: Option<Bytes>,
    start: Arc<StartWithRequest>,
}

impl Start {
    /// Creates a call. Nothing runs before its first poll.
    pub(crate) fn call(&self, context: ServicerContext) -> Handling {
        match self {
            Start::Request(start) => Handling::Receiving(Box::new(Receiving {
                receiver: Receiver::new(context.exchange()),
                context,
                request: None,
                start: Arc::clone(start),
            })),
            Start::Requests(start) => Handling::Running(start(context)),
        }
    }

    /// Creates a call that is polled at once. Usually its request has already arrived, so that nothing needs to be kept while
    /// waiting for it.
    pub(crate) fn call_now(&self, context: ServicerContext) -> Handling {
        let Start::Request(start) = self else {
            return self.call(context);
        };
        let mut receiver = Receiver::new(context.exchange());
        let mut request = None;
        let mut unwoken = Context::from_waker(Waker::noop());
        match receiver.poll_only(context.exchange(), &mut request, &mut unwoken) {
            Poll::Ready(Ok(request)) => Handling::Running(start(context, request)),
            Poll::Ready(Err(status)) => Handling::Running(failed(status)),
            Poll::Pending => Handling::Receiving(Box::new(Receiving {
                context,
                receiver,
                request,
                start: Arc::clone(start),
            })),
        }
    }
}

/// Returns the future of a handler whose request is invalid.
pub(crate) fn failed(status: Status) -> HandlerFuture {
    Box::pin(std::future::ready(Err(status)))
}

impl Future for Handling {
    type Output = Result<Bytes>;

    fn poll(mut self: Pin<&mut Self>, wakes: &mut Context<'_>) -> Poll<Result<Bytes>> {
        if let Handling::Receiving(receiving) = &mut *self {
            let Receiving {
                context,
                receiver,
                request,
                start,
            } = &mut **receiving;
            let request = ready!(receiver.poll_only(context.exchange(), request, wakes))?;
            let handler = start(context.clone(), request);
            *self = Handling::Running(handler);
        }
        match &mut *self {
            Handling::Running(handler) => handler.as_mut().poll(wakes),
            Handling::Receiving(_) => Poll::Pending,
        }
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Start::Request(_) => "Request",
            Start::Requests(_) => "Requests",
        })
    }
}
