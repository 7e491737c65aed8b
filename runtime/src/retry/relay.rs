//! The relay between the exchanges of a caller and of an attempt.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::base::{Chunks, Outcome};
use crate::call::retry_buffer::{Budget, RetryBuffer};
use crate::call::{Exchange, Link, Peer, ReadState};
use crate::{Metadata, Status};

/// The maximum number of bytes that are taken of a request at a time, once one attempt is left.
const ROOM: usize = 64 * 1024;

/// Transfers a call between its caller and an attempt. It acts as the connection for the caller's exchange.
pub(super) struct Relay {
    pub(super) caller: Arc<Exchange>,
    /// The link by which the caller's exchange wakes the relay.
    link: Arc<Link>,
    /// The part of the request that has arrived.
    pub(super) sent: RetryBuffer,
    budget: Arc<Budget>,
    /// Set once all of the request has arrived.
    has_ended: bool,
    /// Set once the caller has the head of the response.
    has_head: bool,
}

/// An update from the caller.
pub(super) struct Taken {
    /// The number of bytes of the response that the caller has consumed.
    used: usize,
    /// The number of further bytes of the response for which the caller waits, if it has changed.
    wanted: usize,
    /// Set if there is more of the request.
    has_more: bool,
}

impl Relay {
    /// Creates a relay that acts as the connection of a call. The call's streams have windows of `window` bytes or more.
    pub(super) fn new(caller: Arc<Exchange>, window: u32, budget: Arc<Budget>) -> Relay {
        let link = Arc::new(Link::new(window));
        caller.attach(0, Arc::clone(&link));
        Relay {
            caller,
            link,
            sent: RetryBuffer::default(),
            budget,
            has_ended: false,
            has_head: false,
        }
    }

    /// Registers the task to be woken when the caller has an update.
    pub(super) fn listen(&self, context: &Context<'_>) {
        // The list holds only this call, which is polled in any case.
        self.link.collect(context, &mut Vec::new());
    }

    /// Transfers the rest of the call between its caller and this attempt.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, attempt: &Arc<Exchange>) -> Poll<()> {
        loop {
            let has_room = !self.has_ended && attempt.poll_request_room(context).is_ready();
            let room = if has_room { ROOM } else { 0 };
            let Some(taken) = self.take_request(room, std::slice::from_ref(attempt)) else {
                return Poll::Ready(());
            };
            attempt.release_response(taken.used);
            if taken.wanted > 0 {
                attempt.want_response(taken.wanted);
            }
            if !taken.has_more || !has_room {
                break;
            }
        }
        if !self.has_head {
            if let Some(head) = ready!(attempt.poll_head(context)) {
                self.deliver_head(attempt, head);
            }
        }
        let mut chunks = Chunks::default();
        while ready!(attempt.poll_response(context, ReadState::default(), &mut chunks, false)) {
            while !chunks.is_empty() {
                self.caller.deliver_response(chunks.take(usize::MAX));
            }
        }
        if let Some(outcome) = attempt.outcome() {
            self.set_peer(attempt.peer());
            self.caller
                .set_previous_attempts(attempt.previous_attempts());
            self.caller.conclude(outcome);
        }
        Poll::Ready(())
    }

    /// Sets the peer that the caller sees. Only the first one counts.
    pub(super) fn set_peer(&self, peer: Peer) {
        self.link.set_peer(peer);
    }

    /// Delivers the head of an attempt's response to the caller.
    pub(super) fn deliver_head(&mut self, attempt: &Exchange, head: Metadata) {
        self.has_head = true;
        self.set_peer(attempt.peer());
        self.caller.encoding.choose(attempt.encoding.get());
        self.caller.deliver_head(head);
    }

    /// Passes new data of the request to attempts, up to `room` bytes. Returns `None` if the caller has cancelled the call.
    pub(super) fn take_request(
        &mut self,
        room: usize,
        attempts: &[Arc<Exchange>],
    ) -> Option<Taken> {
        let mut part = self.caller.take_request(room);
        if part.abandoned {
            return None;
        }
        let write = |chunk: &Bytes, ends: bool| {
            for attempt in attempts {
                attempt.write_request(chunk.clone(), ends);
            }
            ends
        };
        while !part.data.is_empty() {
            let chunk = part.data.take(usize::MAX);
            let ends = part.end && part.data.is_empty();
            self.sent.push(&chunk, &self.budget);
            self.has_ended |= write(&chunk, ends);
        }
        if part.end && !self.has_ended {
            self.has_ended |= write(&Bytes::new(), true);
        }
        Some(Taken {
            used: part.released,
            wanted: part.wanted,
            has_more: part.has_more,
        })
    }

    /// Passes the part of the request that has arrived to an attempt.
    pub(super) fn write_all(&self, attempt: &Arc<Exchange>) {
        let mut sent = self.sent.copy().unwrap_or_default();
        while !sent.is_empty() {
            let chunk = sent.take(usize::MAX);
            attempt.write_request(chunk, self.has_ended && sent.is_empty());
        }
        if self.has_ended {
            attempt.write_request(Bytes::new(), true);
        }
    }
}

impl Drop for Relay {
    /// Runs when the call has ended, or when a runtime that shuts down drops its task.
    fn drop(&mut self) {
        self.caller.conclude(Outcome::local(Status::unavailable(
            "the call's tokio runtime ended",
        )));
        // The call holds its link, so the link must not hold the call.
        drop(self.link.close());
    }
}
