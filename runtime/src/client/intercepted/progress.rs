//! The progress of a call with interceptors.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use crate::call::ongoing::Ongoing;
use crate::call::{Exchange, Peer};
use crate::{Metadata, Result};

/// The progress of a call with interceptors.
#[derive(Default)]
pub(super) struct Progress {
    /// The deadline of the whole call.
    pub(super) deadline: Option<Instant>,
    /// The number of interceptors that the one request of a call has passed.
    pub(super) passed: usize,
    /// The exchange of the attempt that is under way.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// The attempt that is under way, until the caller has taken it.
    pub(super) fresh: Option<Ongoing>,
    /// The result of the attempt, until its interceptor has taken it.
    pub(super) end: Option<Result<()>>,
    /// The initial metadata of the last attempt.
    pub(super) initial: Metadata,
    /// The same, until the caller has taken it.
    pub(super) head: Option<Metadata>,
    /// The trailing metadata of the last attempt.
    pub(super) trailing: Metadata,
    /// The peer of the last attempt.
    pub(super) peer: Option<Peer>,
    /// The number of attempts that a policy made before the last one.
    pub(super) previous_attempts: u32,
    /// Encoded responses of interceptors, with their levels.
    pub(super) answers: VecDeque<(usize, Bytes)>,
    /// The caller has seen some of the response: there are no more attempts.
    pub(super) committed: bool,
    /// The interceptors run in a task, because the caller may not be reading.
    pub(super) detached: bool,
    /// The reason why the call takes no more requests: the result of the call, of the one attempt with a stream of requests, or of an attempt whose
    /// responses the caller has not read.
    pub(super) over: Option<Result<()>>,
    /// The result of interceptors that run in a task.
    pub(super) returned: Option<Result<()>>,
    /// Wakes the caller, which waits for something to read.
    pub(super) caller: Option<Waker>,
    /// Wakes the interceptor that waits for the end of the attempt, or for the caller to take an answer.
    pub(super) interceptor: Option<Waker>,
}

impl Progress {
    pub(super) fn last_peer(&self) -> Peer {
        let current = self.exchange.as_ref().map(|exchange| exchange.peer());
        current
            .or_else(|| self.peer.clone())
            .unwrap_or_else(Peer::unknown)
    }

    pub(super) fn last_previous_attempts(&self) -> u32 {
        let current = self.exchange.as_ref();
        current.map_or(self.previous_attempts, |exchange| {
            exchange.previous_attempts()
        })
    }

    /// Ends the attempt that is under way. Returns whether there was one.
    pub(super) fn end_attempt(&mut self) -> bool {
        let Some(exchange) = self.exchange.take() else {
            return false;
        };
        self.peer = Some(exchange.peer());
        self.previous_attempts = exchange.previous_attempts();
        true
    }

    pub(super) fn is_under_way(&self, exchange: &Arc<Exchange>) -> bool {
        let current = self.exchange.as_ref();
        current.is_some_and(|current| Arc::ptr_eq(current, exchange))
    }

    /// Returns the metadata of a status: that of an interceptor, if it has set some, or else the server's.
    pub(super) fn trailing_of(&self, result: &Result<()>) -> Metadata {
        match result {
            Err(status) if !status.metadata().is_empty() => status.metadata().clone(),
            _ => self.trailing.clone(),
        }
    }
}
