//! Passing the requests of a call to its connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::compress_if::CompressIf;
use crate::base::erasure::{AnyRequests, none_at_hand};
use crate::base::framing::{Packed, Packer};
use crate::call::request_queue::set_last_packed;
use crate::call::{Exchange, Turn, Watch};
use crate::helpers::stream::Reading;
use crate::{Compression, Result, Status};

/// Sends the requests of a call. A single request is sent at once. For a stream, all requests that are ready are sent at once,
/// and a task sends the rest, so that sending does not depend on the caller reading responses.
pub(crate) fn send(
    requests: &mut dyn AnyRequests,
    mut packing: Packing,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    if requests.is_stream() {
        return feed(requests, packing, exchange);
    }
    if packing.pack(requests, exchange) == Packed::Failed {
        return Err(packing.packer.failure());
    }
    exchange.write_request(packing.packer.flush().unwrap_or_default(), true);
    Ok(())
}

/// Packs the requests of a call.
pub(crate) struct Packing {
    packer: Packer,
    /// Decides which requests are compressed. `None` for all.
    compress_if: Option<CompressIf>,
}

impl Packing {
    pub(crate) fn new(packer: Packer, compress_if: Option<CompressIf>) -> Packing {
        Packing {
            packer,
            compress_if,
        }
    }

    /// Packs the current request.
    fn pack(&mut self, requests: &mut dyn AnyRequests, exchange: &Exchange) -> Packed {
        let mut packed = None;
        let shown = requests.show(&mut |request| {
            let compression = match &self.compress_if {
                Some(wanted) if !wanted.wants(request)? => Compression::Identity,
                _ => exchange.details().compression,
            };
            packed = Some(self.packer.push(request, compression));
            set_last_packed(self.packer.last_length());
            Ok(())
        });
        requests.clear();
        match (shown, packed) {
            (Ok(()), Some(packed)) => packed,
            (Ok(()), None) => self.packer.fail(none_at_hand()),
            (Err(status), _) => self.packer.fail(status),
        }
    }
}

fn feed(
    requests: &mut dyn AnyRequests,
    mut packing: Packing,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    let mut fed = Fed::new(exchange);
    let mut nobody = Context::from_waker(Waker::noop());
    if fed
        .poll_feed(requests, &mut packing, &mut nobody)
        .is_pending()
    {
        let runtime = Handle::try_current().map_err(|_| {
            Status::failed_precondition("a streaming call needs a tokio runtime around it")
        })?;
        runtime.spawn(Feed {
            requests: requests.take(),
            packing,
            fed,
        });
    } else {
        requests.close();
    }
    Ok(())
}

/// Passes the requests of a call to its connection, until the requests or the call end.
struct Feed {
    requests: Box<dyn AnyRequests>,
    packing: Packing,
    fed: Fed,
}

impl Future for Feed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.fed
            .poll_feed(&mut *this.requests, &mut this.packing, context)
    }
}

/// The call that is fed. If it is dropped before the end of the requests, because the stream panicked or the runtime has ended,
/// it ends the call. Otherwise the server would treat the requests as complete, or the caller would wait for ever.
struct Fed {
    exchange: Arc<Exchange>,
    over: Watch,
    ended: bool,
}

impl Fed {
    fn new(exchange: &Arc<Exchange>) -> Fed {
        Fed {
            exchange: Arc::clone(exchange),
            over: Watch::new(Arc::clone(exchange)),
            ended: false,
        }
    }

    fn poll_feed(
        &mut self,
        requests: &mut dyn AnyRequests,
        packing: &mut Packing,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if self.over.poll_over(context).is_ready() {
            return Poll::Ready(());
        }
        set_last_packed(0);
        let (turn, mut reading) = (Turn::new(), Reading::new());
        packing.packer.stop_at_next();
        loop {
            if ready!(self.exchange.poll_request_room(context)).is_err() {
                return Poll::Ready(());
            }
            match self.poll_pack(requests, packing, context) {
                Packed::More => continue,
                Packed::Stopped => {}
                Packed::Pending => break,
                Packed::Ended => {
                    self.end(packing.packer.flush());
                    return Poll::Ready(());
                }
                Packed::Failed => {
                    self.exchange.abandon(packing.packer.failure());
                    return Poll::Ready(());
                }
            }
            while let Some(piece) = packing.packer.take_full() {
                self.exchange.write_request(piece, false);
            }
            if turn.is_over() {
                // Let the connection send the packed requests before the next one is requested.
                context.waker().wake_by_ref();
                break;
            }
            reading.go_on(packing.packer.go_on());
        }
        if let Some(piece) = packing.packer.flush() {
            self.exchange.write_request(piece, false);
        }
        Poll::Pending
    }

    /// Packs the next request.
    fn poll_pack(
        &self,
        requests: &mut dyn AnyRequests,
        packing: &mut Packing,
        context: &mut Context<'_>,
    ) -> Packed {
        match requests.poll_next(context) {
            Poll::Ready(Ok(true)) => packing.pack(requests, &self.exchange),
            Poll::Ready(Ok(false)) => Packed::Ended,
            Poll::Ready(Err(status)) => packing.packer.fail(status),
            Poll::Pending => Packed::Pending,
        }
    }

    fn end(&mut self, last: Option<Bytes>) {
        self.exchange.write_request(last.unwrap_or_default(), true);
        self.ended = true;
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        if !self.ended && self.exchange.over().is_none() {
            self.exchange.abandon(Status::cancelled(
                "the requests of the call were dropped before their end: they panicked, or their runtime has ended",
            ));
        }
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;
    use crate::base::Raw;
    use crate::base::erasure::Requests;
    use crate::testing::TestCall;

    /// The call may wait for a long time before it takes the next request.
    #[test]
    fn a_request_is_dropped_once_it_is_packed() {
        let call = TestCall::new();
        let owner: Arc<[u8]> = Arc::from([7; 4]);
        let mut requests = Requests::one::<Raw>(Bytes::from_owner(Arc::clone(&owner)));
        let mut packing = Packing::new(Packer::default(), None);
        let exchange = call.context().exchange();
        assert_eq!(packing.pack(&mut requests, exchange), Packed::Stopped);
        let packed = packing.packer.flush().unwrap();
        assert_eq!(packed, [0, 0, 0, 0, 4, 7, 7, 7, 7][..]);
        assert_eq!(Arc::strong_count(&owner), 1);
        assert_eq!(packing.pack(&mut requests, exchange), Packed::Failed);
        let error = packing.packer.failure();
        assert_eq!(error.message(), "there is no request to send");
    }
}
