//! The caller's side of a call with interceptors.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::state::{Event, InterceptedState};
use crate::base::Outcome;
use crate::base::erasure::AnySlot;
use crate::call::Peer;
use crate::call::inbox::{self, Inbox};
use crate::client::call_head::CallHead;
use crate::client::client_call::ClientCall;
use crate::client::interceptor::ClientInterceptors;
use crate::client::started::Started;
use crate::{Encoded, Metadata, Result, Status};

/// The caller's handle of a call with interceptors. The caller polls the futures of the interceptors here, and reads the
/// responses of their attempts. Dropping it drops the futures, and cancels the current attempt.
pub(crate) struct Intercepted {
    state: Arc<InterceptedState>,
    interceptors: Interceptors,
    /// The current attempt.
    attempt: Option<Reader>,
    /// The event that arrived while the caller waited for the head.
    unread: Option<Next>,
    timer: Timer,
    outcome: Option<Outcome>,
}

/// The interceptors of a call: the future of the outermost one.
enum Interceptors {
    /// The caller polls them. The mutex is never locked: it only makes the call `Sync`.
    Inline(Mutex<Running>),
    /// The futures run in a task, because the caller may not be reading.
    Spawned { _task: Task },
    /// The interceptors have ended.
    Ended(Option<Result<()>>),
}

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// The next event for the caller.
pub(crate) enum Next {
    /// An attempt has begun. Responses of earlier attempts are void.
    Attempt,
    /// A response, which must be passed to the interceptors around `level`.
    Response {
        level: usize,
        bytes: Bytes,
    },
    End(Result<()>),
}

/// Reads the response of an attempt.
struct Reader {
    inbox: Inbox,
    has_head: bool,
    has_response: bool,
}

/// The level of the server's responses, which all interceptors surround.
const SERVER: usize = usize::MAX;

impl Intercepted {
    pub(crate) fn new(
        state: Arc<InterceptedState>,
        interceptors: ClientInterceptors,
        head: CallHead,
    ) -> Intercepted {
        state.set_deadline(head.deadline);
        let outermost = ClientCall::enter(Arc::clone(&state), interceptors, head);
        Intercepted {
            state,
            interceptors: Interceptors::Inline(Mutex::new(Box::pin(outermost))),
            attempt: None,
            unread: None,
            timer: Timer::default(),
            outcome: None,
        }
    }

    /// Waits for the next event. A response must be read by [`Intercepted::read`] before the next call.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        if let Some(next) = self.unread.take() {
            return Poll::Ready(next);
        }
        loop {
            if let Some(outcome) = &self.outcome {
                return Poll::Ready(Next::End(outcome.result.clone()));
            }
            if let Some(status) = self.state.cancelled() {
                let status = status.clone();
                self.give_up(status);
                continue;
            }
            // The interceptors wait for the end of the attempt, so they need not be polled while messages arrive.
            if let Poll::Ready(Some(bytes)) = self.poll_attempt(context) {
                let level = SERVER;
                return Poll::Ready(Next::Response { level, bytes });
            }
            self.run(context);
            if let Some(reader) = &self.attempt {
                if !self.state.is_under_way(&reader.inbox.ongoing().exchange) {
                    self.attempt = None;
                }
            }
            match self.state.next_event(context) {
                Some(Event::Attempt(ongoing)) => {
                    self.attempt = Some(Reader {
                        inbox: Inbox::new(ongoing, self.state.one_response),
                        has_head: false,
                        has_response: false,
                    });
                    return Poll::Ready(Next::Attempt);
                }
                Some(Event::Answer(level, bytes)) => {
                    return Poll::Ready(Next::Response { level, bytes });
                }
                None => {}
            }
            if let Some(result) = self.interceptors.result(&self.state) {
                self.end(result);
            } else {
                ready!(self.timer.poll(&self.state, context));
                self.give_up(too_late());
            }
        }
    }

    /// Decodes a response into the slot, and passes it to the interceptors around `level`. If this fails, the attempt or the call
    /// ends, and the slot is empty afterwards.
    pub(crate) fn read(&mut self, slot: &mut dyn AnySlot, level: usize, bytes: Bytes) {
        let state = &self.state;
        // The slot may hold the response of an interceptor.
        slot.clear();
        // The program's own responses have no limit.
        let attempt = self.attempt.as_ref();
        let memory = attempt.map_or(usize::MAX, |reader| reader.inbox.max_memory());
        let read = slot
            .read(Encoded::from(&bytes).memory(memory))
            .and_then(|()| slot.show(&mut |message| state.show_response(level, message)));
        if let Err(status) = read {
            slot.clear();
            self.fail(level, status);
        }
    }

    /// Records that the caller has received some of the response.
    pub(crate) fn commit(&self) {
        self.state.commit();
    }

    /// Waits for the initial metadata of the response. Returns `None` if the call has ended without any, or if it was already
    /// taken.
    pub(crate) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Option<Metadata>> {
        loop {
            if let Some(head) = self.take_head() {
                self.commit();
                return Poll::Ready(Some(head));
            }
            let next = self.poll_next(context);
            if self.state.has_head() {
                if let Poll::Ready(next) = next {
                    self.unread = Some(next);
                }
                continue;
            }
            match ready!(next) {
                Next::Attempt => {}
                other => {
                    self.unread = Some(other);
                    return Poll::Ready(None);
                }
            }
        }
    }

    pub(crate) fn take_head(&self) -> Option<Metadata> {
        self.state.take_head()
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Returns the number of attempts that a retry or hedging policy made before the last one.
    pub(crate) fn previous_attempts(&self) -> u32 {
        self.state.previous_attempts()
    }

    /// Returns the peer of the last attempt.
    pub(crate) fn peer(&self) -> Peer {
        self.state.peer()
    }

    /// Ends the call, and drops the futures of the interceptors.
    pub(crate) fn give_up(&mut self, status: Status) {
        if self.outcome.is_none() {
            self.unread = None;
            self.end(Err(status));
        }
    }

    /// Runs the interceptors in a task, because the caller may not be reading.
    pub(crate) fn detach(&mut self) -> Started {
        if let Ok(runtime) = Handle::try_current() {
            let before = std::mem::replace(&mut self.interceptors, Interceptors::Ended(None));
            self.interceptors = match before {
                Interceptors::Inline(running) => {
                    let running = running.into_inner().unwrap_or_else(PoisonError::into_inner);
                    self.state.detach();
                    let task = runtime.spawn(Detached::new(&self.state, running));
                    Interceptors::Spawned {
                        _task: Task(task.abort_handle()),
                    }
                }
                other => other,
            };
        }
        self.started()
    }

    /// Returns the call, for uses other than reading.
    pub(crate) fn started(&self) -> Started {
        Started::intercepted(&self.state)
    }

    /// Polls the interceptors, unless they have ended or run in a task.
    fn run(&mut self, context: &mut Context<'_>) {
        if let Interceptors::Inline(running) = &mut self.interceptors {
            let running = running.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let Poll::Ready(result) = running.as_mut().poll(context) {
                self.interceptors = Interceptors::Ended(Some(result));
            }
        }
    }

    /// Waits for the next response of the current attempt. Returns `None` if there is no attempt, or if it has just ended.
    fn poll_attempt(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(reader) = &mut self.attempt else {
            return Poll::Ready(None);
        };
        if !reader.has_head {
            let exchange = &reader.inbox.ongoing().exchange;
            ready!(exchange.poll_head_came(context));
            reader.has_head = true;
            if let Err(status) = self.state.show_head(exchange) {
                self.fail(SERVER, status);
                return Poll::Ready(None);
            }
        }
        let result = match ready!(reader.inbox.poll_message(context)) {
            Ok(Some(_)) if reader.has_response && self.state.one_response => {
                Err(reader.inbox.give_up(inbox::second()))
            }
            Ok(Some(response)) => {
                let bytes = reader.inbox.take(response);
                reader.has_response = true;
                return Poll::Ready(Some(bytes));
            }
            Ok(None) if !reader.has_response && self.state.one_response => Err(inbox::none()),
            Ok(None) => Ok(()),
            Err(status) => Err(status),
        };
        self.end_attempt(result);
        Poll::Ready(None)
    }

    /// Ends an attempt because of an invalid response, or the call if the response came from an interceptor.
    fn fail(&mut self, level: usize, status: Status) {
        match &self.attempt {
            Some(reader) if level == SERVER => {
                let status = reader.inbox.give_up(status);
                self.end_attempt(Err(status));
            }
            _ => self.give_up(status),
        }
    }

    fn end_attempt(&mut self, result: Result<()>) {
        if let Some(reader) = self.attempt.take() {
            let exchange = &reader.inbox.ongoing().exchange;
            self.state.ended(exchange, result);
        }
    }

    /// Ends the call with the result of the interceptors.
    fn end(&mut self, result: Result<()>) {
        self.interceptors = Interceptors::Ended(None);
        let mut result = result;
        if let Some(reader) = &self.attempt {
            let exchange = &reader.inbox.ongoing().exchange;
            if self.state.is_under_way(exchange) {
                // Its head may have arrived without being read.
                result = result.and(self.state.show_head(exchange));
            }
        }
        let trailing = self.state.close(&result);
        self.attempt = None;
        self.outcome = Some(Outcome { result, trailing });
    }
}

impl Drop for Intercepted {
    fn drop(&mut self) {
        // Tasks that interceptors started learn of the end.
        self.state.close(&Err(Status::cancelled(
            "the call was dropped by its caller",
        )));
    }
}

impl Interceptors {
    /// Returns the result of the interceptors, once they have ended.
    fn result(&mut self, state: &InterceptedState) -> Option<Result<()>> {
        match self {
            Interceptors::Inline(_) => None,
            Interceptors::Spawned { .. } => state.take_returned(),
            Interceptors::Ended(result) => result.take(),
        }
    }
}

/// A task that is aborted when this is dropped.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Interceptors that run in a task.
struct Detached {
    state: Arc<InterceptedState>,
    running: Running,
    timer: Timer,
}

impl Detached {
    fn new(state: &Arc<InterceptedState>, running: Running) -> Detached {
        Detached {
            state: Arc::clone(state),
            running,
            timer: Timer::default(),
        }
    }
}

impl Future for Detached {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let result = match this.running.as_mut().poll(context) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                ready!(this.timer.poll(&this.state, context));
                Err(too_late())
            }
        };
        this.state.returned(result);
        Poll::Ready(())
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        // A runtime that shuts down drops its tasks. The caller may run on another one.
        self.state.returned(Err(Status::cancelled(
            "the runtime ended in which the interceptors of the call ran",
        )));
    }
}

/// Fires at the deadline of a call if there is no attempt. An attempt ends by itself at the deadline, and its end is reported to
/// the interceptors.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll(&mut self, state: &InterceptedState, context: &mut Context<'_>) -> Poll<()> {
        let deadline = state.deadline().map(Instant::from_std);
        let (true, Some(deadline), Ok(_)) = (state.is_idle(), deadline, Handle::try_current())
        else {
            return Poll::Pending;
        };
        match &mut self.0 {
            Some(timer) if timer.deadline() == deadline => timer.as_mut().poll(context),
            other => {
                let timer = other.insert(Box::pin(sleep_until(deadline)));
                timer.as_mut().poll(context)
            }
        }
    }
}

fn too_late() -> Status {
    Status::deadline_exceeded("the deadline of the call has passed")
}
