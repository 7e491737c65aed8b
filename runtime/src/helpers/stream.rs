//! The `stream` helper, which creates a stream from an async closure.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use tokio::sync::Mutex;

use crate::{Result, Status};

thread_local! {
    /// The address of the waker with which a closure on this thread is being polled, or zero if no closure is.
    static POLLED_WITH: Cell<usize> = const { Cell::new(0) };
    /// The number of messages that a closure may send before the first of them must be taken.
    static ALLOWED: Cell<u8> = const { Cell::new(1) };
}

/// The number of messages that a closure may send in a row if they are small and follow quickly. Later messages may be of any
/// size, so up to this many of any size may wait.
const IN_A_ROW: u8 = 4;

/// The capacity between a closure and its reader: the messages in a row, and some that are sent without waiting. More capacity
/// lets the sender check less often how far the reader is.
const ROOM: usize = 8;

/// Creates a stream from an async closure, which sends the items of the stream. In Python, a generator with `yield` does this.
///
/// The closure gets a [`Sender`], and each message that it sends becomes an item. If the closure returns `Ok(())`, the stream ends.
/// If it returns an error, the error is the last item. The closure may borrow anything that lives as long as the call: `self`, the
/// context, the request.
///
/// The closure runs when the stream is polled, until it has sent a message. It continues when the next message is requested. While
/// all messages of a call are small (up to 2 KiB) and follow each other quickly, the call requests up to four at a time. So the
/// closure is at most three messages ahead of the reader, and never after a large message. Dropping the stream drops the closure.
/// To poll the stream by hand, first pin it by `std::pin::pin!` or `Box::pin`.
///
/// While the client does not read, the stream of a handler is not polled, so timers in the closure do not run either:
/// `timeout(.., responses.send(message))` never fires. To drop a slow client, give each client a bounded queue, which its closure
/// reads. When `try_send` finds the queue full, call [`cancel`](crate::ServicerContext::cancel) on a clone of the call's context,
/// from the task that fills the queue.
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
///
/// # When messages are sent
///
/// Small messages are collected, up to 16 KiB, and sent together. They are sent as soon as the closure awaits something that is not
/// ready.
///
/// If a closure computes instead of awaiting, it is interrupted when it sends a message: the first one, then whenever the number of
/// messages has doubled, and at least every 2 KiB. If a millisecond has passed, the collected messages are sent before the next
/// message is requested. So if each message takes long to compute, each is sent in time.
///
/// If a closure is fast at first and then becomes slow, it may delay messages once. These are up to 2 KiB of messages that it has
/// sent since it last awaited or was interrupted. To avoid this, await `tokio::task::yield_now()` before a slow part, or move long
/// computations to [`offload`](crate::offload()).
///
/// This section applies to all other streams of responses, and to the requests of a call.
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

/// The sender that the closure of [`stream()`] gets. Each message that it sends is an item of the stream.
pub struct Sender<T>(
    /// Never locked: the mutex only makes the sender `Sync`. tokio's mutex cannot be poisoned. For the standard library's, code
    /// that handles poison would be compiled for each type of message.
    Mutex<Outlet<T>>,
);

impl<T> Sender<T> {
    /// Sends a message, and waits until the reader asks for the next one.
    ///
    /// The message is queued at once, so dropping the future does not take the message back. There is one exception: if the futures
    /// of earlier messages were not awaited, the queue may be full. The message then waits for room, and is lost if its future is
    /// dropped before that.
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

/// Tracks the size and the pace of the messages that a call reads from a stream. While it exists, closures may send as many
/// messages in a row as this allows.
pub(crate) struct Reading {
    /// The number of consecutive times that messages were small and quick.
    calm: u32,
}

impl Reading {
    /// Starts with one message at a time.
    pub(crate) fn new() -> Reading {
        ALLOWED.set(1);
        Reading { calm: 0 }
    }

    /// Adjusts the number of messages in a row before more are requested. `is_small` tells whether all messages so far were
    /// small.
    pub(crate) fn go_on(&mut self, is_small: bool) {
        self.calm += 1;
        ALLOWED.set(if is_small && self.calm > 2 {
            IN_A_ROW
        } else {
            1
        });
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        ALLOWED.set(1);
    }
}

/// The closure's end of the queue.
struct Outlet<T> {
    queue: Producer<T>,
    stage: Stage,
    /// The number of messages that may be sent before the reader has its turn.
    left: u8,
    /// A message that found no room.
    waiting: Option<T>,
}

/// The progress of the last message.
#[derive(Clone, Copy)]
enum Stage {
    /// The message is in the queue, and the closure continues.
    Ahead,
    /// The message is in the queue, and the reader must have its turn.
    Offered,
    /// The reader has its turn. The closure continues when it is polled again.
    Passed,
    /// The message found no room.
    Waiting,
}

impl<T> Outlet<T> {
    #[inline]
    fn push(&mut self, message: T) {
        self.stage = match self.queue.push(message) {
            Ok(()) if self.left > 1 => {
                self.left -= 1;
                Stage::Ahead
            }
            Ok(()) => Stage::Offered,
            Err(PushError::Full(message)) => {
                self.waiting = Some(message);
                Stage::Waiting
            }
        };
    }

    /// Tries again to queue the message that found no room.
    #[cold]
    fn push_waiting(&mut self) {
        if let Some(message) = self.waiting.take() {
            self.push(message);
        }
        if !matches!(self.stage, Stage::Waiting) {
            self.stage = Stage::Passed;
        }
    }
}

/// Waits until the reader asks for the next message. The [`Outlet`] holds a message that found no room, so that this future has
/// nothing to drop. Otherwise, drop code would be compiled for each place that sends a message.
struct Sent<'a, T>(&'a mut Outlet<T>);

impl<T> Future for Sent<'_, T> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let outlet = &mut *self.0;
        match outlet.stage {
            Stage::Ahead => return Poll::Ready(()),
            Stage::Passed => {
                outlet.left = ALLOWED.get();
                return Poll::Ready(());
            }
            Stage::Offered => outlet.stage = Stage::Passed,
            Stage::Waiting => outlet.push_waiting(),
        }
        if POLLED_WITH.get() != address(context) {
            wake_elsewhere(context);
        }
        Poll::Pending
    }
}

/// Returns a value that differs between wakers that exist at the same time.
fn address(context: &Context<'_>) -> usize {
    std::ptr::from_ref(context.waker()).addr()
}

/// Wakes the task if needed. No waker is needed usually, because the reader polls the closure when it asks for the next message.
/// But parts of the closure with wakers of their own, as in `FuturesUnordered`, are only polled again once they are woken.
#[cold]
fn wake_elsewhere(context: &Context<'_>) {
    // Outside of a closure no reader would take the message, and the future would be polled without end.
    if POLLED_WITH.get() != 0 {
        context.waker().wake_by_ref();
    }
}

/// Creates the two ends of a queue.
#[inline(never)]
fn queue<T>() -> (Sender<T>, Messages<T>) {
    let (queue, items) = RingBuffer::new(ROOM);
    let sender = Sender(Mutex::new(Outlet {
        queue,
        stage: Stage::Passed,
        left: 1,
        waiting: None,
    }));
    (
        sender,
        Messages {
            items,
            end: End::Open,
        },
    )
}

pin_project! {
    /// A running closure, as a stream. It is compiled for each closure. The functions that it calls are compiled for each type of
    /// message.
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

/// The stream's end of the queue.
struct Messages<T> {
    items: Consumer<T>,
    end: End,
}

impl<T> Messages<T> {
    // Kept out of the code that is compiled for each closure.
    #[inline(never)]
    fn poll_next(
        &mut self,
        closure: Pin<&mut dyn Future<Output = Result<()>>>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T>>> {
        // The closure continues once all its messages were taken.
        let mut item = self.items.pop();
        if item.is_err() {
            self.end.run(closure, context);
            item = self.items.pop();
        }
        if let Ok(item) = item {
            return Poll::Ready(Some(Ok(item)));
        }
        match self.end.poll() {
            Poll::Ready(Some(status)) => Poll::Ready(Some(Err(status))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The state of the closure's end.
enum End {
    Open,
    /// The closure failed, and the stream has not returned the error yet.
    Failed(Status),
    Closed,
}

impl End {
    /// Polls the closure, unless it has ended. It may have sent messages afterwards.
    fn run(
        &mut self,
        closure: Pin<&mut dyn Future<Output = Result<()>>>,
        context: &mut Context<'_>,
    ) {
        if !matches!(self, End::Open) {
            return;
        }
        // The closure may poll the stream of another one.
        let outer = POLLED_WITH.replace(address(context));
        let polled = closure.poll(context);
        POLLED_WITH.set(outer);
        match polled {
            Poll::Ready(Ok(())) => *self = End::Closed,
            Poll::Ready(Err(status)) => *self = End::Failed(status),
            Poll::Pending => {}
        }
    }

    /// Returns the end of the stream, if the queue is empty and the closure has ended.
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
mod tests;
