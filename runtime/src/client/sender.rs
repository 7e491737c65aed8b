//! Requests that are sent step by step.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use self::sealed::Started;
use super::feed::last_packed;
use super::streaming::StreamingCall;
use super::unary::UnaryCall;
use crate::call::remember;
use crate::{Result, Status};

/// How many messages may wait between a sender and its call, if they are small.
const AHEAD: usize = 8;

/// How many bytes they may have together, if they are as large as those before them.
const AHEAD_BYTES: usize = 16 * 1024;

/// Starts a call whose requests are sent step by step: what gRPC Python's `call.write()` and `call.done_writing()` do.
///
/// The closure makes the call, with its options, of the requests that it is given: the stub's method takes them as it takes any
/// stream. What comes back is the call, started, and the [`RequestSender`] for its requests, which may go different ways: one
/// task sends, another reads. (A call starts by itself with its first poll only. Who sends first and awaits later would wait
/// for a call that nobody has started, which is why this function starts it.)
///
/// ```
/// # async fn example(channel: stubwright::Channel) -> stubwright::Result<()> {
/// use stubwright::{Prost, sending};
///
/// let (mut requests, mut responses) =
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
/// The closure gives the call back as it made it: options are set there, for those that are set later come too late. The
/// requests are a [`Stream`] and may be changed on their way. A call that cannot be started says so when it is awaited.
///
/// A generator, [`stream()`](crate::stream()), is the other way to write requests one after the other.
pub fn sending<Req, C>(make: impl FnOnce(SentRequests<Req>) -> C) -> (RequestSender<Req>, C)
where
    C: Start<Request = Req>,
{
    let (entrance, requests) = queue();
    let mut call = make(requests);
    let sender = RequestSender {
        entrance,
        call: call.start(),
    };
    (sender, call)
}

/// What is sent at one end comes out at the other.
pub(crate) fn queue<T>() -> (Entrance<T>, SentRequests<T>) {
    let queue = Arc::new(Queue(Mutex::new(State {
        messages: VecDeque::new(),
        ahead: 1,
        sender: None,
        reader: None,
        end: None,
        unwanted: false,
    })));
    let requests = SentRequests {
        queue: Arc::clone(&queue),
        taken: VecDeque::new(),
        largest: 0,
    };
    (Entrance(queue), requests)
}

/// The sender of the requests of a call, made by [`sending`].
///
/// The requests end when it is closed or dropped; one that a panic drops cancels the call instead. To cancel the call, drop
/// that.
pub struct RequestSender<T> {
    entrance: Entrance<T>,
    call: Result<Started>,
}

impl<T> RequestSender<T> {
    /// Sends a request. Waits while the call is behind. Between a sender and what the server's flow control leaves to the call
    /// there are at most sixteen messages as long as those before them were small: no more than 2 KiB each. Behind a message of
    /// 16 KiB or more one may wait.
    ///
    /// What is dropped while it waits has sent nothing. What has been sent is on its way, and no more is said of it: the server
    /// may still end the call without having looked at it.
    ///
    /// # Errors
    /// The call is over: its status, if it has failed, DEADLINE_EXCEEDED and CANCELLED among others; FAILED_PRECONDITION if the
    /// server has ended it with OK. What the server has answered, the call itself still gives.
    pub async fn send(&mut self, request: T) -> Result<()> {
        // The stream hears of the end in its own time.
        if self.call.as_ref().is_ok_and(|call| call.over().is_some()) {
            return Err(self.why());
        }
        let mut request = Some(request);
        poll_fn(|context| {
            let sent = self.entrance.poll_send(&mut request, context);
            sent.map(|sent| sent.map_err(|Unwanted| self.why()))
        })
        .await
    }

    /// Says that nothing follows, as dropping does. gRPC Python's `done_writing`.
    pub fn close(self) {}

    /// Why the call takes no more requests.
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

impl<T> fmt::Debug for RequestSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSender").finish_non_exhaustive()
    }
}

/// What a [`RequestSender`] sends, as a stream that a stub's method takes.
pub struct SentRequests<T> {
    queue: Arc<Queue<T>>,
    /// Messages that have been taken from the queue, all at a time.
    taken: VecDeque<T>,
    /// How many bytes the largest of those had that were taken and packed last; zero when that is not known.
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

/// What [`sending`] starts: the calls of stubs.
pub trait Start: sealed::Start {
    /// What the call sends.
    type Request;
}

impl<Req: Send + 'static, Res> Start for UnaryCall<Req, Res> {
    type Request = Req;
}

impl<Req: Send + 'static, Res> Start for StreamingCall<Req, Res> {
    type Request = Req;
}

pub(crate) mod sealed {
    use std::sync::Arc;

    use crate::Result;
    #[cfg(feature = "blocking")]
    use crate::Status;
    use crate::call::Exchange;
    use crate::client::passage::Passage;

    /// A call that can be started before it is polled.
    pub trait Start {
        fn start(&mut self) -> Result<Started>;
    }

    /// A call that has been started.
    #[derive(Clone)]
    pub struct Started(Kind);

    #[derive(Clone)]
    enum Kind {
        Plain(Arc<Exchange>),
        Intercepted(Arc<Passage>),
    }

    impl Started {
        pub(crate) fn plain(exchange: &Arc<Exchange>) -> Started {
            Started(Kind::Plain(Arc::clone(exchange)))
        }

        pub(crate) fn intercepted(passage: &Arc<Passage>) -> Started {
            Started(Kind::Intercepted(Arc::clone(passage)))
        }

        /// Ends the call for its caller, who may be waiting for it elsewhere.
        #[cfg(feature = "blocking")]
        pub(crate) fn cancel(&self, status: Status) {
            match &self.0 {
                Kind::Plain(exchange) => exchange.abandon(status),
                Kind::Intercepted(passage) => passage.cancel(status),
            }
        }

        /// How the call has ended, or why it takes no more requests; `None` while it does.
        pub(crate) fn over(&self) -> Option<Result<()>> {
            match &self.0 {
                Kind::Plain(exchange) => match exchange.outcome() {
                    Some(outcome) => Some(outcome.result),
                    None => exchange.over().map(Err),
                },
                Kind::Intercepted(passage) => passage.over(),
            }
        }
    }
}

/// Where requests are sent. They end when it is dropped; by a panic, with an error.
pub(crate) struct Entrance<T>(Arc<Queue<T>>);

impl<T> Entrance<T> {
    /// Sends a message once there is room, and takes it for that.
    pub(crate) fn poll_send(
        &self,
        message: &mut Option<T>,
        context: &Context<'_>,
    ) -> Poll<std::result::Result<(), Unwanted>> {
        self.0.poll_send(message, context)
    }
}

impl<T> Drop for Entrance<T> {
    fn drop(&mut self) {
        self.0.end(if std::thread::panicking() {
            End::Panicked
        } else {
            End::Closed
        });
    }
}

/// What lies between a sender and its call.
struct Queue<T>(Mutex<State<T>>);

struct State<T> {
    messages: VecDeque<T>,
    /// How many messages may wait.
    ahead: usize,
    sender: Option<Waker>,
    reader: Option<Waker>,
    /// Nothing follows behind the messages.
    end: Option<End>,
    /// The call takes no more.
    unwanted: bool,
}

#[derive(Clone, Copy)]
enum End {
    Closed,
    Panicked,
}

/// The call takes no more.
pub(crate) struct Unwanted;

impl<T> Queue<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message into the queue once there is room.
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
            remember(&mut state.sender, context);
            return Poll::Pending;
        }
        state.messages.extend(message.take());
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Poll::Ready(Ok(()))
    }

    fn end(&self, end: End) {
        let mut state = self.state();
        state.end = Some(end);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// Takes all messages, or says that none follow. With neither the reader is woken later. Messages are values here: how many
    /// may wait is learnt from the largest of those before, in bytes.
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
        let sender = state.sender.take();
        drop(state);
        wake(sender);
        None
    }

    fn refuse(&self) {
        let mut state = self.state();
        state.unwanted = true;
        let messages = std::mem::take(&mut state.messages);
        let sender = state.sender.take();
        drop(state);
        drop(messages);
        wake(sender);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
