//! The requests of a call on their way to its connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::compress_if::CompressIf;
use super::requests::{Unsent, none_at_hand};
use crate::call::{Exchange, Watch};
use crate::framing::Packer;
use crate::{Compression, Result, Status};

/// Sends the requests of a call. One is sent at once; many as far as they are there, the rest by a task: it must not
/// depend on whether the caller is reading responses.
pub(crate) fn send(
    requests: &mut dyn Unsent,
    mut packing: Packing,
    exchange: &Arc<Exchange>,
) -> Result<()> {
    if requests.is_stream() {
        return feed(requests, packing, exchange);
    }
    let whole = packing.pack(requests, exchange)?;
    let whole = whole.or_else(|| packing.flush());
    exchange.write_request(whole.unwrap_or_default(), true);
    Ok(())
}

/// Packs the requests of a call.
pub(crate) struct Packing {
    packer: Packer,
    /// Which of them are compressed; without it all are.
    compress_if: Option<CompressIf>,
}

impl Packing {
    pub(crate) fn new(packer: Packer, compress_if: Option<CompressIf>) -> Packing {
        Packing {
            packer,
            compress_if,
        }
    }

    /// Packs the request at hand behind those before it; gives those when both do not fit into one piece.
    fn pack(&mut self, requests: &mut dyn Unsent, exchange: &Exchange) -> Result<Option<Bytes>> {
        let mut packed = None;
        requests.show(&mut |request| {
            let compression = match &self.compress_if {
                Some(wanted) if !wanted.wants(request) => Compression::Identity,
                _ => exchange.details().compression,
            };
            packed = Some(self.packer.push(request, compression)?);
            Ok(())
        })?;
        requests.clear();
        packed.ok_or_else(none_at_hand)
    }

    /// What there is.
    fn flush(&mut self) -> Option<Bytes> {
        self.packer.flush()
    }
}

fn feed(requests: &mut dyn Unsent, mut packing: Packing, exchange: &Arc<Exchange>) -> Result<()> {
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

/// Feeds the requests of a call to its connection, until they end or the call does.
struct Feed {
    requests: Box<dyn Unsent>,
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

/// The call that is fed. Requests that did not come to their end, because they panicked or their runtime is no more, must not
/// look as if they had, and their caller is not left waiting.
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
        requests: &mut dyn Unsent,
        packing: &mut Packing,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if self.over.poll_over(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            if ready!(self.exchange.poll_request_room(context)).is_err() {
                return Poll::Ready(());
            }
            let next = match requests.poll_next(context) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    if let Some(packed) = packing.flush() {
                        self.exchange.write_request(packed, false);
                    }
                    return Poll::Pending;
                }
            };
            let packed = match next {
                Ok(true) => packing.pack(requests, &self.exchange),
                Ok(false) => {
                    self.end(packing.flush());
                    return Poll::Ready(());
                }
                Err(status) => Err(status),
            };
            match packed {
                Ok(Some(packed)) => self.exchange.write_request(packed, false),
                Ok(None) => {}
                Err(status) => {
                    self.exchange.abandon(status);
                    return Poll::Ready(());
                }
            }
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
    use crate::client::requests::Requests;
    use crate::codec::Raw;
    use crate::testing::TestCall;

    /// Its call may wait for long before it takes the next.
    #[test]
    fn a_request_is_dropped_once_it_is_packed() {
        let call = TestCall::new();
        let owner: Arc<[u8]> = Arc::from([7; 4]);
        let mut requests = Requests::one::<Raw>(Bytes::from_owner(Arc::clone(&owner)));
        let mut packing = Packing::new(Packer::default(), None);
        let exchange = call.context().exchange();
        assert_eq!(packing.pack(&mut requests, exchange).unwrap(), None);
        assert_eq!(packing.flush().unwrap(), [0, 0, 0, 0, 4, 7, 7, 7, 7][..]);
        assert_eq!(Arc::strong_count(&owner), 1);
        let error = packing.pack(&mut requests, exchange).unwrap_err();
        assert_eq!(error.message(), "there is no request to be sent");
    }
}
