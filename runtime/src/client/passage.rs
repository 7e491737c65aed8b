//! What the interceptors of a call share with its caller.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use super::attempt::Attempt;
use super::channel::Channel;
use super::feed::send;
use super::interceptor::{Link, OutgoingEnd};
use super::outbox::{self, Outbox};
use super::plan::Plan;
use super::watches::{Observers, Watches};
use crate::base::clock;
use crate::base::erasure::AnyMessage;
use crate::base::header::Header;
use crate::call::ongoing::Ongoing;
use crate::call::{Exchange, Panicked, Peer, panicked_in, remember};
use crate::{Metadata, Result, Status};

/// A call with interceptors. They are numbered by levels, the outermost is 0; behind the last of them an attempt is made, which is
/// an exchange with the server. The caller reads what comes of it.
pub(crate) struct Passage {
    channel: Channel,
    /// The method that the caller calls.
    path: Header,
    outbox: Arc<dyn Outbox>,
    pub(super) one_response: bool,
    started: Instant,
    /// How many requests the attempt has sent.
    requests: AtomicU64,
    /// How many responses have come of it.
    responses: AtomicU64,
    observers: Mutex<Observers>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the call as a whole is over.
    deadline: Option<Instant>,
    /// How many interceptors the request of a call that has one has passed.
    passed: usize,
    /// The attempt that is under way.
    exchange: Option<Arc<Exchange>>,
    /// The same, until the caller has taken it.
    fresh: Option<Ongoing>,
    /// How the attempt has ended.
    end: Option<Result<()>>,
    initial: Metadata,
    /// The same, until the caller has taken it.
    head: Option<Metadata>,
    trailing: Metadata,
    /// Responses that interceptors gave, encoded, with their levels.
    answers: VecDeque<(usize, Bytes)>,
    /// The caller has seen of the response: there are no more attempts.
    committed: bool,
    /// The caller may do something else than to read, and learns otherwise that the call takes no more requests.
    detached: bool,
    /// How the attempt has ended whose responses the caller has not read, or what the call has ended with.
    over: Option<Result<()>>,
    /// What the interceptors have ended with that run in a task.
    returned: Option<Result<()>>,
    /// Who waits for something to read.
    caller: Option<Waker>,
    /// Who waits for the end of the attempt, or for the caller to take an answer.
    interceptor: Option<Waker>,
}

/// What is there for the caller.
pub(super) enum News {
    /// An attempt has begun.
    Attempt(Ongoing),
    /// An interceptor has given a response.
    Answer(usize, Bytes),
    Nothing,
}

impl Passage {
    pub(crate) fn new(
        channel: Channel,
        path: Header,
        outbox: Arc<dyn Outbox>,
        one_response: bool,
    ) -> Arc<Passage> {
        Arc::new(Passage {
            channel,
            path,
            outbox,
            one_response,
            started: clock::now(),
            requests: AtomicU64::new(0),
            responses: AtomicU64::new(0),
            observers: Mutex::default(),
            state: Mutex::default(),
        })
    }

    /// The interceptors, the outermost first.
    pub(super) fn chain(&self) -> &[Link] {
        let overlay = self.channel.overlay();
        overlay.map_or(&[], |overlay| overlay.interceptors.links())
    }

    pub(super) fn outbox(&self) -> &dyn Outbox {
        &*self.outbox
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        self.state().deadline = deadline;
    }

    /// The host that a call is for which names none.
    pub(super) fn authority(&self) -> Option<Header> {
        self.channel.authority()
    }

    /// Whether the call may be made, once more or for the first time.
    pub(super) fn check_replay(&self) -> Result<()> {
        if self.state().committed {
            return Err(Status::failed_precondition(
                "the caller has seen of the response, and the call cannot be made again",
            ));
        }
        if !self.outbox.is_whole() {
            return Err(Status::failed_precondition(
                "more requests were sent than are kept (per_rpc_retry_buffer_size), and the call cannot be made again",
            ));
        }
        Ok(())
    }

    /// The interceptor at `level` lets the call go on. What interceptors behind it have left from the time before goes.
    pub(super) fn pass(&self, level: usize, watches: &mut Watches) -> Result<()> {
        self.check_replay()?;
        let is_stream = self.outbox.is_stream();
        self.observers().add(level, watches, is_stream);
        let is_first_time = {
            let mut state = self.state();
            state.answers.retain(|(other, _)| *other <= level);
            let is_first_time = level >= state.passed;
            state.passed = state.passed.max(level + 1);
            is_first_time
        };
        for mut observer in watches.requests.drain(..) {
            // Once is enough: the request is what it has made of it.
            if is_first_time {
                let shown = self
                    .outbox
                    .show(&mut |request| self.watched(|| observer(request)));
                shown.unwrap_or(Ok(()))?;
            }
        }
        Ok(())
    }

    /// Makes the call, and waits for its end.
    pub(super) async fn attempt(self: &Arc<Self>, mut plan: Plan) -> Result<()> {
        if !self.channel.transport().asks_credentials() {
            // Nobody listens in this process.
            plan.authorize().await?;
        }
        self.requests.store(0, Ordering::Relaxed);
        self.responses.store(0, Ordering::Relaxed);
        let (ongoing, packer) = plan.open(&**self.channel.transport());
        let exchange = Arc::clone(&ongoing.exchange);
        let mut attempt = Attempt::new(self, &exchange);
        let requests = Arc::clone(&self.outbox).requests(self);
        let Some(mut requests) = requests else {
            return self.check_replay();
        };
        send(&mut *requests, outbox::packing(packer), &exchange)?;
        let caller = {
            let mut state = self.state();
            state.exchange = Some(Arc::clone(&exchange));
            state.fresh = Some(ongoing);
            state.end = None;
            state.initial = Metadata::new();
            state.head = None;
            state.trailing = Metadata::new();
            state.caller.take()
        };
        self.channel.start(exchange);
        wake(caller);
        poll_fn(|context| attempt.poll_end(context)).await
    }

    /// An interceptor gives a response.
    pub(super) fn answer(&self, level: usize, response: Bytes) {
        let caller = {
            let mut state = self.state();
            state.answers.push_back((level, response));
            state.caller.take()
        };
        wake(caller);
    }

    /// Waits until the caller has taken what the interceptors behind `level` gave.
    pub(super) fn poll_taken(&self, level: usize, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.answers.iter().all(|(other, _)| *other <= level) {
            return Poll::Ready(());
        }
        remember(&mut state.interceptor, context);
        Poll::Pending
    }

    /// What an interceptor is told of the end of a call that has ended so behind it.
    pub(super) fn end(&self, result: Result<()>) -> OutgoingEnd {
        let (initial_metadata, trailing_metadata) = {
            let state = self.state();
            (state.initial.clone(), state.trailing_of(&result))
        };
        OutgoingEnd {
            result,
            initial_metadata,
            trailing_metadata,
            duration: clock::now().saturating_duration_since(self.started),
            requests: self.requests.load(Ordering::Relaxed),
            responses: self.responses.load(Ordering::Relaxed),
        }
    }

    /// The metadata that came with the status of the call.
    pub(super) fn trailing(&self, result: &Result<()>) -> Metadata {
        self.state().trailing_of(result)
    }

    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows a request of a stream on its way outward: the outermost interceptor meets it first.
    pub(super) fn show_request(&self, request: &mut dyn AnyMessage) -> Result<()> {
        let mut observers = self.observers();
        observers
            .requests
            .iter_mut()
            .try_for_each(|(_, observer)| self.watched(|| observer(request)))
    }

    /// Shows a response on its way inward to the interceptors that are around `level`: the innermost meets it first.
    pub(super) fn show_response(&self, level: usize, response: &mut dyn AnyMessage) -> Result<()> {
        self.responses.fetch_add(1, Ordering::Relaxed);
        let mut observers = self.observers();
        let outer = observers.responses.iter_mut().rev();
        outer
            .filter(|(other, _)| *other < level)
            .try_for_each(|(_, observer)| self.watched(|| observer(response)))
    }

    /// Takes the initial metadata of the response from the attempt, if it has come, and shows it as [`Passage::show_response`] does
    /// a response. Whoever is first does it, the caller that reads or the interceptors that learn of the end.
    pub(super) fn show_head(&self, exchange: &Exchange) -> Result<()> {
        // Taken under this lock, so that nobody finds it gone and not yet shown.
        let mut observers = self.observers();
        let Some(mut head) = exchange.head() else {
            return Ok(());
        };
        let mut heads = observers.heads.iter_mut().rev();
        let shown = heads.try_for_each(|(_, observer)| {
            self.watched(|| {
                observer(&mut head);
                Ok(())
            })
        });
        let mut state = self.state();
        state.initial = head.clone();
        state.head = Some(head);
        shown
    }

    /// Takes the initial metadata of the last attempt for the caller.
    pub(super) fn take_head(&self) -> Option<Metadata> {
        self.state().head.take()
    }

    /// Whether there is initial metadata that the caller has not taken.
    pub(super) fn has_head(&self) -> bool {
        self.state().head.is_some()
    }

    /// The caller has seen of the response.
    pub(super) fn commit(&self) {
        let is_first_time = !std::mem::replace(&mut self.state().committed, true);
        if is_first_time {
            self.outbox.commit();
        }
    }

    /// What there is for the caller, who is woken when there is more.
    pub(super) fn news(&self, context: &Context<'_>) -> News {
        let mut state = self.state();
        // What was given before the attempt comes before it.
        if let Some((level, response)) = state.answers.pop_front() {
            let interceptor = state.interceptor.take();
            drop(state);
            wake(interceptor);
            return News::Answer(level, response);
        }
        if let Some(ongoing) = state.fresh.take() {
            return News::Attempt(ongoing);
        }
        remember(&mut state.caller, context);
        News::Nothing
    }

    /// Whether an exchange is that of the attempt which is under way.
    pub(super) fn is_under_way(&self, exchange: &Arc<Exchange>) -> bool {
        self.state().is_under_way(exchange)
    }

    /// The caller has read an attempt to its end.
    pub(super) fn ended(&self, exchange: &Arc<Exchange>, result: Result<()>) {
        let interceptor = {
            let mut state = self.state();
            if !state.is_under_way(exchange) {
                return;
            }
            state.exchange = None;
            let outcome = exchange.outcome();
            state.trailing = outcome.map(|outcome| outcome.trailing).unwrap_or_default();
            state.end = Some(result);
            state.interceptor.take()
        };
        wake(interceptor);
    }

    /// A part of an interceptor, whose panic is a status.
    fn watched(&self, part: impl FnOnce() -> Result<()>) -> Result<()> {
        catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|panic| Err(self.panicked(&*panic)))
    }

    /// The status of a call in which an interceptor has panicked.
    pub(super) fn panicked(&self, panic: &(dyn Any + Send)) -> Status {
        let method = std::str::from_utf8(self.path.value()).unwrap_or_default();
        panicked_in(Panicked::Interceptor, method, &Peer::unknown(), panic)
    }

    /// The caller may do something else than to read.
    pub(super) fn detach(&self) {
        self.state().detached = true;
    }

    pub(super) fn is_detached(&self) -> bool {
        self.state().detached
    }

    /// The interceptors have ended, in a task.
    pub(super) fn returned(&self, result: Result<()>) {
        let caller = {
            let mut state = self.state();
            state.returned.get_or_insert(result);
            state.caller.take()
        };
        wake(caller);
        // Who sends and does not read has nothing else to learn it from.
        self.outbox.close();
    }

    pub(super) fn take_returned(&self) -> Option<Result<()>> {
        self.state().returned.take()
    }

    /// The caller gives up a call whose interceptors run in a task, from where it does not read.
    #[cfg(feature = "blocking")]
    pub(super) fn cancel(&self, status: Status) {
        let exchange = {
            let mut state = self.state();
            state.committed = true;
            state.exchange.clone()
        };
        self.returned(Err(status.clone()));
        if let Some(exchange) = exchange {
            exchange.abandon(status);
        }
    }

    /// Why the call takes no more requests; `None` while it does.
    pub(super) fn over(&self) -> Option<Result<()>> {
        let state = self.state();
        state.over.clone().or_else(|| state.returned.clone())
    }

    /// Whether no attempt is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.state().exchange.is_none()
    }

    /// Waits until the caller has read the attempt to its end.
    pub(super) fn poll_end(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.state();
        if let Some(result) = state.end.take() {
            return Poll::Ready(result);
        }
        remember(&mut state.interceptor, context);
        Poll::Pending
    }

    /// An interceptor gives an attempt up, unless it has ended.
    pub(super) fn abandon(&self, exchange: &Arc<Exchange>) {
        let (fresh, caller) = {
            let mut state = self.state();
            if !state.is_under_way(exchange) {
                return;
            }
            state.exchange = None;
            (state.fresh.take(), state.caller.take())
        };
        let status = Status::cancelled("an interceptor has given the call up");
        exchange.abandon(status);
        drop(fresh);
        wake(caller);
    }

    /// An attempt has ended, and its caller may not be reading. Says whether that is the end of it.
    pub(super) fn unread(&self, exchange: &Arc<Exchange>, result: Result<()>) -> bool {
        let is_empty = self.one_response || !exchange.has_response();
        if is_empty && result.is_err() && !self.state().committed {
            let shown = self.show_head(exchange);
            self.ended(exchange, shown.and(result));
            return true;
        }
        self.state().over.get_or_insert(result);
        self.outbox.close();
        false
    }

    /// The call is over for its caller, and has ended so: nobody sees more of it.
    pub(super) fn close(&self, result: Result<()>) {
        let observers = std::mem::take(&mut *self.observers());
        self.outbox.close();
        let (fresh, interceptor) = {
            let mut state = self.state();
            state.over.get_or_insert(result);
            state.committed = true;
            state.answers.clear();
            if state.exchange.take().is_some() {
                state.end = Some(Err(Status::cancelled("the call is over for its caller")));
            }
            (state.fresh.take(), state.interceptor.take())
        };
        wake(interceptor);
        drop((observers, fresh));
    }

    fn observers(&self) -> MutexGuard<'_, Observers> {
        self.observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_under_way(&self, exchange: &Arc<Exchange>) -> bool {
        let current = self.exchange.as_ref();
        current.is_some_and(|current| Arc::ptr_eq(current, exchange))
    }

    /// The metadata that came with a status: an interceptor may have put another in the place of the server's.
    fn trailing_of(&self, result: &Result<()>) -> Metadata {
        match result {
            Err(status) if !status.metadata().is_empty() => status.metadata().clone(),
            _ => self.trailing.clone(),
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
