//! The `stream` helper: from an async closure that sends to a stream.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use tokio::sync::Mutex;

use crate::{Result, Status};

/// How far a closure may run ahead of the stream's reader.
const AHEAD: usize = 8;

/// Turns an async closure that sends into a stream: what Python's `yield` does.
///
/// The closure gets a [`Sender`]; each message that it sends is an item, and the status that it returns the end: `Ok(())` a
/// clean one, an error the last item. It may borrow what lives as long as the call: `self`, the context, the request. It
/// runs when the stream is polled, up to eight messages ahead of the reader, and is dropped where it is when the stream is. Who
/// polls the stream by hand pins it first, by `std::pin::pin!` or `Box::pin`.
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
    let (sender, messages) = queue();
    Generator {
        closure: f(sender),
        messages,
    }
}

/// Where the closure of [`stream()`] sends its messages.
pub struct Sender<T>(
    /// Never locked: it makes the whole shareable. (Unlike std's it has no poison, which would be compiled for each type of message.)
    Mutex<Outlet<T>>,
);

impl<T> Sender<T> {
    /// Sends a message. Waits while the reader is behind; what is dropped while it waits has sent nothing.
    pub fn send(&mut self, message: T) -> impl Future<Output = ()> {
        let outlet = self.0.get_mut();
        outlet.push(message);
        Sent(outlet)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The closure's end of the queue.
struct Outlet<T> {
    queue: Producer<T>,
    /// A message that found no room.
    waiting: Option<T>,
}

impl<T> Outlet<T> {
    #[inline]
    fn push(&mut self, message: T) {
        self.waiting = match self.queue.push(message) {
            Ok(()) => None,
            Err(PushError::Full(message)) => Some(message),
        };
    }
}

/// Waits until a message has found room. The message is with its sender: whoever awaits this has nothing to drop, which would
/// be compiled for each place where a message is sent.
struct Sent<'a, T>(&'a mut Outlet<T>);

impl<T> Future for Sent<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if let Some(message) = self.0.waiting.take() {
            self.0.push(message);
        }
        // The reader polls again when it has taken what is there: no waker is needed.
        if self.0.waiting.is_some() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

/// What is sent at one end comes out at the other.
// Not into each closure's function.
#[inline(never)]
fn queue<T>() -> (Sender<T>, Messages<T>) {
    let (queue, items) = RingBuffer::new(AHEAD);
    let waiting = None;
    let sender = Sender(Mutex::new(Outlet { queue, waiting }));
    (
        sender,
        Messages {
            items,
            end: End::Open,
        },
    )
}

pin_project! {
    /// A closure at work, as a stream. It is compiled for each closure, and what it calls for each type of message.
    struct Generator<T, Fut> {
        #[pin]
        closure: Fut,
        messages: Messages<T>,
    }
}

impl<T, Fut: Future<Output = Result<()>>> Stream for Generator<T, Fut> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let this = self.project();
        this.messages.poll_next(this.closure, context)
    }
}

/// The messages of a closure, as its stream gives them.
struct Messages<T> {
    items: Consumer<T>,
    end: End,
}

impl<T> Messages<T> {
    // Not into each closure's stream.
    #[inline(never)]
    fn poll_next(
        &mut self,
        mut closure: Pin<&mut dyn Future<Output = Result<()>>>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T>>> {
        let mut is_polled = false;
        loop {
            if let Ok(item) = self.items.pop() {
                return Poll::Ready(Some(Ok(item)));
            }
            if is_polled || !self.end.run(closure.as_mut(), context) {
                break;
            }
            is_polled = true;
        }
        match self.end.poll() {
            Poll::Ready(Some(status)) => Poll::Ready(Some(Err(status))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// How the closure has ended, once it has.
enum End {
    Open,
    /// With an error that is still to be given.
    Failed(Status),
    Closed,
}

impl End {
    /// Polls the closure, if it has not ended; it may have sent something then.
    fn run(
        &mut self,
        closure: Pin<&mut dyn Future<Output = Result<()>>>,
        context: &mut Context<'_>,
    ) -> bool {
        if !matches!(self, End::Open) {
            return false;
        }
        match closure.poll(context) {
            Poll::Ready(Ok(())) => *self = End::Closed,
            Poll::Ready(Err(status)) => *self = End::Failed(status),
            Poll::Pending => {}
        }
        true
    }

    /// What the stream says when it has no message.
    fn poll(&mut self) -> Poll<Option<Status>> {
        match self {
            End::Open => Poll::Pending,
            end => match std::mem::replace(end, End::Closed) {
                End::Failed(status) => Poll::Ready(Some(status)),
                _ => Poll::Ready(None),
            },
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
    fn a_message_that_is_dropped_while_it_waits_is_not_sent() {
        let (items, _) = collect(stream(async |mut responses| {
            for i in 0..AHEAD {
                responses.send(i).await;
            }
            // There is no room for it, and nobody waits for some.
            drop(responses.send(100));
            responses.send(200).await;
            Ok(())
        }));
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7, 200]);
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
