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
    /// The number of interceptors whose observers have seen the request of a call with one request.
    pub(super) passed: usize,
    /// The exchange of the current attempt.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// The current attempt, until the caller has taken it.
    pub(super) fresh: Option<Ongoing>,
    /// The result of the attempt, until its interceptor has taken it.
    pub(super) end: Option<Result<()>>,
    /// The initial metadata of the last attempt.
    pub(super) initial: Metadata,
    /// The initial metadata of the last attempt, until the caller has taken it.
    pub(super) head: Option<Metadata>,
    /// The trailing metadata of the last attempt.
    pub(super) trailing: Metadata,
    /// The peer of the last attempt.
    pub(super) peer: Option<Peer>,
    /// The number of attempts that a retry or hedging policy made before the last one.
    pub(super) previous_attempts: u32,
    /// Encoded responses of interceptors, with their levels.
    pub(super) answers: VecDeque<(usize, Bytes)>,
    /// Set once the caller has received some of the response. Then there are no more attempts.
    pub(super) committed: bool,
    /// Set if the interceptors run in a task, because the caller may not be reading.
    pub(super) detached: bool,
    /// The reason why the call takes no more requests. It is the result of the call, of the only attempt with a stream of
    /// requests, or of an attempt whose responses the caller has not read.
    pub(super) over: Option<Result<()>>,
    /// The result of interceptors that run in a task.
    pub(super) returned: Option<Result<()>>,
    /// Wakes the caller when there is something to read.
    pub(super) caller: Option<Waker>,
    /// Wakes the interceptor when the attempt ends, or when the caller takes a response of an interceptor.
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

    /// Ends the current attempt. Returns whether there was one.
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

    /// Returns the trailing metadata for a result: the metadata of its status if there is any, or else the server's trailing
    /// metadata.
    pub(super) fn trailing_of(&self, result: &Result<()>) -> Metadata {
        match result {
            Err(status) if !status.metadata().is_empty() => status.metadata().clone(),
            _ => self.trailing.clone(),
        }
    }
}
