//! The requests of a call with interceptors.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::state::InterceptedState;
use crate::Result;
use crate::base::erasure::{AnyMessage, AnyRequests};
use crate::client::compress_if::CompressIf;

/// The requests of a call with interceptors, whatever their type. One request can be sent with each attempt. A stream of requests is
/// given to the first attempt, and is not kept here. A retry policy keeps its own copy.
pub(crate) struct InterceptedRequests {
    is_stream: bool,
    /// `None` once a stream has been given to an attempt, or is no longer wanted.
    requests: Mutex<Option<Box<dyn AnyRequests>>>,
    compress_if: Option<CompressIf>,
}

impl InterceptedRequests {
    pub(crate) fn new(
        requests: Box<dyn AnyRequests>,
        compress_if: Option<CompressIf>,
    ) -> InterceptedRequests {
        InterceptedRequests {
            is_stream: requests.is_stream(),
            requests: Mutex::new(Some(requests)),
            compress_if,
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// Returns the function that decides which requests are compressed.
    pub(super) fn compress_if(&self) -> Option<CompressIf> {
        self.compress_if.clone()
    }

    /// Passes the request to `look`. Returns `None` if the call has a stream of requests.
    pub(crate) fn show(
        &self,
        look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
    ) -> Option<Result<()>> {
        let mut requests = self.lock();
        let request = requests.as_mut().filter(|_| !self.is_stream)?;
        Some(request.show(look))
    }

    /// Returns whether an attempt can send all requests.
    pub(super) fn is_whole(&self) -> bool {
        self.lock().is_some()
    }

    /// Drops a stream of requests, so that its sender learns that no more are needed.
    pub(super) fn close(&self) {
        if self.is_stream {
            let requests = self.lock().take();
            drop(requests);
        }
    }

    /// Returns the requests for an attempt, or `None` if another attempt has them.
    pub(super) fn of_attempt(state: &Arc<InterceptedState>) -> Option<Box<dyn AnyRequests>> {
        let this = &state.requests;
        if !this.is_stream {
            return Some(Box::new(Single(Arc::clone(state))));
        }
        let requests = this.lock().take()?;
        Some(Box::new(Stream {
            requests,
            state: Arc::clone(state),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn AnyRequests>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The single request of a call, which is kept for further attempts. Its observers have already been called.
struct Single(Arc<InterceptedState>);

impl AnyRequests for Single {
    fn is_stream(&self) -> bool {
        false
    }

    fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Result<bool>> {
        Poll::Ready(Ok(false))
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        self.0.count_request();
        self.0.requests.show(look).unwrap_or(Ok(()))
    }

    fn clear(&mut self) {}

    fn take(&mut self) -> Box<dyn AnyRequests> {
        Box::new(Single(Arc::clone(&self.0)))
    }

    fn close(&mut self) {}
}

/// A stream of requests. Each request is passed to the interceptors before it is sent.
struct Stream {
    requests: Box<dyn AnyRequests>,
    state: Arc<InterceptedState>,
}

impl AnyRequests for Stream {
    fn is_stream(&self) -> bool {
        true
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        self.requests.poll_next(context)
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        let state = &self.state;
        self.requests.show(&mut |request| {
            state.count_request();
            state.show_request(request)?;
            look(request)
        })
    }

    fn clear(&mut self) {
        self.requests.clear();
    }

    fn take(&mut self) -> Box<dyn AnyRequests> {
        Box::new(Stream {
            requests: self.requests.take(),
            state: Arc::clone(&self.state),
        })
    }

    fn close(&mut self) {
        self.requests.close();
    }
}
