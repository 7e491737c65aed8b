//! Waiting for a call to be over, from anywhere and any number of times.

use std::future::Future;
#[cfg(feature = "client")]
use std::future::poll_fn;
use std::pin::Pin;
#[cfg(feature = "client")]
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Exchange;

/// A future that completes once the handler's side of a call is over. Dropping it removes its waker from the call, because a
/// call may last for days while many tasks wait for it one after the other.
pub(crate) struct Watch {
    exchange: Arc<Exchange>,
    /// The key of its waker, once it has registered one.
    key: Option<u64>,
}

impl Watch {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Watch {
        Watch {
            exchange,
            key: None,
        }
    }

    pub(crate) fn poll_over(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.exchange.state();
        if state.over.is_some() {
            return Poll::Ready(());
        }
        state.watchers.set(&mut self.key, context.waker());
        Poll::Pending
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.poll_over(context)
    }
}

/// Waits for a future. If the call ends before, drops the future and returns `None`.
#[cfg(feature = "client")]
pub(crate) async fn unless_over<T>(
    exchange: &Arc<Exchange>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut over = Watch::new(Arc::clone(exchange));
    let mut future = pin!(future);
    poll_fn(|context| {
        if over.poll_over(context).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // The waker is dropped after the lock is released.
            let waker = self.exchange.state().watchers.remove(key);
            drop(waker);
        }
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::Status;
    use crate::testing::TestCall;

    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn watchers_are_woken_and_removed() {
        let call = TestCall::new();
        let exchange = call.context().exchange();
        let counters = [(); 3].map(|()| Arc::new(Counter(AtomicUsize::new(0))));
        let wakers = counters.clone().map(Waker::from);
        let contexts = wakers.each_ref().map(Context::from_waker);
        let mut watches = [(); 3].map(|()| Watch::new(Arc::clone(exchange)));
        for _ in 0..3 {
            for (watch, context) in watches.iter_mut().zip(&contexts) {
                assert!(watch.poll_over(context).is_pending());
            }
        }
        assert_eq!(exchange.state().watchers.wakers.len(), 3);
        let [first, second, mut third] = watches;
        drop(second);
        assert_eq!(exchange.state().watchers.wakers.len(), 2);
        // The third one has moved to another task.
        assert!(third.poll_over(&contexts[1]).is_pending());
        exchange.cancel(Status::cancelled("enough"));
        let woken = counters.map(|counter| counter.0.load(Ordering::Relaxed));
        assert_eq!(woken, [1, 1, 0]);
        assert!(third.poll_over(&contexts[1]).is_ready());
        drop((first, third));
        assert!(exchange.state().watchers.wakers.is_empty());
    }
}
