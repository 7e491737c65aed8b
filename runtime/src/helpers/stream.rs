//! The `stream` helper: from an async closure that sends to a stream.

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
    /// The address of the waker that the closure is polled with which runs on this thread; zero when none runs.
    static POLLED_WITH: Cell<usize> = const { Cell::new(0) };
    /// How many messages a closure may send in a row, before the first of them is taken.
    static ALLOWED: Cell<u8> = const { Cell::new(1) };
}

/// How many messages a closure may send in a row where they are small and come fast. What comes after them need not be small: so many
/// of any size may wait.
const IN_A_ROW: u8 = 4;

/// How many messages fit between a closure and the reader: those in a row, and some that are sent without waiting. (With more room
/// the sender looks less often at how far the reader is.)
const ROOM: usize = 8;

/// Turns an async closure that sends into a stream: what Python's `yield` does.
///
/// The closure gets a [`Sender`]; each message that it sends is an item, and the status that it returns the end: `Ok(())` a
/// clean one, an error the last item. It may borrow what lives as long as the call: `self`, the context, the request. It
/// runs when the stream is polled, until it has sent a message, and goes on when the next one is asked for. As long as all messages
/// of a call are small, no more than 2 KiB, and come fast, it is asked for four at a time: so at most three messages are ever made
/// ahead of the reader, and none behind a large one. The closure is dropped where it is when the stream is. Who polls the stream by
/// hand pins it first, by `std::pin::pin!` or `Box::pin`.
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
/// # When messages go out
///
/// Small messages that are there at once go out together, up to 16 KiB of them. They go out as soon as the closure awaits
/// something that is not ready. A closure that computes instead of awaiting is looked at from time to time: after its first
/// message, after twice as many, and so on, and at least every 2 KiB. When a millisecond has passed, all that it has sent goes
/// out before it is asked for the next message. So a closure whose messages each take long sends each of them on time. One that
/// was fast and becomes slow in the midst of a run may be late once: by as many messages as it had sent since it last awaited or
/// was last held up, and by at most 2 KiB of them. To avoid it, await `tokio::task::yield_now()` before what is slow, or move
/// what computes for long to [`offload`](crate::offload()).
///
/// The same holds for any other stream of responses, and for the requests of a call.
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
    /// Sends a message, and waits until the reader asks for the next one.
    ///
    /// The message is sent when this is called: dropping the future takes nothing back. Only a message that is sent without
    /// waiting for the one before it may have to wait; if its future is dropped meanwhile, it is not sent.
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

/// A stream that is being read by a call, which knows how large and how fast its messages are. As long as this is there, closures
/// send as many messages in a row as that allows.
pub(crate) struct Reading {
    /// How often messages have been small and fast, one time after the other.
    calm: u32,
}

impl Reading {
    /// Nothing is known yet: messages are asked for one by one.
    pub(crate) fn new() -> Reading {
        ALLOWED.set(1);
        Reading { calm: 0 }
    }

    /// Takes note of some messages before more are asked for: whether they, and all before them, were small.
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
    /// How many messages may be sent before the reader has its turn.
    left: u8,
    /// The message, as long as it has found no room.
    waiting: Option<T>,
}

/// How far the last message has come.
#[derive(Clone, Copy)]
enum Stage {
    /// It lies ready, and the closure goes on.
    Ahead,
    /// It lies ready, and the reader is to have its turn.
    Offered,
    /// The reader has its turn: the closure goes on when it is polled again.
    Passed,
    /// It has found no room.
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

    /// Offers the message that has found no room.
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

/// Waits until the reader asks for the next message. The message is with its sender: whoever awaits this has nothing to drop,
/// which would be compiled for each place where a message is sent.
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

/// What tells one waker from another while both are there.
fn address(context: &Context<'_>) -> usize {
    std::ptr::from_ref(context.waker()).addr()
}

/// The reader polls the closure when it asks for the next message: no waker is needed. What the closure polls with wakers of
/// its own, as `FuturesUnordered` does, is polled again only when it is woken.
#[cold]
fn wake_elsewhere(context: &Context<'_>) {
    // Outside of a closure nobody would take the message meanwhile, and it would be polled without end.
    if POLLED_WITH.get() != 0 {
        context.waker().wake_by_ref();
    }
}

/// What is sent at one end comes out at the other.
// Not into each closure's function.
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
        closure: Pin<&mut dyn Future<Output = Result<()>>>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T>>> {
        // The closure goes on when all is taken that it has sent.
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

/// How the closure has ended, once it has.
enum End {
    Open,
    /// With an error that is still to be given.
    Failed(Status),
    Closed,
}

impl End {
    /// Polls the closure, if it has not ended; it may have sent a message then.
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
mod tests;
