//! A call with interceptors, as its caller polls it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::interceptor::OutgoingCall;
use super::passage::{News, Passage};
use super::plan::Plan;
use super::sender::sealed::Started;
use crate::base::Outcome;
use crate::base::erasure::AnySlot;
use crate::call::inbox::{self, Inbox};
use crate::{Encoded, Metadata, Result, Status};

/// A call with interceptors: their futures are polled here, by the caller, and what comes of the attempts they make is read. To drop
/// it is to drop them, and to cancel the attempt that is under way.
pub(crate) struct Intercepted {
    passage: Arc<Passage>,
    interceptors: Interceptors,
    /// The attempt that is under way.
    attempt: Option<Reader>,
    previous_attempts: u32,
    /// What came while the caller waited for the head.
    unread: Option<Next>,
    timer: Timer,
    outcome: Option<Outcome>,
}

/// The interceptors of a call, as the outermost of them.
enum Interceptors {
    /// The caller polls them.
    Inline(Running),
    /// They run in a task, for the caller may do something else than to read.
    Spawned { _task: Task },
    /// They have ended.
    Ended(Option<Result<()>>),
}

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What the caller meets next.
pub(crate) enum Next {
    /// The call is made, once more or for the first time: what has come before does not count.
    Attempt,
    /// A response, from behind the interceptors up to `level`.
    Response {
        level: usize,
        bytes: Bytes,
    },
    End(Result<()>),
}

/// Reads what comes of an attempt.
struct Reader {
    inbox: Inbox,
    has_head: bool,
    has_response: bool,
}

/// The level of the server's responses, which is behind all interceptors.
const SERVER: usize = usize::MAX;

impl Intercepted {
    pub(crate) fn new(passage: Arc<Passage>, plan: Plan) -> Intercepted {
        passage.set_deadline(plan.deadline);
        let entered = Arc::clone(&passage);
        Intercepted {
            passage,
            interceptors: Interceptors::Inline(Box::pin(OutgoingCall::enter(entered, plan))),
            attempt: None,
            previous_attempts: 0,
            unread: None,
            timer: Timer::default(),
            outcome: None,
        }
    }

    /// What comes next. Responses are read with [`Intercepted::read`] before the next is asked for.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        if let Some(next) = self.unread.take() {
            return Poll::Ready(next);
        }
        loop {
            if let Some(outcome) = &self.outcome {
                return Poll::Ready(Next::End(outcome.result.clone()));
            }
            // While messages come the interceptors are left alone: they have nothing to do but to wait.
            if let Poll::Ready(Some(bytes)) = self.poll_attempt(context) {
                let level = SERVER;
                return Poll::Ready(Next::Response { level, bytes });
            }
            self.run(context);
            if let Some(reader) = &self.attempt {
                if !self.passage.is_under_way(&reader.inbox.ongoing().exchange) {
                    self.attempt = None;
                }
            }
            match self.passage.news(context) {
                News::Attempt(ongoing) => {
                    self.attempt = Some(Reader {
                        inbox: Inbox::new(ongoing, self.passage.one_response),
                        has_head: false,
                        has_response: false,
                    });
                    return Poll::Ready(Next::Attempt);
                }
                News::Answer(level, bytes) => {
                    return Poll::Ready(Next::Response { level, bytes });
                }
                News::Nothing => {}
            }
            if let Some(result) = self.interceptors.result(&self.passage) {
                self.end(result);
            } else {
                ready!(self.timer.poll(&self.passage, context));
                self.give_up(too_late());
            }
        }
    }

    /// Reads a response, which is shown to the interceptors that are around `level`. It is held then, unless the attempt has failed by
    /// it, or the call.
    pub(crate) fn read(&mut self, held: &mut dyn AnySlot, level: usize, bytes: Bytes) {
        let passage = &self.passage;
        // An interceptor may have given one before.
        held.clear();
        let read = held
            .read(Encoded::from(&bytes))
            .and_then(|()| held.show(&mut |message| passage.show_response(level, message)));
        if let Err(status) = read {
            held.clear();
            self.fail(level, status);
        }
    }

    /// The caller has seen of the response.
    pub(crate) fn commit(&self) {
        self.passage.commit();
    }

    /// Waits for the initial metadata of the response; `None` when the call has ended without any, or it was taken before.
    pub(crate) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Option<Metadata>> {
        loop {
            if let Some(head) = self.take_head() {
                self.commit();
                return Poll::Ready(Some(head));
            }
            let next = self.poll_next(context);
            if self.passage.has_head() {
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
        self.passage.take_head()
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    pub(crate) fn previous_attempts(&self) -> u32 {
        let reader = self.attempt.as_ref();
        reader.map_or(self.previous_attempts, Reader::previous_attempts)
    }

    /// Ends the call around the interceptors, whose futures are dropped.
    pub(crate) fn give_up(&mut self, status: Status) {
        if self.outcome.is_none() {
            self.unread = None;
            self.end(Err(status));
        }
    }

    /// Lets the interceptors go on while the caller does not read.
    pub(crate) fn detach(&mut self) -> Started {
        if let Ok(runtime) = Handle::try_current() {
            let before = std::mem::replace(&mut self.interceptors, Interceptors::Ended(None));
            self.interceptors = match before {
                Interceptors::Inline(running) => {
                    self.passage.detach();
                    let task = runtime.spawn(Detached::new(&self.passage, running));
                    Interceptors::Spawned {
                        _task: Task(task.abort_handle()),
                    }
                }
                other => other,
            };
        }
        Started::intercepted(&self.passage)
    }

    /// Polls the interceptors until they have ended.
    fn run(&mut self, context: &mut Context<'_>) {
        if let Interceptors::Inline(running) = &mut self.interceptors {
            if let Poll::Ready(result) = running.as_mut().poll(context) {
                self.interceptors = Interceptors::Ended(Some(result));
            }
        }
    }

    /// The next response of the attempt that is under way; `None` when there is none, or it has just ended.
    fn poll_attempt(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(reader) = &mut self.attempt else {
            return Poll::Ready(None);
        };
        if !reader.has_head {
            let exchange = &reader.inbox.ongoing().exchange;
            ready!(exchange.poll_head_came(context));
            reader.has_head = true;
            if let Err(status) = self.passage.show_head(exchange) {
                self.fail(SERVER, status);
                return Poll::Ready(None);
            }
        }
        let result = match ready!(reader.inbox.poll_message(context)) {
            Ok(Some(_)) if reader.has_response && self.passage.one_response => {
                Err(reader.inbox.give_up(inbox::second()))
            }
            Ok(Some(response)) => {
                let bytes = reader.inbox.take(response);
                reader.has_response = true;
                return Poll::Ready(Some(bytes));
            }
            Ok(None) if !reader.has_response && self.passage.one_response => Err(inbox::none()),
            Ok(None) => Ok(()),
            Err(status) => Err(status),
        };
        self.end_attempt(result);
        Poll::Ready(None)
    }

    /// What an attempt, or an interceptor, has given is no response.
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
            self.previous_attempts = reader.previous_attempts();
            let exchange = &reader.inbox.ongoing().exchange;
            self.passage.ended(exchange, result);
        }
    }

    /// The interceptors have said how the call ends.
    fn end(&mut self, result: Result<()>) {
        self.interceptors = Interceptors::Ended(None);
        let mut result = result;
        if let Some(reader) = &self.attempt {
            let exchange = &reader.inbox.ongoing().exchange;
            if self.passage.is_under_way(exchange) {
                // What has come of its head may not have been read.
                result = result.and(self.passage.show_head(exchange));
            }
        }
        let trailing = self.passage.trailing(&result);
        self.passage.close(result.clone());
        self.attempt = None;
        self.outcome = Some(Outcome { result, trailing });
    }
}

impl Drop for Intercepted {
    fn drop(&mut self) {
        // What an interceptor has given to another task sees the end.
        self.passage
            .close(Err(Status::cancelled("the call was dropped by its caller")));
    }
}

impl Interceptors {
    /// What they have ended with, once they have.
    fn result(&mut self, passage: &Passage) -> Option<Result<()>> {
        match self {
            Interceptors::Inline(_) => None,
            Interceptors::Spawned { .. } => passage.take_returned(),
            Interceptors::Ended(result) => result.take(),
        }
    }
}

/// A task that ends when this is dropped.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Interceptors that run in a task.
struct Detached {
    passage: Arc<Passage>,
    running: Running,
    timer: Timer,
}

impl Detached {
    fn new(passage: &Arc<Passage>, running: Running) -> Detached {
        Detached {
            passage: Arc::clone(passage),
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
                ready!(this.timer.poll(&this.passage, context));
                Err(too_late())
            }
        };
        this.passage.returned(result);
        Poll::Ready(())
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        // A runtime that ends drops its tasks; the caller may be on another.
        self.passage.returned(Err(Status::cancelled(
            "the runtime ended in which the interceptors of the call ran",
        )));
    }
}

/// Runs out when the time of a call is over. An attempt that is under way ends by itself then, and the interceptors see it; but
/// without one there is nobody else to notice it.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll(&mut self, passage: &Passage, context: &mut Context<'_>) -> Poll<()> {
        let deadline = passage.deadline().map(Instant::from_std);
        let (true, Some(deadline), Ok(_)) = (passage.is_idle(), deadline, Handle::try_current())
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

impl Reader {
    fn previous_attempts(&self) -> u32 {
        self.inbox.ongoing().exchange.previous_attempts()
    }
}
