//! The meeting point of a call: what its caller, its handler and their connections share.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::link::Link;
use super::pipe::{Pipe, remember};
use super::{CallDetails, Chunks, Outcome};
use crate::{Metadata, Result, Status};

/// A response of a unary call is waited for until it is whole; only one larger than this is taken piece by piece.
const WHOLE_RESPONSE: usize = 32 * 1024;

/// One call. Whoever holds it sees the same state, under a lock that is held for a few moves and never across a wake.
#[derive(Debug)]
pub(crate) struct Exchange {
    details: CallDetails,
    /// What the connection knows the call by; zero before it has one.
    stream: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection that carries this side of the call; none in-process.
    link: Option<Arc<Link>>,
    /// The call is on its connection's list already, or in the connection's hands.
    scheduled: bool,
    request: Pipe,
    response: Pipe,
    head: Head,
    /// Trailing metadata that the handler has set so far.
    trailing: Metadata,
    outcome: Option<Outcome>,
    /// Why the handler's side is over: it has ended, or the call was ended around it.
    over: Option<Status>,
    /// The call was taken back from a connection and sent again.
    tried_again: bool,
    /// The call was ended by this side's user, and the transport has to say so.
    abandoned: bool,
    /// The task that runs the handler.
    task: Option<Waker>,
    /// Futures that wait for the call to be over.
    watchers: Vec<Waker>,
}

/// The initial metadata of the response on its way.
#[derive(Debug)]
enum Head {
    /// Still to be sent; with what the handler has set so far.
    Unsent(Metadata),
    /// On its way to the reader.
    Sent(Metadata),
    /// Taken by the reader.
    Taken,
}

impl Default for Head {
    fn default() -> Head {
        Head::Unsent(Metadata::new())
    }
}

/// What a server's connection takes from a call to send it.
#[derive(Debug, Default)]
pub(crate) struct Departure {
    pub(crate) head: Option<Metadata>,
    pub(crate) data: Chunks,
    pub(crate) outcome: Option<Outcome>,
    /// There was more data than room.
    pub(crate) has_more: bool,
    /// Request bytes that the handler has used up.
    pub(crate) released: usize,
}

/// What a client's connection takes from a call to send it.
#[derive(Debug, Default)]
pub(crate) struct RequestPart {
    pub(crate) data: Chunks,
    pub(crate) end: bool,
    /// There was more data than room.
    pub(crate) has_more: bool,
    /// The caller has given the call up.
    pub(crate) abandoned: bool,
    /// Response bytes that the caller has used up.
    pub(crate) released: usize,
}

impl Exchange {
    /// A call of which nothing but the details is known.
    pub(crate) fn new(details: CallDetails) -> Exchange {
        Exchange {
            details,
            stream: AtomicU32::new(0),
            state: Mutex::default(),
        }
    }

    pub(crate) fn details(&self) -> &CallDetails {
        &self.details
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then, with the lock given back, wakes who waits for the change and tells the connection.
    fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut State, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let (result, link) = {
            let mut state = self.state();
            let result = change(&mut state, &mut wakes);
            let link = if wakes.connection && !state.scheduled && state.link.is_some() {
                state.scheduled = true;
                state.link.clone()
            } else {
                None
            };
            (result, link)
        };
        if let Some(link) = link {
            // A connection that is gone has ended its calls itself.
            drop(link.schedule(Arc::clone(self)));
        }
        wakes.wake();
        result
    }
}

/// The caller's and the handler's side: both ends of the two directions.
impl Exchange {
    /// Adds to the request.
    pub(crate) fn write_request(self: &Arc<Self>, chunk: Bytes, end: bool) {
        self.change(|state, wakes| {
            if state.over.is_none() && !state.request.ended {
                wakes.add(state.request.write(chunk, end));
                wakes.connection = true;
            }
        });
    }

    /// Waits for room in the request; ready as well when the call is over, for then nothing will be read.
    pub(crate) fn poll_request_room(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.state();
        if let Some(status) = &state.over {
            return Poll::Ready(Err(status.clone()));
        }
        if state.request.has_room() {
            return Poll::Ready(Ok(()));
        }
        state.request.wait_to_write(context);
        Poll::Pending
    }

    /// Takes what has come of the request, after counting `used` bytes of what was taken before as used up.
    /// `Ok(false)` says that the request has ended and nothing is left of it.
    pub(crate) fn poll_request(
        self: &Arc<Self>,
        context: &Context<'_>,
        used: usize,
        chunks: &mut Chunks,
    ) -> Poll<Result<bool>> {
        self.change(|state, wakes| {
            wakes.release(&mut state.request, used, state.link.as_deref());
            if let Some(status) = &state.over {
                return Poll::Ready(Err(status.clone()));
            }
            if !state.request.chunks.is_empty() {
                chunks.append(&mut state.request.chunks);
                return Poll::Ready(Ok(true));
            }
            if state.request.ended {
                return Poll::Ready(Ok(false));
            }
            state.request.wait_to_read(context, 1);
            Poll::Pending
        })
    }

    /// Initial metadata that goes out with the first message, or before it when the handler asks. An error once it is
    /// out.
    pub(crate) fn set_initial_metadata(self: &Arc<Self>, metadata: Metadata, send: bool) -> bool {
        self.change(|state, wakes| match &mut state.head {
            Head::Unsent(initial) => {
                initial.extend(metadata);
                if send {
                    let initial = std::mem::take(initial);
                    state.head = Head::Sent(initial);
                    wakes.add(state.response.take_reader());
                    wakes.connection = true;
                }
                true
            }
            Head::Sent(_) | Head::Taken => false,
        })
    }

    /// Metadata that goes out with the status, in the place of what was set before.
    pub(crate) fn set_trailing_metadata(&self, metadata: Metadata) {
        self.state().trailing = metadata;
    }

    /// Adds to the response.
    pub(crate) fn write_response(self: &Arc<Self>, chunk: Bytes) {
        self.change(|state, wakes| {
            if state.over.is_none() {
                state.send_head();
                wakes.add(state.response.write(chunk, false));
                wakes.connection = true;
            }
        });
    }

    /// Waits for room in the response.
    pub(crate) fn poll_response_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.response.has_room() || state.over.is_some() {
            return Poll::Ready(());
        }
        state.response.wait_to_write(context);
        Poll::Pending
    }

    /// The handler has ended, with a last piece of the response. What it set to be sent goes out; what it left behind
    /// elsewhere, a request stream that was moved to another task, sees CANCELLED from now on.
    pub(crate) fn finish(self: &Arc<Self>, last: Bytes, result: Result<()>) {
        self.change(|state, wakes| {
            if state.over.is_some() {
                return;
            }
            let mut trailing = std::mem::take(&mut state.trailing);
            let result = result.map_err(|status| {
                trailing.extend(status.metadata().clone());
                status.with_metadata(trailing.clone())
            });
            if result.is_ok() || !last.is_empty() {
                state.send_head();
            }
            if !last.is_empty() {
                wakes.add(state.response.write(last, false));
            }
            state.outcome = Some(Outcome { result, trailing });
            wakes.add(state.response.take_reader());
            wakes.connection = true;
            state.over(ended(), wakes);
        });
    }

    /// Waits for the initial metadata of the response. `Ok(None)` says that the call has ended without any, or that it
    /// was taken before.
    pub(crate) fn poll_head(&self, context: &Context<'_>) -> Poll<Option<Metadata>> {
        let mut state = self.state();
        match state.take_head() {
            Some(metadata) => Poll::Ready(Some(metadata)),
            None if state.outcome.is_some() || matches!(state.head, Head::Taken) => {
                Poll::Ready(None)
            }
            None => {
                state.response.wait_to_read(context, 1);
                Poll::Pending
            }
        }
    }

    /// Takes what has come of the response, after counting `used` bytes of what was taken before as used up.
    /// `None` says that the call has ended and nothing is left of the response. With `whole` the wait goes on until
    /// the response is there as a whole.
    pub(crate) fn poll_response(
        self: &Arc<Self>,
        context: &Context<'_>,
        used: usize,
        chunks: &mut Chunks,
        whole: bool,
    ) -> Poll<bool> {
        self.change(|state, wakes| {
            wakes.release(&mut state.response, used, state.link.as_deref());
            let waits_for = if whole { state.whole() } else { 1 };
            let ended = state.outcome.is_some();
            if state.response.chunks.len() >= waits_for
                || (ended && !state.response.chunks.is_empty())
            {
                chunks.append(&mut state.response.chunks);
                return Poll::Ready(true);
            }
            if ended {
                return Poll::Ready(false);
            }
            state.response.wait_to_read(context, waits_for);
            Poll::Pending
        })
    }

    /// How the call ended, once it has.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state().outcome.clone()
    }

    /// The initial metadata of the response, when it has come and nobody took it.
    pub(crate) fn head(&self) -> Option<Metadata> {
        self.state().take_head()
    }

    /// The caller does not want the call any more, or its time is over: it ends on this side at once, and the
    /// transport carries the news.
    pub(crate) fn abandon(self: &Arc<Self>, status: Status) {
        self.change(|state, wakes| {
            if state.outcome.is_some() {
                return;
            }
            state.abandoned = true;
            wakes.connection = true;
            state.end(Outcome::local(status), wakes);
        });
    }

    /// Waits until the handler's side is over.
    pub(crate) fn poll_over(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.over.is_some() {
            return Poll::Ready(());
        }
        remember(&mut state.task, context);
        Poll::Pending
    }

    /// Whether the handler's side is over, and why.
    pub(crate) fn over(&self) -> Option<Status> {
        self.state().over.clone()
    }

    /// Like [`Exchange::poll_over`], for any number of futures at a time.
    pub(crate) fn watch_over(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.over.is_some() {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !state.watchers.iter().any(|other| other.will_wake(waker)) {
            state.watchers.push(waker.clone());
        }
        Poll::Pending
    }
}

/// The side of a connection driver.
impl Exchange {
    /// Gives the call to a connection: from now on the connection hears of what the call's user does. The connection
    /// has the call in its hands and lets go of it with [`Exchange::take_response`] or [`Exchange::take_request`].
    pub(crate) fn attach(&self, stream: u32, link: Arc<Link>) {
        self.set_stream(stream);
        let mut state = self.state();
        state.link = Some(link);
        state.scheduled = true;
    }

    /// The stream that carries the call, zero before there is one.
    pub(crate) fn stream(&self) -> u32 {
        self.stream.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stream(&self, stream: u32) {
        self.stream.store(stream, Ordering::Relaxed);
    }

    /// Takes what the handler's side has for the peer: at most `room` bytes of data, and the outcome when no data is
    /// left before it.
    pub(crate) fn take_response(&self, room: usize) -> Departure {
        let (departure, writer) = {
            let mut state = self.state();
            state.scheduled = false;
            let head = state.take_head();
            let (data, writer) = state.response.hand_over(room);
            let has_more = !state.response.chunks.is_empty();
            let outcome = if has_more { None } else { state.outcome.take() };
            let released = state.request.take_released();
            let departure = Departure {
                head,
                data,
                outcome,
                has_more,
                released,
            };
            (departure, writer)
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        departure
    }

    /// Takes what the caller has for the peer: at most `room` bytes of data.
    pub(crate) fn take_request(&self, room: usize) -> RequestPart {
        let (part, writer) = {
            let mut state = self.state();
            state.scheduled = false;
            let (data, writer) = state.request.hand_over(room);
            let part = RequestPart {
                data,
                end: state.request.ended && state.request.chunks.is_empty(),
                has_more: !state.request.chunks.is_empty(),
                abandoned: state.abandoned,
                released: state.response.take_released(),
            };
            (part, writer)
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        part
    }

    /// Whether the call has been taken back from a connection before.
    #[cfg(feature = "client")]
    pub(crate) fn is_second_try(&self) -> bool {
        self.state().tried_again
    }

    /// Takes a call back from its connection, which has not brought it to the peer, with the whole of its request: it can go
    /// out on another one.
    #[cfg(feature = "client")]
    pub(crate) fn detach(&self, request: Bytes) {
        self.set_stream(0);
        let mut state = self.state();
        state.link = None;
        state.scheduled = false;
        state.request.chunks = Chunks::from(request);
        state.tried_again = true;
    }

    /// A piece of the request has come.
    pub(crate) fn deliver_request(self: &Arc<Self>, chunk: Bytes, end: bool) {
        self.change(|state, wakes| {
            if state.over.is_none() {
                wakes.add(state.request.write(chunk, end));
            } else {
                // Nobody will read it; its window goes back with the next departure.
                wakes.release(&mut state.request, chunk.len(), state.link.as_deref());
            }
        });
    }

    /// The head of the response has come.
    pub(crate) fn deliver_head(self: &Arc<Self>, metadata: Metadata) {
        self.change(|state, wakes| {
            if state.outcome.is_none() {
                state.head = Head::Sent(metadata);
                wakes.add(state.response.take_reader_of_little());
            }
        });
    }

    /// A piece of the response has come.
    pub(crate) fn deliver_response(self: &Arc<Self>, chunk: Bytes) {
        self.change(|state, wakes| {
            if state.outcome.is_none() {
                wakes.add(state.response.write(chunk, false));
            }
        });
    }

    /// The call is over, by the peer's word or because the connection says so. What has come of the response before it
    /// can still be read.
    pub(crate) fn conclude(self: &Arc<Self>, outcome: Outcome) {
        self.change(|state, wakes| state.end(outcome, wakes));
    }

    /// The call was ended around its handler: what the handler wrote and has not been sent is dropped.
    pub(crate) fn cancel(self: &Arc<Self>, status: Status) {
        self.change(|state, wakes| {
            if state.over.is_none() {
                wakes.extend(state.response.close());
                wakes.extend(state.request.close());
                state.over(status, wakes);
            }
        });
    }
}

impl State {
    /// How much of a response is worth waiting for: never more than the peer may send before we use some of it up.
    fn whole(&self) -> usize {
        self.link
            .as_ref()
            .map_or(WHOLE_RESPONSE, |link| link.release_at().min(WHOLE_RESPONSE))
    }

    fn send_head(&mut self) {
        if let Head::Unsent(metadata) = &mut self.head {
            self.head = Head::Sent(std::mem::take(metadata));
        }
    }

    fn take_head(&mut self) -> Option<Metadata> {
        if !matches!(self.head, Head::Sent(_)) {
            return None;
        }
        match std::mem::replace(&mut self.head, Head::Taken) {
            Head::Sent(metadata) => Some(metadata),
            Head::Unsent(_) | Head::Taken => None,
        }
    }

    /// Ends the call with an outcome, unless it has one.
    fn end(&mut self, outcome: Outcome, wakes: &mut Wakes) {
        if self.outcome.is_some() {
            return;
        }
        let over = match &outcome.result {
            Ok(()) => ended(),
            Err(status) => status.clone(),
        };
        self.outcome = Some(outcome);
        wakes.add(self.response.take_reader());
        wakes.extend(self.request.close());
        self.over(over, wakes);
    }

    /// Says to the handler's side, or to what feeds the request, that it is over.
    fn over(&mut self, status: Status, wakes: &mut Wakes) {
        if self.over.is_none() {
            self.over = Some(status);
        }
        wakes.add(self.task.take());
        wakes.extend(self.request.close());
        wakes.extend(self.watchers.drain(..).map(Some));
    }
}

/// What is left to a request stream after its call.
fn ended() -> Status {
    Status::cancelled("the call has ended")
}

/// Who is to be woken after a change.
#[derive(Default)]
struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// The connection, if there is one, is to look at the call.
    connection: bool,
}

impl Wakes {
    fn add(&mut self, waker: Option<Waker>) {
        if self.first.is_none() {
            self.first = waker;
        } else {
            self.more.extend(waker);
        }
    }

    fn extend(&mut self, wakers: impl IntoIterator<Item = Option<Waker>>) {
        for waker in wakers {
            self.add(waker);
        }
    }

    /// Counts bytes of a pipe as used up, and tells the connection when it is worth its while.
    fn release(&mut self, pipe: &mut Pipe, bytes: usize, link: Option<&Link>) {
        if bytes > 0 {
            self.add(pipe.release(bytes));
            self.connection |= link.is_some_and(|link| pipe.released() >= link.release_at());
        }
    }

    fn wake(self) {
        for waker in self.first.into_iter().chain(self.more) {
            waker.wake();
        }
    }
}
