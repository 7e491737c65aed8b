//! A servicer whose handlers make messages in several ways, and count them.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::StreamExt;
use stubwright::{Compression, RequestStream, Result, ServicerContext, Stream, stream};
use stubwright_tests::pb::probe::v1::{ProbeServicer, Request, Response};
use tokio::time::Instant;

/// Size of a large message, in bytes.
pub const LARGE: usize = 1 << 20;

/// Time to compute a message.
pub const STEP: Duration = Duration::from_millis(200);

/// The way in which a handler makes its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An iterator of large messages.
    Iterator,
    /// `stream`, with large messages.
    Helper,
    /// `stream`, with a small message followed by large ones.
    SmallFirst,
    /// `stream`, with many small messages followed by large ones.
    SmallForLong,
    /// An iterator of large messages that compress to almost nothing.
    Compressed,
    /// An iterator that computes each message.
    SlowIterator,
    /// `stream`, with a closure that computes each message.
    SlowHelper,
}

impl Way {
    const ALL: [Way; 7] = [
        Way::Iterator,
        Way::Helper,
        Way::SmallFirst,
        Way::SmallForLong,
        Way::Compressed,
        Way::SlowIterator,
        Way::SlowHelper,
    ];

    /// Returns a request for `count` messages made in this way.
    pub fn request(self, count: u32) -> Request {
        Request {
            code: self as i32,
            count,
            ..Request::default()
        }
    }
}

/// Computes: time passes, and no other task runs.
pub fn compute() {
    let advance = pin!(tokio::time::advance(STEP));
    // The clock advances before other tasks run.
    let _pending = Future::poll(advance, &mut Context::from_waker(Waker::noop()));
}

/// The servicer, and its counters.
#[derive(Clone, Default)]
pub struct Maker {
    /// Messages that were made.
    pub made: Arc<AtomicUsize>,
    /// Handlers of unary calls that were started.
    pub started: Arc<AtomicUsize>,
    /// Time of each request in a stream.
    pub came: Arc<Mutex<Vec<Instant>>>,
}

impl Maker {
    fn message(&self, way: Way, index: u32) -> Response {
        self.made.fetch_add(1, Ordering::SeqCst);
        let length = match way {
            Way::SmallFirst if index == 0 => 8,
            Way::SmallForLong if index < 100 => 8,
            Way::SlowIterator | Way::SlowHelper => {
                compute();
                8
            }
            _ => LARGE,
        };
        let payload = vec![0; length];
        Response { payload, index }
    }
}

type Responses<'a> = Pin<Box<dyn Stream<Item = Result<Response>> + Send + 'a>>;

impl ProbeServicer for Maker {
    async fn unary(&self, _request: Request, _context: &ServicerContext) -> Result<Response> {
        self.started.fetch_add(1, Ordering::SeqCst);
        Ok(Response::default())
    }

    fn server_stream(
        &self,
        request: Request,
        context: &ServicerContext,
    ) -> impl Stream<Item = Result<Response>> + Send {
        let way = Way::ALL[usize::try_from(request.code).unwrap()];
        if way == Way::Compressed {
            context.set_compression(Compression::Gzip).unwrap();
        }
        let responses: Responses<'_> = match way {
            Way::Iterator | Way::Compressed | Way::SlowIterator => futures_util::stream::iter(
                (0..request.count).map(move |index| Ok(self.message(way, index))),
            )
            .boxed(),
            _ => Box::pin(stream(async move |mut responses| {
                for index in 0..request.count {
                    responses.send(self.message(way, index)).await;
                }
                Ok(())
            })),
        };
        responses
    }

    async fn client_stream(
        &self,
        mut requests: RequestStream<Request>,
        _context: &ServicerContext,
    ) -> Result<Response> {
        while requests.message().await?.is_some() {
            self.came.lock().unwrap().push(Instant::now());
        }
        Ok(Response::default())
    }
}
