//! The requests of a call with interceptors, which may be sent more than once.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::messages::Show;
use super::passage::Passage;
use super::requests::{CompressIf, Requests, Source as Requested};
use crate::call::AnyMessage;
use crate::framing::Packer;
use crate::{Compression, Raw, Result};

/// The requests of a call with interceptors, whatever their type.
pub(crate) trait Outbox: Send + Sync {
    /// Whether the call has a stream of requests.
    fn is_stream(&self) -> bool;

    /// Shows the request of a call that has one; `None` when it has a stream of them.
    fn show(&self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Option<Result<()>>;

    /// All requests from the first, encoded; `None` when not all are there any more. Those that have never been sent are shown to
    /// the interceptors before.
    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Requests<Encoded>>;

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

impl Encoded {
    /// Packs a request behind those before it.
    pub(crate) fn pack(
        packer: &mut Packer,
        request: &Encoded,
        compression: Compression,
    ) -> Result<Option<Bytes>> {
        let compression = if request.compress {
            compression
        } else {
            Compression::Identity
        };
        packer.push::<Bytes, Raw>(&request.bytes, compression)
    }
}

/// Looks at a request, and may change it.
type Look<'a> = dyn FnMut(&mut dyn AnyMessage) -> Result<()> + 'a;

/// Requests that may be sent more than once; of a stream as many as are no more than `room` bytes.
pub(crate) fn new<Req: Send + 'static>(
    requests: Requests<Req>,
    compress_if: Option<CompressIf<Req>>,
    show: Show<Req>,
    room: usize,
) -> Arc<dyn Outbox> {
    let encoding = Encoding { show, compress_if };
    match requests {
        Requests::One(request) => One::of(Box::new(EncodedOne { request, encoding })),
        Requests::Many(requests) => (requests.keep)(requests.source, encoding, room),
    }
}

/// Keeps what is sent of a stream of requests, up to so many bytes.
pub(super) type Keep<Req> = fn(Requested<Req>, Encoding<Req>, usize) -> Arc<dyn Outbox>;

pub(super) fn keep<Req: Send + 'static>(
    requests: Requested<Req>,
    encoding: Encoding<Req>,
    room: usize,
) -> Arc<dyn Outbox> {
    Many::of(Box::new(EncodedMany { requests, encoding }), room)
}

/// How requests are encoded.
pub(super) struct Encoding<Req> {
    show: Show<Req>,
    compress_if: Option<CompressIf<Req>>,
}

impl<Req> Encoding<Req> {
    /// Encodes a request that `look` has seen, and maybe changed.
    fn encode(&self, request: &mut Req, look: &mut Look<'_>) -> Result<Encoded> {
        let mut bytes = Bytes::new();
        (self.show)(request, &mut |request| {
            look(request)?;
            bytes = request.to_bytes();
            Ok(())
        })?;
        let compress = self
            .compress_if
            .as_ref()
            .is_none_or(|wanted| wanted(request));
        Ok(Encoded { bytes, compress })
    }
}

/// A request, for who does not know its type.
trait Encodes: Send {
    fn show(&mut self, look: &mut Look<'_>) -> Result<()>;

    fn encode(&mut self) -> Result<Encoded>;
}

struct EncodedOne<Req> {
    request: Req,
    encoding: Encoding<Req>,
}

impl<Req: Send> Encodes for EncodedOne<Req> {
    fn show(&mut self, look: &mut Look<'_>) -> Result<()> {
        (self.encoding.show)(&mut self.request, look)
    }

    fn encode(&mut self) -> Result<Encoded> {
        self.encoding.encode(&mut self.request, &mut |_| Ok(()))
    }
}

/// A stream of requests, for who does not know their type.
trait EncodesAll: Send {
    /// The next request, encoded when `look` has seen it.
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        look: &mut Look<'_>,
    ) -> Poll<Option<Result<Encoded>>>;
}

struct EncodedMany<Req> {
    requests: Requested<Req>,
    encoding: Encoding<Req>,
}

impl<Req> EncodesAll for EncodedMany<Req> {
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        look: &mut Look<'_>,
    ) -> Poll<Option<Result<Encoded>>> {
        let next = ready!(self.requests.poll_next(context));
        Poll::Ready(next.map(|request| self.encoding.encode(&mut request?, look)))
    }
}

/// The request of a call that has one.
struct One(Mutex<Box<dyn Encodes>>);

impl One {
    fn of(request: Box<dyn Encodes>) -> Arc<dyn Outbox> {
        Arc::new(One(Mutex::new(request)))
    }

    fn request(&self) -> MutexGuard<'_, Box<dyn Encodes>> {
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

    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Requests<Encoded>> {
        let encoded = self.request().encode();
        passage.count_request();
        encoded.ok().map(Requests::One)
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
    requests: Option<Box<dyn EncodesAll>>,
    /// What has come of them, as it was sent.
    kept: Vec<Encoded>,
    /// How many bytes more may be kept; `None` when nothing more is to be.
    room: Option<usize>,
    /// All that has come is kept.
    is_whole: bool,
}

impl Many {
    fn of(requests: Box<dyn EncodesAll>, room: usize) -> Arc<dyn Outbox> {
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

    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Requests<Encoded>> {
        let is_whole = self.is_whole();
        let replay = Replay {
            many: self,
            passage: Arc::clone(passage),
            next: 0,
        };
        is_whole.then(|| Requests::many(Requested::Fallible(Box::pin(replay))))
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
        let Some(encoded) = ready!(requests.poll_next(context, look)) else {
            source.requests = None;
            return Poll::Ready(None);
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
