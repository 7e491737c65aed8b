//! The exchange: the state of a call that its caller, its handler and their connections share.

mod carrier;
mod ends;
mod extras;
#[cfg(all(test, shuttle))]
mod schedules;
mod wakes;
mod watch;
mod watchers;

use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;

pub(crate) use self::extras::DoneCallback;
use self::extras::{Done, Extras};
use self::wakes::Wakes;
pub(crate) use self::watch::Watch;
#[cfg(feature = "client")]
pub(crate) use self::watch::unless_over;
use self::watchers::Watchers;
use super::encoding::Encoding;
use super::link::Link;
#[cfg(feature = "client")]
use super::peer::Peer;
use super::pipe::Pipe;
use super::{CallDetails, Extensions};
#[cfg(feature = "client")]
use crate::base::Chunks;
use crate::base::Outcome;
use crate::base::sync::atomic::{AtomicBool, AtomicU32};
use crate::base::sync::{Mutex, MutexGuard};
use crate::{Metadata, Status};

/// The number of bytes up to which a unary call waits for its whole response. A larger response is taken piece by piece.
const WHOLE_RESPONSE: usize = 16 * 1024;

/// A call. Its users share its state under a lock, which is held briefly and never while wakers are called.
#[derive(Debug)]
pub(crate) struct Exchange {
    details: CallDetails,
    /// The stream of the call on its connection, or zero before there is one.
    stream: AtomicU32,
    /// The number of attempts before this one, by the caller's retry or hedging policy.
    attempts: AtomicU32,
    /// The compression of the responses.
    pub(crate) encoding: Encoding,
    /// Set if the last request that was read was compressed. Only updated if the caller has announced a compression.
    pub(crate) request_was_compressed: AtomicBool,
    /// The retry policy of the call, if it has one.
    #[cfg(feature = "client")]
    retry_policy: OnceLock<Arc<dyn RetryPolicy>>,
    /// Values that belong to the call. Created when they are first used.
    extensions: OnceLock<Box<Extensions>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection that carries this side of the call. `None` in-process.
    link: Option<Arc<Link>>,
    /// The listener of the next attempt.
    #[cfg(feature = "client")]
    listening: Option<crate::call::listener::Listening>,
    /// Set if the call is on its connection's list, or if the connection is handling it.
    scheduled: bool,
    request: Pipe,
    response: Pipe,
    head: Head,
    /// Trailing metadata that the handler has set so far.
    trailing: Metadata,
    outcome: Option<Outcome>,
    /// The reason why the handler's side is over, once it is: the handler has ended, or the call ended before it.
    over: Option<Over>,
    /// Set if the call was taken back from a connection to be sent again.
    tried_again: bool,
    /// Set if the user on this side has ended the call. The transport must tell the peer.
    abandoned: bool,
    /// The task that runs the handler.
    task: Option<Waker>,
    /// Futures that wait for the call to be over.
    watchers: Watchers,
    extras: Option<Box<Extras>>,
}

/// The progress of the initial metadata of the response.
#[derive(Debug)]
enum Head {
    /// Not sent yet, with the metadata that the handler has set so far.
    Unsent(Metadata),
    /// Sent, and not taken by the reader yet.
    Sent(Metadata),
    /// Taken by the reader.
    Taken,
}

impl Head {
    /// Returns whether metadata waits to be sent.
    fn has_metadata(&self) -> bool {
        matches!(self, Head::Unsent(metadata) if !metadata.is_empty())
    }
}

impl Default for Head {
    fn default() -> Head {
        Head::Unsent(Metadata::new())
    }
}

/// Decides whether calls are retried when an attempt has ended.
#[cfg(feature = "client")]
pub(crate) trait RetryPolicy: std::fmt::Debug + Send + Sync {
    /// Ends the call with the outcome of its attempt, or retries it. `sent` is the part of the request that was sent, if it can
    /// be sent again.
    fn attempt_ended(&self, exchange: Arc<Exchange>, outcome: Outcome, sent: Option<Chunks>);
}

impl Exchange {
    /// Creates a call with these details. Nothing of it has been sent.
    pub(crate) fn new(details: CallDetails) -> Exchange {
        Exchange {
            details,
            stream: AtomicU32::new(0),
            attempts: AtomicU32::new(0),
            encoding: Encoding::default(),
            request_was_compressed: AtomicBool::new(false),
            #[cfg(feature = "client")]
            retry_policy: OnceLock::new(),
            extensions: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn details(&self) -> &CallDetails {
        &self.details
    }

    /// Returns the other end: that of the connection that the call is on, or the one in the details.
    #[cfg(feature = "client")]
    pub(crate) fn peer(&self) -> Peer {
        let state = self.state();
        let link = state.link.as_ref();
        let peer = link.and_then(|link| link.peer());
        peer.unwrap_or(&self.details.peer).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state. Then releases the lock, wakes the tasks that wait for the change, and notifies the connection.
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
            // A closed connection has already ended its calls.
            drop(link.schedule(Arc::clone(self)));
        }
        if let Some(done) = wakes.done.take() {
            done.tell(&self.details);
        }
        wakes.wake();
        result
    }
}

impl State {
    /// Returns the number of bytes of a response for which a reader waits at a time. It is at most the number that the peer may
    /// send before any of them is consumed.
    fn whole(&self) -> usize {
        self.link
            .as_ref()
            .map_or(WHOLE_RESPONSE, |link| link.window().min(WHOLE_RESPONSE))
    }

    /// Returns whether the connection is crowded, so that this call must wait before it sends more.
    fn is_crowded(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.is_crowded())
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

    /// Ends the call with this outcome, unless it has ended.
    fn end(&mut self, outcome: Outcome, wakes: &mut Wakes) {
        if self.outcome.is_some() {
            return;
        }
        let over = match &outcome.result {
            Ok(()) => Over::Ended,
            Err(status) => Over::Failed(status.clone()),
        };
        self.outcome = Some(outcome);
        wakes.add(self.response.take_reader());
        wakes.extend(self.request.close());
        self.over(over, wakes);
    }

    /// Moves the callbacks for the end of the call to `wakes`, which calls them.
    fn done(&mut self, result: Result<(), &Status>, wakes: &mut Wakes) {
        if let Some(extras) = self.extras.take() {
            wakes.done = Some(Box::new(Done {
                callbacks: extras.done,
                result: result.map_err(Status::clone),
            }));
        }
    }

    /// Ends the handler's side, or the task that feeds the request.
    fn over(&mut self, over: Over, wakes: &mut Wakes) {
        if self.over.is_none() {
            if self.extras.is_some() {
                self.done(Err(&over.status()), wakes);
            }
            self.over = Some(over);
        }
        wakes.add(self.task.take());
        wakes.extend(self.request.close());
        wakes.extend(self.watchers.drain().map(Some));
    }
}

/// The reason why the handler's side is over.
#[derive(Debug)]
enum Over {
    /// The handler has ended, or the call has ended with OK, which is the usual case. Its status is only created if it is
    /// needed, which is rare.
    Ended,
    Failed(Status),
}

impl Over {
    /// Returns the error of a request stream that outlives its call.
    fn status(&self) -> Status {
        match self {
            Over::Ended => Status::cancelled("the call has ended"),
            Over::Failed(status) => status.clone(),
        }
    }
}
