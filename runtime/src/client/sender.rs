//! Requests that are sent one by one.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::feed::last_packed;
use super::started::Started;
use crate::call::remember;
use crate::{Result, Status};

/// The number of small messages that may wait between a sender and its call.
const AHEAD: usize = 8;

/// The number of bytes that these messages may have together, estimated from the size of earlier messages.
const AHEAD_BYTES: usize = 16 * 1024;

/// Starts a call whose requests are sent one by one, like gRPC Python's `call.write()` and `call.done_writing()`.
///
/// The closure makes the call, with its options, of the requests that it is given: the stub's method takes them as it takes any
/// stream. What comes back is the call, started, and the [`RequestSender`] for its requests, which may go different ways: one
/// task sends, another reads. (A call by itself starts with its first poll. A program that sends first and awaits later would
/// wait forever, which is why this function starts the call.)
///
/// ```
/// # async fn example(channel: stubwright::Channel) -> stubwright::Result<()> {
/// use stubwright::{Prost, sending};
///
/// let (requests, mut responses) =
///     sending(|requests| channel.stream_stream::<String, String, _, _>("/chat.Chat/Talk", Prost, requests));
/// requests.send(String::from("hello")).await?;
/// while let Some(response) = responses.message().await? {
///     if response == "bye" {
///         break;
///     }
///     requests.send(format!("{response}?")).await?;
/// }
/// requests.close();
/// # Ok(())
/// # }
/// ```
///
/// The closure must set the options of the call: options that are set later have no effect. The
/// requests are a [`Stream`] and may be changed on their way. A call that cannot be started says so when it is awaited.
///
/// To create requests in an async closure instead, use [`stream()`](crate::stream()).
pub fn sending<Req, C: Start>(
    make: impl FnOnce(SentRequests<Req>) -> C,
) -> (RequestSender<Req>, C) {
    let (queue, requests) = queue();
    let mut call = make(requests);
    let sender = RequestSender {
        queue,
        call: call.start(),
    };
    (sender, call)
}

/// Creates a queue, and returns its two ends.
pub(crate) fn queue<T>() -> (QueueSender<T>, SentRequests<T>) {
    let queue = Arc::new(Queue(Mutex::new(State {
        messages: VecDeque::new(),
        ahead: 1,
        senders: 1,
        sender: None,
        other_senders: Vec::new(),
        reader: None,
        end: None,
        unwanted: false,
    })));
    let requests = SentRequests {
        queue: Arc::clone(&queue),
        taken: VecDeque::new(),
        largest: 0,
    };
    (QueueSender(queue), requests)
}

/// Sends the requests of a call. [`sending`] creates it. Clones send requests of the same call.
///
/// The requests end when the last clone is closed or dropped. If a clone is dropped by a panic, the call is cancelled instead. To
/// cancel the call, drop it or use its [`CancelHandle`](crate::CancelHandle).
pub struct RequestSender<T> {
    queue: QueueSender<T>,
    call: Result<Started>,
}

impl<T> RequestSender<T> {
    /// Sends a request, and waits while too many earlier requests have not been sent. After requests of up to 2 KiB each, at most
    /// sixteen requests may wait for the server's flow control. After a request of 16 KiB or more, at most one may wait.
    ///
    /// If the future is dropped while it waits, the request is not sent. A completed future does not mean that the server has
    /// received the request: the call may end before.
    ///
    /// # Errors
    /// Returns the status of the call if it has failed, for example DEADLINE_EXCEEDED or CANCELLED. Returns FAILED_PRECONDITION
    /// if the server has ended the call with OK. Responses that have arrived can still be read from the call.
    pub async fn send(&self, request: T) -> Result<()> {
        // The queue may learn of the end later.
        if self.call.as_ref().is_ok_and(|call| call.over().is_some()) {
            return Err(self.why());
        }
        let mut request = Some(request);
        poll_fn(|context| {
            let sent = self.queue.poll_send(&mut request, context);
            sent.map(|sent| sent.map_err(|Unwanted| self.why()))
        })
        .await
    }

    /// Closes this sender. The requests end when all clones are closed. gRPC Python's `done_writing`.
    pub fn close(self) {}

    /// Returns why the call takes no more requests.
    fn why(&self) -> Status {
        let over = match &self.call {
            Ok(call) => call.over(),
            Err(status) => Some(Err(status.clone())),
        };
        match over {
            Some(Err(status)) => status,
            Some(Ok(())) => Status::failed_precondition(
                "the server has ended the call and takes no more requests",
            ),
            None => {
                Status::failed_precondition("the requests of this sender were given to no call")
            }
        }
    }
}

impl<T> Clone for RequestSender<T> {
    fn clone(&self) -> RequestSender<T> {
        RequestSender {
            queue: self.queue.clone(),
            call: self.call.clone(),
        }
    }
}

impl<T> fmt::Debug for RequestSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSender").finish_non_exhaustive()
    }
}

/// The stream of requests that a [`RequestSender`] sends. Pass it to a stub's method.
pub struct SentRequests<T> {
    queue: Arc<Queue<T>>,
    /// Messages taken from the queue. All of them are taken at a time.
    taken: VecDeque<T>,
    /// The length in bytes of the largest message since the queue was emptied, or zero if it is not known.
    largest: usize,
}

impl<T> Unpin for SentRequests<T> {}

impl<T> Stream for SentRequests<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let this = &mut *self;
        this.largest = this.largest.max(last_packed());
        if this.taken.is_empty() {
            let largest = std::mem::take(&mut this.largest);
            if let Some(end) = this.queue.take(&mut this.taken, largest, context) {
                return Poll::Ready(match end {
                    End::Closed => None,
                    End::Panicked => Some(Err(Status::cancelled(
                        "what sent the requests of the call has panicked",
                    ))),
                });
            }
        }
        match this.taken.pop_front() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for SentRequests<T> {
    fn drop(&mut self) {
        self.queue.refuse();
    }
}

impl<T> fmt::Debug for SentRequests<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentRequests").finish_non_exhaustive()
    }
}

/// A call that [`sending`] can start. The calls of stubs implement it.
pub trait Start: sealed::StartCall {}

pub(crate) mod sealed {
    use crate::Result;
    use crate::client::started::Started;

    /// A call that can be started before it is polled.
    pub trait StartCall {
        fn start(&mut self) -> Result<Started>;
    }
}

/// The sending end of a queue. The messages end when the last clone is dropped. If a clone is dropped by a panic, they end with
/// an error.
pub(crate) struct QueueSender<T>(Arc<Queue<T>>);

impl<T> QueueSender<T> {
    /// Waits for room, and sends the message. Takes it out of the option then.
    pub(crate) fn poll_send(
        &self,
        message: &mut Option<T>,
        context: &Context<'_>,
    ) -> Poll<std::result::Result<(), Unwanted>> {
        self.0.poll_send(message, context)
    }
}

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> QueueSender<T> {
        self.0.state().senders += 1;
        QueueSender(Arc::clone(&self.0))
    }
}

impl<T> Drop for QueueSender<T> {
    fn drop(&mut self) {
        self.0.drop_sender(std::thread::panicking());
    }
}

/// The queue between the senders of requests and their call.
struct Queue<T>(Mutex<State<T>>);

struct State<T> {
    messages: VecDeque<T>,
    /// The number of messages that may wait.
    ahead: usize,
    /// The number of senders.
    senders: usize,
    /// Wakes a sender that waits for room.
    sender: Option<Waker>,
    /// Wakers of further senders that wait for room.
    other_senders: Vec<Waker>,
    reader: Option<Waker>,
    /// Set once no message follows.
    end: Option<End>,
    /// Set once the call takes no more requests.
    unwanted: bool,
}

impl<T> State<T> {
    /// Remembers the waker of a sender, to wake it when there is room.
    fn remember_sender(&mut self, context: &Context<'_>) {
        let waker = context.waker();
        match &self.sender {
            Some(other) if !other.will_wake(waker) => {
                if !self
                    .other_senders
                    .iter()
                    .any(|other| other.will_wake(waker))
                {
                    self.other_senders.push(waker.clone());
                }
            }
            _ => remember(&mut self.sender, context),
        }
    }

    fn take_senders(&mut self) -> WaitingSenders {
        WaitingSenders(self.sender.take(), std::mem::take(&mut self.other_senders))
    }
}

/// Senders that waited for room.
struct WaitingSenders(Option<Waker>, Vec<Waker>);

impl WaitingSenders {
    fn wake(self) {
        wake(self.0);
        self.1.into_iter().for_each(Waker::wake);
    }
}

#[derive(Clone, Copy)]
enum End {
    Closed,
    Panicked,
}

/// The error of a message that is sent after the call takes no more requests.
pub(crate) struct Unwanted;

impl<T> Queue<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room, and puts the message into the queue.
    fn poll_send(
        &self,
        message: &mut Option<T>,
        context: &Context<'_>,
    ) -> Poll<std::result::Result<(), Unwanted>> {
        let mut state = self.state();
        if state.unwanted {
            return Poll::Ready(Err(Unwanted));
        }
        if state.messages.len() >= state.ahead {
            state.remember_sender(context);
            return Poll::Pending;
        }
        state.messages.extend(message.take());
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Poll::Ready(Ok(()))
    }

    /// Ends the messages if this was the last sender, or if it has panicked.
    fn drop_sender(&self, panicked: bool) {
        let mut state = self.state();
        state.senders -= 1;
        if panicked {
            state.end = Some(End::Panicked);
        } else if state.senders == 0 {
            state.end.get_or_insert(End::Closed);
        } else {
            return;
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// Takes all messages, or returns their end. If there is neither, the reader is woken later. `largest`, the size of the
    /// largest earlier message in bytes, determines how many messages may wait.
    fn take(
        &self,
        messages: &mut VecDeque<T>,
        largest: usize,
        context: &Context<'_>,
    ) -> Option<End> {
        let mut state = self.state();
        if let Some(fit) = AHEAD_BYTES.checked_div(largest) {
            state.ahead = fit.clamp(1, AHEAD).min(2 * state.ahead);
        }
        if state.messages.is_empty() {
            if state.end.is_none() {
                remember(&mut state.reader, context);
            }
            return state.end;
        }
        std::mem::swap(messages, &mut state.messages);
        let senders = state.take_senders();
        drop(state);
        senders.wake();
        None
    }

    fn refuse(&self) {
        let mut state = self.state();
        state.unwanted = true;
        let messages = std::mem::take(&mut state.messages);
        let senders = state.take_senders();
        drop(state);
        drop(messages);
        senders.wake();
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
