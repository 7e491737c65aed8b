//! The relay between a caller and an attempt that is an exchange of its own.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::base::{Chunks, Outcome};
use crate::call::retry_buffer::{Budget, RetryBuffer};
use crate::call::{Exchange, Link, Peer, ReadState};
use crate::{Metadata, Status};

/// The most that is taken of a request at a time, once one attempt is left to send it, in bytes.
const ROOM: usize = 64 * 1024;

/// Carries a call between its caller and an attempt. To the caller it is the connection.
pub(super) struct Relay {
    pub(super) caller: Arc<Exchange>,
    /// By which the caller says that it has something.
    link: Arc<Link>,
    /// The part of the request that has come.
    pub(super) sent: RetryBuffer,
    budget: Arc<Budget>,
    /// Set once all of the request has come.
    has_ended: bool,
    /// The head of the response has been given to the caller.
    has_head: bool,
}

/// News from the caller.
pub(super) struct Taken {
    /// The number of bytes of the response that it has used up.
    used: usize,
    /// The number of further bytes of the response that it waits for, if that is news.
    wanted: usize,
    /// Set if there is more of the request.
    has_more: bool,
}

impl Relay {
    /// Becomes the connection of a call, whose streams have windows of `window` bytes or more.
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

    /// Has the task woken when the caller has something.
    pub(super) fn listen(&self, context: &Context<'_>) {
        // The list holds this one call, which is polled in any case.
        self.link.collect(context, &mut Vec::new());
    }

    /// Carries what is left of the call between its caller and this attempt.
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

    /// Sets the other end of the call, as its caller sees it. The first one counts.
    pub(super) fn set_peer(&self, peer: Peer) {
        self.link.set_peer(peer);
    }

    /// Gives the caller the head of the response to an attempt.
    pub(super) fn deliver_head(&mut self, attempt: &Exchange, head: Metadata) {
        self.has_head = true;
        self.set_peer(attempt.peer());
        self.caller.encoding.choose(attempt.encoding.get());
        self.caller.deliver_head(head);
    }

    /// Gives attempts what the caller has for them, up to `room` bytes. Returns `None` when the caller has given the call up.
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

    /// Gives an attempt what has come of the request.
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
    /// The call is over, or a runtime that shuts down has dropped its task.
    fn drop(&mut self) {
        self.caller.conclude(Outcome::local(Status::unavailable(
            "the tokio runtime ended on which the call was made",
        )));
        // A call holds its link: the link must not hold the call.
        drop(self.link.close());
    }
}
