//! The requests of a call with interceptors, which may be sent more than once.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::passage::Passage;
use super::requests::Source as Requested;
use super::unsent::{Requests, Unsent};
use crate::call::{AnyMessage, Known};
use crate::{Raw, Result};

/// The requests of a call with interceptors, whatever their type.
pub(crate) trait Outbox: Send + Sync {
    /// Whether the call has a stream of requests.
    fn is_stream(&self) -> bool;

    /// Shows the request of a call that has one; `None` when it has a stream of them.
    fn show(&self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Option<Result<()>>;

    /// All requests from the first, encoded; `None` when not all are there any more. Those that have never been sent are shown to
    /// the interceptors before.
    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Box<dyn Unsent>>;

    /// Whether all requests are there from the first.
    fn is_whole(&self) -> bool;

    /// They will not be sent again.
    fn commit(&self);

    /// No more are wanted: whoever sends them learns it.
    fn close(&self);
}

/// A request as its codec wrote it.
#[derive(Clone, Default)]
pub(crate) struct Encoded {
    bytes: Bytes,
    /// It is to be compressed, if the requests of its call are.
    compress: bool,
}

/// Looks at a request, and may change it.
type Look<'a> = dyn FnMut(&mut dyn AnyMessage) -> Result<()> + 'a;

/// Requests that may be sent more than once; of a stream as many as are no more than `room` bytes.
pub(crate) fn new(requests: Box<dyn Unsent>, room: usize) -> Arc<dyn Outbox> {
    if requests.is_stream() {
        Many::of(requests, room)
    } else {
        Arc::new(One(Mutex::new(requests)))
    }
}

/// Encodes the request at hand when `look` has seen it, and maybe changed it.
fn encode(requests: &mut dyn Unsent, look: &mut Look<'_>) -> Result<Encoded> {
    let mut bytes = Bytes::new();
    requests.show(&mut |request| {
        look(request)?;
        bytes = request.to_bytes();
        Ok(())
    })?;
    let compress = requests.wants_compression();
    Ok(Encoded { bytes, compress })
}

/// Encoded requests, as a call has them.
fn encoded(at_hand: Option<Encoded>, source: Option<Requested<Encoded>>) -> Box<dyn Unsent> {
    let mut requests = Requests::new(at_hand, source, |request, look| {
        look(&mut Known::<Bytes, Raw>::new(&mut request.bytes))
    });
    requests.compress_if(Box::new(|request| request.compress));
    Box::new(requests)
}

/// The request of a call that has one.
struct One(Mutex<Box<dyn Unsent>>);

impl One {
    fn request(&self) -> MutexGuard<'_, Box<dyn Unsent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for One {
    fn is_stream(&self) -> bool {
        false
    }

    fn show(&self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Option<Result<()>> {
        Some(self.request().show(look))
    }

    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Box<dyn Unsent>> {
        let request = encode(&mut **self.request(), &mut |_| Ok(()));
        passage.count_request();
        Some(encoded(Some(request.ok()?), None))
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn commit(&self) {}

    fn close(&self) {}
}

/// A stream of requests.
struct Many(Mutex<Source>);

struct Source {
    /// `None` once nothing follows, or is wanted.
    requests: Option<Box<dyn Unsent>>,
    /// What has come of them, as it was sent.
    kept: Vec<Encoded>,
    /// How many bytes more may be kept; `None` when nothing more is to be.
    room: Option<usize>,
    /// All that has come is kept.
    is_whole: bool,
}

impl Many {
    fn of(requests: Box<dyn Unsent>, room: usize) -> Arc<dyn Outbox> {
        Arc::new(Many(Mutex::new(Source {
            requests: Some(requests),
            kept: Vec::new(),
            room: Some(room),
            is_whole: true,
        })))
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for Many {
    fn is_stream(&self) -> bool {
        true
    }

    fn show(&self, _look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Option<Result<()>> {
        None
    }

    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Box<dyn Unsent>> {
        let is_whole = self.is_whole();
        let replay = Replay {
            many: self,
            passage: Arc::clone(passage),
            next: 0,
        };
        is_whole.then(|| encoded(None, Some(Box::pin(replay))))
    }

    fn is_whole(&self) -> bool {
        self.source().is_whole
    }

    fn commit(&self) {
        // What is kept and has not been sent again yet still has to be.
        self.source().room = None;
    }

    fn close(&self) {
        let requests = {
            let mut source = self.source();
            source.lose();
            source.requests.take()
        };
        drop(requests);
    }
}

impl Source {
    fn keep(&mut self, request: &Encoded) {
        let length = request.bytes.len();
        self.room = self.room.and_then(|room| room.checked_sub(length));
        if self.room.is_some() {
            self.kept.push(request.clone());
        } else {
            self.lose();
        }
    }

    /// Nothing can be sent again.
    fn lose(&mut self) {
        self.kept = Vec::new();
        self.is_whole = false;
    }
}

/// The requests of one attempt: those that were sent before, then those that come.
struct Replay {
    many: Arc<Many>,
    passage: Arc<Passage>,
    /// The place of the next that was sent before.
    next: usize,
}

impl Stream for Replay {
    type Item = Result<Encoded>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Encoded>>> {
        let this = &mut *self;
        let mut source = this.many.source();
        if let Some(request) = source.kept.get(this.next).cloned() {
            this.next += 1;
            this.passage.count_request();
            return Poll::Ready(Some(Ok(request)));
        }
        let Some(requests) = &mut source.requests else {
            return Poll::Ready(None);
        };
        let look = &mut |request: &mut dyn AnyMessage| {
            this.passage.count_request();
            this.passage.show_request(request)
        };
        let encoded = match ready!(requests.poll_next(context)) {
            Ok(true) => encode(&mut **requests, look),
            Ok(false) => {
                source.requests = None;
                return Poll::Ready(None);
            }
            Err(status) => Err(status),
        };
        match &encoded {
            Ok(encoded) => {
                source.keep(encoded);
                this.next += 1;
            }
            Err(_) => source.lose(),
        }
        Poll::Ready(Some(encoded))
    }
}
