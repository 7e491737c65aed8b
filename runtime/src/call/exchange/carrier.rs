//! The exchange as seen by a connection driver, which carries it to the peer.

use std::sync::Arc;

use bytes::Bytes;

#[cfg(feature = "client")]
use super::RetryPolicy;
use super::{Exchange, Head, Over};
use crate::base::sync::atomic::Ordering;
use crate::base::{Chunks, Outcome};
use crate::call::Link;
#[cfg(feature = "client")]
use crate::call::listener::Listening;
use crate::{Metadata, Status};

/// A part of a response that a server's connection takes from a call to send it.
#[derive(Debug, Default)]
pub(crate) struct ResponsePart {
    pub(crate) head: Option<Metadata>,
    pub(crate) data: Chunks,
    pub(crate) outcome: Option<Outcome>,
    /// Set if there was more data than room.
    pub(crate) has_more: bool,
    /// Set if the handler waits until this data has been sent. The next part that is taken wakes it.
    pub(crate) held: bool,
    /// The number of request bytes that the handler has consumed.
    pub(crate) released: usize,
    /// The number of request bytes that the handler still needs to continue, if it has changed; otherwise zero.
    pub(crate) wanted: usize,
}

/// A part of a request that a client's connection takes from a call to send it.
#[derive(Debug, Default)]
pub(crate) struct RequestPart {
    pub(crate) data: Chunks,
    pub(crate) end: bool,
    /// Set if there was more data than room.
    pub(crate) has_more: bool,
    /// Set if the caller waits until this data has been sent. The next part that is taken wakes it.
    pub(crate) held: bool,
    /// Set if the caller has cancelled the call.
    pub(crate) abandoned: bool,
    /// The number of response bytes that the caller has consumed.
    pub(crate) released: usize,
    /// The number of response bytes that the caller still needs to continue, if it has changed; otherwise zero.
    pub(crate) wanted: usize,
}

impl Exchange {
    /// Gives the call to a connection, which is notified of all changes from now on. The caller of this function must let the
    /// connection handle the call once: the call is not put on its list before the connection has taken a part by
    /// [`Exchange::take_response`] or [`Exchange::take_request`].
    pub(crate) fn attach(&self, stream: u32, link: Arc<Link>) {
        self.set_stream(stream);
        let mut state = self.state();
        state.link = Some(link);
        state.scheduled = true;
        // A reader that already waits did not know how much the peer may send at a time.
        let whole = state.whole();
        state.response.wait_for_no_more_than(whole);
    }

    /// Returns the stream that carries the call, or zero before there is one.
    pub(crate) fn stream(&self) -> u32 {
        self.stream.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stream(&self, stream: u32) {
        self.stream.store(stream, Ordering::Relaxed);
    }

    /// Returns whether the call still has to be sent on the connection of this link.
    ///
    /// A call may be on the list of a connection that it has left, because its caller wrote something just before the connection
    /// returned it. That connection must not open a second stream for it.
    #[cfg(feature = "client")]
    pub(crate) fn is_wanted_on(&self, link: &Arc<Link>) -> bool {
        let state = self.state();
        let is_here = |own: &Arc<Link>| Arc::ptr_eq(own, link);
        state.outcome.is_none() && state.link.as_ref().is_some_and(is_here)
    }

    /// Sets the listener of the next attempt.
    #[cfg(feature = "client")]
    pub(crate) fn listen(&self, listening: Listening) {
        // The previous listener is told without the lock.
        let before = self.state().listening.replace(listening);
        drop(before);
    }

    /// Sets the retry policy of the call. Only the first one counts.
    #[cfg(feature = "client")]
    pub(crate) fn set_retry_policy(&self, policy: Arc<dyn RetryPolicy>) {
        drop(self.retry_policy.set(policy));
    }

    /// Ends an attempt at the call. Also ends the call, unless its retry policy makes another attempt. `sent` returns the part of
    /// the request that was sent, if it can be sent again.
    #[cfg(feature = "client")]
    pub(crate) fn end_attempt(
        self: Arc<Self>,
        outcome: Outcome,
        sent: impl FnOnce() -> Option<Chunks>,
    ) {
        match self.retry_policy.get().map(Arc::clone) {
            Some(policy) => policy.attempt_ended(self, outcome, sent()),
            None => self.conclude(outcome),
        }
    }

    /// Takes the listener of the attempt, because the connection opens a stream for the call. Returns `None` if the call must not
    /// be sent on this connection any more.
    #[cfg(feature = "client")]
    pub(crate) fn claim(&self, link: &Arc<Link>) -> Option<Option<Listening>> {
        let mut state = self.state();
        let is_here = |own: &Arc<Link>| Arc::ptr_eq(own, link);
        let is_wanted = state.outcome.is_none() && state.link.as_ref().is_some_and(is_here);
        is_wanted.then(|| state.listening.take())
    }

    /// Returns the number of unread bytes of the request, and whether the request has ended.
    #[cfg(feature = "server")]
    pub(crate) fn request_so_far(&self) -> (usize, bool) {
        let request = &self.state().request;
        (request.chunks.len(), request.ended)
    }

    /// Takes the handler's data for the peer: at most `room` bytes, and the outcome if no data is left before it.
    pub(crate) fn take_response(&self, room: usize) -> ResponsePart {
        let (part, writer) = {
            let mut state = self.state();
            state.scheduled = false;
            let head = state.take_head();
            let crowded = state.is_crowded();
            let (data, writer) = state.response.hand_over(room, crowded);
            let has_more = !state.response.chunks.is_empty();
            let outcome = if has_more { None } else { state.outcome.take() };
            let (released, wanted) = state.request.take_released();
            let part = ResponsePart {
                head,
                data,
                outcome,
                has_more,
                held: state.response.is_held(),
                released,
                wanted,
            };
            (part, writer)
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        part
    }

    /// Takes the caller's data for the peer: at most `room` bytes.
    pub(crate) fn take_request(&self, room: usize) -> RequestPart {
        let (part, writer) = {
            let mut state = self.state();
            state.scheduled = false;
            let crowded = state.is_crowded();
            let (data, writer) = state.request.hand_over(room, crowded);
            let (released, wanted) = state.response.take_released();
            let part = RequestPart {
                data,
                end: state.request.ended && state.request.chunks.is_empty(),
                has_more: !state.request.chunks.is_empty(),
                held: state.request.is_held(),
                abandoned: state.abandoned,
                released,
                wanted,
            };
            (part, writer)
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        part
    }

    /// Takes a call back from its connection, so that it can be sent on another one. `sent` is the part of the request that was
    /// sent.
    #[cfg(feature = "client")]
    pub(crate) fn detach(&self, sent: Chunks) {
        self.set_stream(0);
        let listening = {
            let mut state = self.state();
            state.link = None;
            state.scheduled = false;
            state.request.take_back(sent);
            state.response.forget_transport();
            state.listening.take()
        };
        drop(listening);
    }

    /// Records that a peer has refused the call without processing it. Returns whether this is the first time.
    #[cfg(feature = "client")]
    pub(crate) fn is_first_refusal(&self) -> bool {
        !std::mem::replace(&mut self.state().tried_again, true)
    }

    /// Returns the number of attempts before this one, by the caller's retry or hedging policy.
    #[cfg(feature = "client")]
    pub(crate) fn previous_attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Counts one more attempt.
    #[cfg(feature = "client")]
    pub(crate) fn add_attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets the number of attempts before this one.
    #[cfg(feature = "client")]
    pub(crate) fn set_previous_attempts(&self, attempts: u32) {
        self.attempts.store(attempts, Ordering::Relaxed);
    }

    /// Sets the metadata of the call's credentials for its next attempt.
    #[cfg(feature = "client")]
    pub(crate) fn grant(&self, metadata: Metadata) {
        self.state().extras.get_or_insert_default().granted = Some(metadata);
    }

    /// Takes the metadata of the call's credentials. Returns `None` if they must be asked first.
    #[cfg(feature = "client")]
    pub(crate) fn take_grant(&self) -> Option<Metadata> {
        self.state().extras.as_mut()?.granted.take()
    }

    /// Creates the exchange of another attempt at the same call. Its request must be written again.
    #[cfg(feature = "client")]
    pub(crate) fn another(&self, previous_attempts: u32) -> Exchange {
        let another = Exchange::new(self.details().clone());
        another.set_previous_attempts(previous_attempts);
        another
    }

    /// Copies unread data into buffers of its own, to free those of the connection.
    pub(crate) fn set_aside(&self) {
        let mut state = self.state();
        state.request.set_aside();
        state.response.set_aside();
    }

    /// Delivers a piece of the request. Returns whether the call must be listed as unread, because no reader waits for the piece.
    pub(crate) fn deliver_request(self: &Arc<Self>, chunk: Bytes, end: bool) -> bool {
        self.change(|state, wakes| {
            if state.over.is_some() {
                // Nobody will read it. Its window is returned with the next part.
                wakes.release(&mut state.request, chunk.len(), state.link.as_deref());
                return false;
            }
            let is_news_to_nobody = state.request.is_news_to_nobody();
            wakes.add(state.request.write(chunk, end));
            is_news_to_nobody
        })
    }

    /// Delivers the head of the response.
    pub(crate) fn deliver_head(self: &Arc<Self>, metadata: Metadata) {
        self.change(|state, wakes| {
            if state.outcome.is_none() {
                state.head = Head::Sent(metadata);
                wakes.add(state.response.take_reader_of_little());
            }
        });
    }

    /// Delivers a piece of the response. Returns whether the call must be listed as unread, because no reader waits for the
    /// piece.
    pub(crate) fn deliver_response(self: &Arc<Self>, chunk: Bytes) -> bool {
        self.change(|state, wakes| {
            if state.outcome.is_some() {
                return false;
            }
            let is_news_to_nobody = state.response.is_news_to_nobody();
            wakes.add(state.response.write(chunk, false));
            is_news_to_nobody
        })
    }

    /// Ends the call with an outcome of the peer or of the connection. Responses that have already arrived can still be read.
    pub(crate) fn conclude(self: &Arc<Self>, outcome: Outcome) {
        self.change(|state, wakes| state.end(outcome, wakes));
    }

    /// Ends the call while its handler runs. Unsent data of the handler is dropped.
    pub(crate) fn cancel(self: &Arc<Self>, status: Status) {
        self.change(|state, wakes| {
            if state.over.is_none() {
                wakes.extend(state.response.close());
                wakes.extend(state.request.close());
                state.over(Over::Failed(status), wakes);
            }
        });
    }
}
