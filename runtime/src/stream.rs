//! The `stream` helper: from an async closure that sends to a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::{Result, Status};

/// How far a closure may run ahead of the stream's reader.
const AHEAD: usize = 8;

/// Turns an async closure that sends into a stream: what Python's `yield` does.
///
/// The closure gets a [`Sender`]; each message that it sends is an item, and the status that it returns the end: `Ok(())` a
/// clean one, an error the last item. It may borrow what lives as long as the call: `self`, the context, the request. It
/// runs when the stream is polled, up to eight messages ahead of the reader, and is dropped where it is when the stream is.
///
/// ```
/// use stubwright::{Result, Stream, stream};
///
/// fn squares(up_to: u32) -> impl Stream<Item = Result<u32>> + Send {
///     stream(async move |mut responses| {
///         for i in 0..=up_to {
///             responses.send(i * i).await;
///         }
///         Ok(())
///     })
/// }
/// ```
pub fn stream<T, F>(f: F) -> impl Stream<Item = Result<T>>
where
    F: AsyncFnOnce(Sender<T>) -> Result<()>,
{
    let queue = Arc::new(Queue(Mutex::default()));
    Generator {
        future: Box::pin(f(Sender {
            queue: Arc::clone(&queue),
        })),
        queue,
        items: VecDeque::new(),
        end: None,
    }
}

/// Where the closure of [`stream()`] sends its messages.
pub struct Sender<T> {
    queue: Arc<Queue<T>>,
}

impl<T> Sender<T> {
    /// Sends a message. Waits while the reader is behind.
    pub async fn send(&mut self, message: T) {
        let mut message = Some(message);
        poll_fn(|_| {
            let mut items = self.queue.items();
            if items.len() >= AHEAD {
                // The reader polls again when it has taken what is there: no waker is needed.
                return Poll::Pending;
            }
            items.extend(message.take());
            Poll::Ready(())
        })
        .await;
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The messages between the closure and the stream.
struct Queue<T>(Mutex<VecDeque<T>>);

impl<T> Queue<T> {
    fn items(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A closure at work, as a stream.
struct Generator<T, Fut> {
    future: Pin<Box<Fut>>,
    queue: Arc<Queue<T>>,
    /// Messages that have been taken from the queue, all at a time.
    items: VecDeque<T>,
    /// Set when the closure has returned, with the error that is still to be given.
    end: Option<Option<Status>>,
}

impl<T, Fut> Unpin for Generator<T, Fut> {}

impl<T, Fut: Future<Output = Result<()>>> Stream for Generator<T, Fut> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let this = &mut *self;
        if this.items.is_empty() && this.end.is_none() {
            if let Poll::Ready(end) = this.future.as_mut().poll(context) {
                this.end = Some(end.err());
            }
            std::mem::swap(&mut this.items, &mut *this.queue.items());
        }
        match (this.items.pop_front(), &mut this.end) {
            (Some(item), _) => Poll::Ready(Some(Ok(item))),
            (None, Some(error)) => Poll::Ready(error.take().map(Err)),
            (None, None) => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn poll<T>(stream: &mut (impl Stream<Item = Result<T>> + Unpin)) -> Poll<Option<Result<T>>> {
        Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn collect<T>(stream: impl Stream<Item = Result<T>>) -> (Vec<T>, Option<Status>) {
        let mut stream = Box::pin(stream);
        let mut items = Vec::new();
        loop {
            match poll(&mut stream) {
                Poll::Ready(Some(Ok(item))) => items.push(item),
                Poll::Ready(Some(Err(status))) => {
                    assert!(matches!(poll(&mut stream), Poll::Ready(None)));
                    return (items, Some(status));
                }
                Poll::Ready(None) => return (items, None),
                Poll::Pending => panic!("nothing is waited for"),
            }
        }
    }

    #[test]
    fn all_messages_come_in_order_and_the_end_behind_them() {
        for count in [0, 1, AHEAD, AHEAD + 1, 5 * AHEAD] {
            let (items, end) = collect(stream(async |mut responses| {
                for i in 0..count {
                    responses.send(i).await;
                }
                Ok(())
            }));
            assert_eq!(items, (0..count).collect::<Vec<_>>());
            assert!(end.is_none());
        }
    }

    #[test]
    fn an_error_is_the_last_item() {
        let (items, end) = collect(stream(async |mut responses| {
            responses.send(1).await;
            Err(Status::aborted("enough"))
        }));
        assert_eq!(items, [1]);
        assert_eq!(end.unwrap().message(), "enough");
    }

    #[test]
    fn a_message_is_out_before_what_the_closure_waits_for() {
        let mut stream = Box::pin(stream(async |mut responses| {
            responses.send(1).await;
            std::future::pending::<()>().await;
            Ok(())
        }));
        assert!(matches!(poll(&mut stream), Poll::Ready(Some(Ok(1)))));
        assert!(poll(&mut stream).is_pending());
    }

    #[test]
    fn the_closure_stops_when_it_is_too_far_ahead() {
        let sent = std::cell::Cell::new(0);
        let mut stream = Box::pin(stream(async |mut responses| {
            loop {
                responses.send(sent.get()).await;
                sent.set(sent.get() + 1);
            }
        }));
        assert!(matches!(poll(&mut stream), Poll::Ready(Some(Ok(0)))));
        assert_eq!(sent.get(), AHEAD);
    }
}
