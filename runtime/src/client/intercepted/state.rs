//! The state that the interceptors of a call and its caller share.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::observers::{LeveledObservers, Observers};
use super::progress::Progress;
use super::requests::InterceptedRequests;
use crate::base::clock;
use crate::base::erasure::AnyMessage;
use crate::base::header::Header;
use crate::call::ongoing::Ongoing;
use crate::call::transport::Transport;
use crate::call::{CallEnd, Exchange, Extensions, Panicked, Peer, panicked_in, remember, wake};
use crate::{Metadata, Result, Status};

/// The state that the interceptors of a call and its caller share. Each interceptor has a level, and the outermost one has 0.
pub(crate) struct InterceptedState {
    pub(super) transport: Arc<dyn Transport>,
    /// The method that the caller calls.
    path: Header,
    pub(crate) requests: InterceptedRequests,
    pub(crate) one_response: bool,
    /// Values from the caller and from interceptors, for interceptors.
    pub(crate) extensions: Arc<Extensions>,
    started: Instant,
    /// Set when the caller has cancelled the call from elsewhere.
    cancelled: OnceLock<Status>,
    /// The number of requests that the last attempt has sent.
    requests_sent: AtomicU64,
    /// The number of responses that the last attempt has received.
    responses_received: AtomicU64,
    observers: Mutex<LeveledObservers>,
    progress: Mutex<Progress>,
}

/// The next event for the caller.
pub(super) enum Event {
    /// An attempt has begun.
    Attempt(Ongoing),
    /// The interceptor at this level has given a response.
    Answer(usize, Bytes),
}

impl InterceptedState {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        path: Header,
        requests: InterceptedRequests,
        one_response: bool,
        extensions: Arc<Extensions>,
    ) -> Arc<InterceptedState> {
        Arc::new(InterceptedState {
            transport,
            path,
            requests,
            one_response,
            extensions,
            started: clock::now(),
            cancelled: OnceLock::new(),
            requests_sent: AtomicU64::new(0),
            responses_received: AtomicU64::new(0),
            observers: Mutex::default(),
            progress: Mutex::default(),
        })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.progress().deadline
    }

    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        self.progress().deadline = deadline;
    }

    /// Returns the authority of calls that don't set their own.
    pub(crate) fn authority(&self) -> Option<Header> {
        self.transport.authority()
    }

    /// Returns an error if there can be no further attempt.
    pub(crate) fn check_replay(&self) -> Result<()> {
        if self.progress().committed {
            return Err(Status::failed_precondition(
                "the caller has seen some of the response, and the call cannot be made again",
            ));
        }
        if !self.requests.is_whole() {
            return Err(Status::failed_precondition(
                "the call has a stream of requests, and interceptors cannot make it again",
            ));
        }
        Ok(())
    }

    /// Passes the call on from the interceptor at `level`. Removes the observers and responses that inner interceptors added in
    /// an earlier attempt.
    pub(crate) fn pass(&self, level: usize, observers: &mut Observers) -> Result<()> {
        self.check_replay()?;
        let is_stream = self.requests.is_stream();
        self.observers().add(level, observers, is_stream);
        let is_first_time = {
            let mut progress = self.progress();
            progress.answers.retain(|(other, _)| *other <= level);
            let is_first_time = level >= progress.passed;
            progress.passed = progress.passed.max(level + 1);
            is_first_time
        };
        for mut observer in observers.requests.drain(..) {
            // The request keeps the observers' changes, so pass it only once.
            if is_first_time {
                let shown = self.requests.show(&mut |request| {
                    request.show(&mut |request| self.catching(|| observer(request)))
                });
                shown.unwrap_or(Ok(()))?;
            }
        }
        Ok(())
    }

    /// Resets the counts of messages for a new attempt.
    pub(super) fn reset_counts(&self) {
        self.requests_sent.store(0, Ordering::Relaxed);
        self.responses_received.store(0, Ordering::Relaxed);
    }

    /// Begins an attempt, which the caller takes next. Returns the waker of the caller, which must be woken once the exchange has
    /// been started.
    pub(super) fn begin_attempt(&self, ongoing: Ongoing) -> Option<Waker> {
        let mut progress = self.progress();
        progress.exchange = Some(Arc::clone(&ongoing.exchange));
        progress.fresh = Some(ongoing);
        progress.end = None;
        progress.initial = Metadata::new();
        progress.head = None;
        progress.trailing = Metadata::new();
        progress.caller.take()
    }

    /// Adds a response of an interceptor.
    pub(crate) fn answer(&self, level: usize, response: Bytes) {
        let caller = {
            let mut progress = self.progress();
            progress.answers.push_back((level, response));
            progress.caller.take()
        };
        wake(caller);
    }

    /// Waits until the caller has taken the responses of the interceptors inside `level`.
    pub(crate) fn poll_taken(&self, level: usize, context: &Context<'_>) -> Poll<()> {
        let mut progress = self.progress();
        if progress.answers.iter().all(|(other, _)| *other <= level) {
            return Poll::Ready(());
        }
        remember(&mut progress.interceptor, context);
        Poll::Pending
    }

    /// Returns the end of a call that has ended with this result inside an interceptor.
    pub(crate) fn end(&self, result: Result<()>) -> CallEnd {
        let progress = self.progress();
        CallEnd {
            initial_metadata: progress.initial.clone(),
            trailing_metadata: progress.trailing_of(&result),
            peer: progress.last_peer(),
            previous_rpc_attempts: progress.last_previous_attempts(),
            result,
        }
    }

    /// Returns the peer of the last attempt.
    pub(super) fn peer(&self) -> Peer {
        self.progress().last_peer()
    }

    /// Returns the number of attempts that a retry or hedging policy made before the last one.
    pub(super) fn previous_attempts(&self) -> u32 {
        self.progress().last_previous_attempts()
    }

    /// Returns the time since the call was started.
    pub(crate) fn elapsed(&self) -> Duration {
        clock::now().saturating_duration_since(self.started)
    }

    pub(crate) fn requests_sent(&self) -> u64 {
        self.requests_sent.load(Ordering::Relaxed)
    }

    pub(crate) fn responses_received(&self) -> u64 {
        self.responses_received.load(Ordering::Relaxed)
    }

    pub(super) fn count_request(&self) {
        self.requests_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Passes a request of a stream to the observers, outermost first.
    pub(super) fn show_request(&self, request: &mut dyn AnyMessage) -> Result<()> {
        let mut observers = self.observers();
        if observers.requests.is_empty() {
            return Ok(());
        }
        request.show(&mut |request| {
            observers
                .requests
                .iter_mut()
                .try_for_each(|(_, observer)| self.catching(|| observer(request)))
        })
    }

    /// Passes a response to the observers around `level`, innermost first.
    pub(super) fn show_response(&self, level: usize, response: &mut dyn AnyMessage) -> Result<()> {
        self.responses_received.fetch_add(1, Ordering::Relaxed);
        let mut observers = self.observers();
        let outer = observers.responses.iter_mut().rev();
        let mut outer = outer.filter(|(other, _)| *other < level).peekable();
        if outer.peek().is_none() {
            return Ok(());
        }
        response.show(&mut |response| {
            outer.try_for_each(|(_, observer)| self.catching(|| observer(response)))
        })
    }

    /// Takes the initial metadata of the response from the attempt, if it has arrived, and passes it to the observers, innermost
    /// first. It is called when the caller reads, or when the interceptors learn of the end.
    pub(super) fn show_head(&self, exchange: &Exchange) -> Result<()> {
        // Hold the lock, so that no other thread finds the metadata taken before the observers have been called.
        let mut observers = self.observers();
        let Some(mut head) = exchange.head() else {
            return Ok(());
        };
        let mut heads = observers.heads.iter_mut().rev();
        let shown = heads.try_for_each(|(_, observer)| {
            self.catching(|| {
                observer(&mut head);
                Ok(())
            })
        });
        let mut progress = self.progress();
        progress.initial = head.clone();
        progress.head = Some(head);
        shown
    }

    /// Takes the initial metadata of the last attempt for the caller.
    pub(super) fn take_head(&self) -> Option<Metadata> {
        self.progress().head.take()
    }

    /// Returns whether there is initial metadata that the caller has not taken.
    pub(super) fn has_head(&self) -> bool {
        self.progress().head.is_some()
    }

    /// Records that the caller has received some of the response.
    pub(super) fn commit(&self) {
        self.progress().committed = true;
    }

    /// Returns the next event for the caller. If there is none, the caller is woken when there is.
    pub(super) fn next_event(&self, context: &Context<'_>) -> Option<Event> {
        let mut progress = self.progress();
        // Responses that interceptors added before the attempt come first.
        if let Some((level, response)) = progress.answers.pop_front() {
            let interceptor = progress.interceptor.take();
            drop(progress);
            wake(interceptor);
            return Some(Event::Answer(level, response));
        }
        if let Some(ongoing) = progress.fresh.take() {
            return Some(Event::Attempt(ongoing));
        }
        remember(&mut progress.caller, context);
        None
    }

    /// Returns whether this is the exchange of the current attempt.
    pub(super) fn is_under_way(&self, exchange: &Arc<Exchange>) -> bool {
        self.progress().is_under_way(exchange)
    }

    /// Ends an attempt that the caller has read to its end.
    pub(super) fn ended(&self, exchange: &Arc<Exchange>, result: Result<()>) {
        let interceptor = {
            let mut progress = self.progress();
            if !progress.is_under_way(exchange) {
                return;
            }
            progress.end_attempt();
            let outcome = exchange.outcome();
            progress.trailing = outcome.map(|outcome| outcome.trailing).unwrap_or_default();
            if self.requests.is_stream() {
                progress.over.get_or_insert_with(|| result.clone());
            }
            progress.end = Some(result);
            progress.interceptor.take()
        };
        wake(interceptor);
    }

    /// Runs code of an interceptor, and turns a panic into a status.
    fn catching(&self, part: impl FnOnce() -> Result<()>) -> Result<()> {
        catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|panic| Err(self.panicked(&*panic)))
    }

    /// Returns the status of a call in which an interceptor has panicked.
    pub(crate) fn panicked(&self, panic: &(dyn Any + Send)) -> Status {
        let method = std::str::from_utf8(self.path.value()).unwrap_or_default();
        panicked_in(Panicked::Interceptor, method, &Peer::unknown(), panic)
    }

    /// Records that the interceptors run in a task, because the caller may not be reading.
    pub(super) fn detach(&self) {
        self.progress().detached = true;
    }

    pub(super) fn is_detached(&self) -> bool {
        self.progress().detached
    }

    /// Ends the call with the result of interceptors that run in a task.
    pub(super) fn returned(&self, result: Result<()>) {
        let caller = {
            let mut progress = self.progress();
            progress.returned.get_or_insert(result);
            progress.caller.take()
        };
        wake(caller);
        // A caller that sends without reading only learns of the end because its requests are closed.
        self.requests.close();
    }

    /// Returns the status with which the caller has cancelled the call, if it has.
    pub(super) fn cancelled(&self) -> Option<&Status> {
        self.cancelled.get()
    }

    pub(super) fn take_returned(&self) -> Option<Result<()>> {
        self.progress().returned.take()
    }

    /// Cancels the call by a handle that does not read it.
    pub(crate) fn cancel(&self, status: Status) {
        self.cancelled.get_or_init(|| status.clone());
        let exchange = {
            let mut progress = self.progress();
            progress.committed = true;
            progress.exchange.clone()
        };
        self.returned(Err(status.clone()));
        if let Some(exchange) = exchange {
            exchange.abandon(status);
        }
    }

    /// Returns why the call takes no more requests, or `None` while it takes them.
    pub(crate) fn over(&self) -> Option<Result<()>> {
        let progress = self.progress();
        let ended = progress.over.clone().or_else(|| progress.returned.clone());
        // The requests are dropped at the end of the attempt, before its interceptor learns of it.
        ended.or_else(|| match &progress.exchange {
            Some(exchange) if self.requests.is_stream() => {
                let outcome = exchange.result();
                outcome.or_else(|| exchange.over().map(Err))
            }
            _ => None,
        })
    }

    /// Returns whether there is no current attempt.
    pub(super) fn is_idle(&self) -> bool {
        self.progress().exchange.is_none()
    }

    /// Waits until the caller has read the attempt to its end.
    pub(super) fn poll_end(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut progress = self.progress();
        if let Some(result) = progress.end.take() {
            return Poll::Ready(result);
        }
        remember(&mut progress.interceptor, context);
        Poll::Pending
    }

    /// Cancels an attempt for its interceptor, unless it has ended.
    pub(super) fn abandon(&self, exchange: &Arc<Exchange>) {
        let status = Status::cancelled("an interceptor has given the call up");
        let (fresh, caller) = {
            let mut progress = self.progress();
            if !progress.is_under_way(exchange) {
                return;
            }
            progress.end_attempt();
            if self.requests.is_stream() {
                let result = Err(status.clone());
                progress.over.get_or_insert(result);
            }
            (progress.fresh.take(), progress.caller.take())
        };
        exchange.abandon(status);
        drop(fresh);
        wake(caller);
    }

    /// Ends a failed attempt in place of the caller, which perhaps has stopped reading, if the caller has received nothing and
    /// has nothing left to read. Returns whether the attempt was ended. If not, the call takes no more requests.
    pub(super) fn end_unread(&self, exchange: &Arc<Exchange>, result: Result<()>) -> bool {
        let is_empty = self.one_response || !exchange.has_response();
        if is_empty && result.is_err() && !self.progress().committed {
            let shown = self.show_head(exchange);
            self.ended(exchange, shown.and(result));
            return true;
        }
        self.progress().over.get_or_insert(result);
        self.requests.close();
        false
    }

    /// Ends the call with this result for interceptors and caller. Returns the trailing metadata.
    pub(super) fn close(&self, result: &Result<()>) -> Metadata {
        let observers = std::mem::take(&mut *self.observers());
        self.requests.close();
        let (trailing, fresh, interceptor) = {
            let mut progress = self.progress();
            let trailing = progress.trailing_of(result);
            progress.over.get_or_insert_with(|| result.clone());
            progress.committed = true;
            progress.answers.clear();
            if progress.end_attempt() {
                progress.end = Some(Err(Status::cancelled("the call is over for its caller")));
            }
            (trailing, progress.fresh.take(), progress.interceptor.take())
        };
        wake(interceptor);
        drop((observers, fresh));
        trailing
    }

    fn observers(&self) -> MutexGuard<'_, LeveledObservers> {
        self.observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
