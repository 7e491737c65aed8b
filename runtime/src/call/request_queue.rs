//! The queue between the senders of requests and their call.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::{remember, wake};
use crate::{Result, Status};

/// The number of small messages that may wait between a sender and its call.
const AHEAD: usize = 8;

/// The number of bytes that these messages may have together, estimated from the size of earlier messages.
const AHEAD_BYTES: usize = 16 * 1024;

thread_local! {
    /// The length in bytes of the last request that was packed on this thread. The stream that produces the next one reads it.
    static LAST_PACKED: Cell<usize> = const { Cell::new(0) };
}

/// Sets the encoded length in bytes of the previous request of a stream, or zero before the first one. A stream does not encode
/// its messages, so it learns their size here.
pub(crate) fn set_last_packed(length: usize) {
    LAST_PACKED.set(length);
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

/// The stream of requests that a [`RequestSender`](crate::RequestSender) sends. Pass it to a stub's method.
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
        this.largest = this.largest.max(LAST_PACKED.take());
        if this.taken.is_empty() {
            let largest = std::mem::take(&mut this.largest);
            if let Some(end) = this.queue.take(&mut this.taken, largest, context) {
                return Poll::Ready(match end {
                    End::Closed => None,
                    End::Panicked => Some(Err(Status::cancelled(
                        "the sender of the call's requests has panicked",
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
