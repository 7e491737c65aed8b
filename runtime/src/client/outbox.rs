//! The requests of a call with interceptors, which may be sent more than once.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::compress_if::CompressIf;
use super::feed::Packing;
use super::passage::Passage;
use crate::Result;
use crate::base::erasure::{
    AnyMessage, AnyRequests, RequestSource, Requests, Source, none_at_hand,
};
use crate::base::framing::Packer;

/// The requests of a call with interceptors, whatever their type.
pub(crate) trait Outbox: Send + Sync {
    /// Whether the call has a stream of requests.
    fn is_stream(&self) -> bool;

    /// Shows the request of a call that has one; `None` when it has a stream of them.
    fn show(&self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Option<Result<()>>;

    /// All requests from the first, encoded; `None` when not all are there any more. Those that have never been sent are shown to
    /// the interceptors before.
    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Box<dyn AnyRequests>>;

    /// Whether all requests are there from the first.
    fn is_whole(&self) -> bool;

    /// They will not be sent again.
    fn commit(&self);

    /// No more are wanted: whoever sends them learns it.
    fn close(&self);
}

/// A request as its codec wrote it.
#[derive(Clone, Debug)]
struct Encoded {
    bytes: Bytes,
    /// It is to be compressed, if the requests of its call are.
    compress: bool,
}

impl AnyMessage for Encoded {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    fn encode(&self, buffer: &mut BytesMut) {
        buffer.extend_from_slice(&self.bytes);
    }
}

/// Encoded requests, to be sent.
fn encoded(at_hand: Option<Encoded>, source: Option<Source<Encoded>>) -> Box<dyn AnyRequests> {
    Box::new(Requests::new(at_hand, source, |request, look| {
        look(request)
    }))
}

/// Packs the requests of an [`Outbox`].
pub(crate) fn packing(packer: Packer) -> Packing {
    let compress_if = CompressIf::new(|request: &Encoded| request.compress);
    Packing::new(packer, Some(compress_if))
}

/// Looks at a request, and may change it.
type Look<'a> = dyn FnMut(&mut dyn AnyMessage) -> Result<()> + 'a;

/// Requests that may be sent more than once; of a stream as many as are no more than `room` bytes.
pub(crate) fn new(
    requests: Box<dyn AnyRequests>,
    compress_if: Option<CompressIf>,
    room: usize,
) -> Arc<dyn Outbox> {
    let is_stream = requests.is_stream();
    let unencoded = Unencoded {
        requests,
        compress_if,
    };
    if is_stream {
        Many::of(unencoded, room)
    } else {
        Arc::new(One(Mutex::new(unencoded)))
    }
}

/// Requests that have not been encoded.
struct Unencoded {
    requests: Box<dyn AnyRequests>,
    compress_if: Option<CompressIf>,
}

impl Unencoded {
    /// Encodes the request at hand when `look` has seen it, and maybe changed it.
    fn encode(&mut self, look: &mut Look<'_>) -> Result<Encoded> {
        let compress_if = self.compress_if.as_ref();
        let mut encoded = None;
        self.requests.show(&mut |request| {
            look(request)?;
            encoded = Some(Encoded {
                bytes: request.to_bytes(),
                compress: compress_if.is_none_or(|wanted| wanted.wants(request)),
            });
            Ok(())
        })?;
        encoded.ok_or_else(none_at_hand)
    }
}

/// The request of a call that has one.
struct One(Mutex<Unencoded>);

impl One {
    fn request(&self) -> MutexGuard<'_, Unencoded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for One {
    fn is_stream(&self) -> bool {
        false
    }

    fn show(&self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Option<Result<()>> {
        Some(self.request().requests.show(look))
    }

    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Box<dyn AnyRequests>> {
        let request = self.request().encode(&mut |_| Ok(()));
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
struct Many(Mutex<Stream>);

struct Stream {
    /// `None` once nothing follows, or is wanted.
    requests: Option<Unencoded>,
    /// What has come of them, as it was sent.
    kept: Vec<Encoded>,
    /// How many bytes more may be kept; `None` when nothing more is to be.
    room: Option<usize>,
    /// All that has come is kept.
    is_whole: bool,
}

impl Many {
    fn of(requests: Unencoded, room: usize) -> Arc<dyn Outbox> {
        Arc::new(Many(Mutex::new(Stream {
            requests: Some(requests),
            kept: Vec::new(),
            room: Some(room),
            is_whole: true,
        })))
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
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

    fn requests(self: Arc<Self>, passage: &Arc<Passage>) -> Option<Box<dyn AnyRequests>> {
        let is_whole = self.is_whole();
        let replay = Replay {
            many: self,
            passage: Arc::clone(passage),
            next: 0,
        };
        is_whole.then(|| encoded(None, Some(Box::pin(replay))))
    }

    fn is_whole(&self) -> bool {
        self.stream().is_whole
    }

    fn commit(&self) {
        // What is kept and has not been sent again yet still has to be.
        self.stream().room = None;
    }

    fn close(&self) {
        let requests = {
            let mut stream = self.stream();
            stream.lose();
            stream.requests.take()
        };
        drop(requests);
    }
}

impl Stream {
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

impl RequestSource<Encoded> for Replay {
    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        place: &mut Option<Encoded>,
    ) -> Poll<Result<()>> {
        let this = &mut *self;
        let mut stream = this.many.stream();
        *place = stream.kept.get(this.next).cloned();
        if place.is_some() {
            this.next += 1;
            this.passage.count_request();
            return Poll::Ready(Ok(()));
        }
        let Some(requests) = &mut stream.requests else {
            return Poll::Ready(Ok(()));
        };
        let look = &mut |request: &mut dyn AnyMessage| {
            this.passage.count_request();
            this.passage.show_request(request)
        };
        let encoded = match ready!(requests.requests.poll_next(context)) {
            Ok(true) => {
                let encoded = requests.encode(look);
                requests.requests.clear();
                encoded
            }
            Ok(false) => {
                stream.requests = None;
                return Poll::Ready(Ok(()));
            }
            Err(status) => Err(status),
        };
        Poll::Ready(match encoded {
            Ok(encoded) => {
                stream.keep(&encoded);
                this.next += 1;
                *place = Some(encoded);
                Ok(())
            }
            Err(status) => {
                stream.lose();
                Err(status)
            }
        })
    }
}
