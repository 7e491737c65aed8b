//! The exchange as seen by its ends: the caller and the handler.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{DoneCallback, Exchange, Head, Over};
use crate::base::{Chunks, Outcome};
use crate::call::Extensions;
use crate::call::pipe::{ReadState, remember};
use crate::{Metadata, Result, Status};

impl Exchange {
    /// Appends a chunk to the request.
    pub(crate) fn write_request(self: &Arc<Self>, chunk: Bytes, end: bool) {
        self.change(|state, wakes| {
            if state.over.is_none() && !state.request.ended {
                wakes.add(state.request.write(chunk, end));
                wakes.connection = true;
            }
        });
    }

    /// Waits for room in the request. Fails if the call is over, because then nothing will be read.
    pub(crate) fn poll_request_room(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.state();
        if let Some(over) = &state.over {
            return Poll::Ready(Err(over.status()));
        }
        if state.request.has_room(state.is_crowded()) {
            return Poll::Ready(Ok(()));
        }
        state.request.wait_to_write(context);
        Poll::Pending
    }

    /// Takes a piece of the request that has arrived. Returns `Ok(false)` if the request has ended and everything has been taken.
    pub(crate) fn poll_request(
        self: &Arc<Self>,
        context: &Context<'_>,
        reader: ReadState,
        chunks: &mut Chunks,
    ) -> Poll<Result<bool>> {
        self.change(|state, wakes| {
            let (request, link) = (&mut state.request, state.link.as_deref());
            wakes.release(request, reader.used, link);
            if let Some(over) = &state.over {
                return Poll::Ready(Err(over.status()));
            }
            if !request.chunks.is_empty() {
                chunks.take_piece(&mut request.chunks);
                return Poll::Ready(Ok(true));
            }
            if request.ended {
                wakes.release(request, reader.kept, link);
                return Poll::Ready(Ok(false));
            }
            wakes.want(request, reader, link);
            request.wait_to_read(context, 1);
            Poll::Pending
        })
    }

    /// Counts bytes of the request that were taken before as consumed.
    #[cfg(feature = "server")]
    pub(crate) fn release_request(self: &Arc<Self>, used: usize) {
        self.change(|state, wakes| {
            wakes.release(&mut state.request, used, state.link.as_deref());
        });
    }

    /// Counts bytes of the response that were taken before as consumed.
    #[cfg(feature = "client")]
    pub(crate) fn release_response(self: &Arc<Self>, used: usize) {
        self.change(|state, wakes| {
            wakes.release(&mut state.response, used, state.link.as_deref());
        });
    }

    /// Adds initial metadata. It is sent with the first message, or now if `send` is set. Returns `false` if it was already sent.
    pub(crate) fn set_initial_metadata(self: &Arc<Self>, metadata: Metadata, send: bool) -> bool {
        self.change(|state, wakes| match &mut state.head {
            Head::Unsent(initial) => {
                initial.merge(metadata);
                if send {
                    let initial = std::mem::take(initial);
                    state.head = Head::Sent(initial);
                    wakes.add(state.response.take_reader());
                    wakes.connection = true;
                }
                true
            }
            Head::Sent(_) | Head::Taken => false,
        })
    }

    /// Takes the initial metadata that has not been sent. Returns `None` if it was sent, or if it is empty and `even_if_empty` is not
    /// set.
    pub(crate) fn take_unsent_metadata(&self, even_if_empty: bool) -> Option<Metadata> {
        match &mut self.state().head {
            Head::Unsent(metadata) if even_if_empty || !metadata.is_empty() => {
                Some(std::mem::take(metadata))
            }
            Head::Unsent(_) | Head::Sent(_) | Head::Taken => None,
        }
    }

    /// Sets the metadata that is sent with the status. It replaces metadata that was set before.
    pub(crate) fn set_trailing_metadata(&self, metadata: Metadata) {
        self.state().trailing = metadata;
    }

    /// Adds metadata that is sent with the status, after the handler's own.
    pub(crate) fn add_trailing_metadata(&self, metadata: Metadata) {
        let mut state = self.state();
        state
            .extras
            .get_or_insert_default()
            .trailing
            .merge(metadata);
    }

    /// Returns the metadata that would be sent with the status if the call ended now with OK.
    pub(crate) fn trailing_metadata(&self) -> Metadata {
        let state = self.state();
        let mut trailing = state.trailing.clone();
        if let Some(extras) = &state.extras {
            trailing.extend(extras.trailing.clone());
        }
        trailing
    }

    /// Adds a callback for the end of the call. Returns `false` if the call has ended.
    pub(crate) fn add_done_callback(&self, callback: DoneCallback) -> bool {
        let mut state = self.state();
        let goes_on = state.over.is_none();
        if goes_on {
            state.extras.get_or_insert_default().done.push(callback);
        }
        goes_on
    }

    /// Returns the values that belong to the call.
    pub(crate) fn extensions(&self) -> &Extensions {
        self.extensions.get_or_init(Box::default)
    }

    /// Returns the initial metadata of the response if the handler has sent it and it was not taken yet.
    #[cfg(feature = "server")]
    pub(crate) fn sent_head(&self) -> Option<Metadata> {
        match &self.state().head {
            Head::Sent(metadata) => Some(metadata.clone()),
            Head::Unsent(_) | Head::Taken => None,
        }
    }

    /// Appends a chunk to the response.
    pub(crate) fn write_response(self: &Arc<Self>, chunk: Bytes) {
        self.change(|state, wakes| {
            if state.over.is_none() {
                state.send_head();
                wakes.add(state.response.write(chunk, false));
                wakes.connection = true;
            }
        });
    }

    /// Waits for room in the response. There is none once the call is over. Otherwise a stream that is always ready would be
    /// asked for more and more in one poll, and the task that drops it would never get its turn.
    pub(crate) fn poll_response_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.response.has_room(state.is_crowded()) && state.over.is_none() {
            return Poll::Ready(());
        }
        state.response.wait_to_write(context);
        Poll::Pending
    }

    /// Ends the handler with a last piece of the response. Metadata that it has set is sent. If the handler has moved its request
    /// stream to another task, the stream returns CANCELLED from now on.
    pub(crate) fn finish(self: &Arc<Self>, last: Bytes, result: Result<()>) {
        self.change(|state, wakes| {
            if state.over.is_some() {
                return;
            }
            let mut trailing = std::mem::take(&mut state.trailing);
            if let Some(extras) = &mut state.extras {
                trailing.extend(std::mem::take(&mut extras.trailing));
            }
            let result = result.map_err(|status| {
                trailing.merge(status.metadata().clone());
                status.with_metadata(trailing.clone())
            });
            // A failure needs no head, unless there is initial metadata.
            if result.is_ok() || !last.is_empty() || state.head.has_metadata() {
                state.send_head();
            }
            if !last.is_empty() {
                wakes.add(state.response.write(last, false));
            }
            state.done(result.as_ref().copied(), wakes);
            state.outcome = Some(Outcome { result, trailing });
            wakes.add(state.response.take_reader());
            wakes.connection = true;
            state.over(Over::Ended, wakes);
        });
    }

    /// Waits for the initial metadata of the response. Returns `None` if the call has ended without any, or if it was already
    /// taken.
    pub(crate) fn poll_head(&self, context: &Context<'_>) -> Poll<Option<Metadata>> {
        let mut state = self.state();
        match state.take_head() {
            Some(metadata) => Poll::Ready(Some(metadata)),
            None if state.outcome.is_some() || matches!(state.head, Head::Taken) => {
                Poll::Ready(None)
            }
            None => {
                state.response.wait_to_read(context, 1);
                Poll::Pending
            }
        }
    }

    /// Waits until the initial metadata of the response has arrived, or until the call has ended without any.
    #[cfg(feature = "client")]
    pub(crate) fn poll_head_came(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if !matches!(state.head, Head::Unsent(_)) || state.outcome.is_some() {
            return Poll::Ready(());
        }
        state.response.wait_to_read(context, 1);
        Poll::Pending
    }

    /// Takes a piece of the response that has arrived. Returns `false` if the call has ended and everything has been taken. With
    /// `whole`, waits until the whole response has arrived.
    pub(crate) fn poll_response(
        self: &Arc<Self>,
        context: &Context<'_>,
        reader: ReadState,
        chunks: &mut Chunks,
        whole: bool,
    ) -> Poll<bool> {
        self.change(|state, wakes| {
            let waits_for = if whole { state.whole() } else { 1 };
            let (response, link) = (&mut state.response, state.link.as_deref());
            wakes.release(response, reader.used, link);
            let ended = state.outcome.is_some();
            if response.chunks.len() >= waits_for || (ended && !response.chunks.is_empty()) {
                chunks.take_piece(&mut response.chunks);
                return Poll::Ready(true);
            }
            if ended {
                return Poll::Ready(false);
            }
            wakes.want(response, reader, link);
            response.wait_to_read(context, waits_for);
            Poll::Pending
        })
    }

    /// Tells the connection that the caller, which reads from another exchange, needs this many more bytes of the response.
    #[cfg(feature = "client")]
    pub(crate) fn want_response(self: &Arc<Self>, missing: usize) {
        self.change(|state, wakes| {
            state.response.pass_on_want(missing);
            wakes.connection = true;
        });
    }

    /// Returns whether a part of the response has arrived and was not taken.
    #[cfg(feature = "client")]
    pub(crate) fn has_response(&self) -> bool {
        !self.state().response.chunks.is_empty()
    }

    /// Returns the outcome of the call, once it has ended.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state().outcome.clone()
    }

    /// Returns the result of the call, once it has ended.
    #[cfg(feature = "client")]
    pub(crate) fn result(&self) -> Option<Result<()>> {
        let state = self.state();
        Some(state.outcome.as_ref()?.result.clone())
    }

    /// Takes the initial metadata of the response, if it has arrived and was not taken.
    pub(crate) fn head(&self) -> Option<Metadata> {
        self.state().take_head()
    }

    /// Ends the call because its caller has cancelled it or its deadline has passed. It ends on this side at once, and the
    /// transport tells the peer.
    pub(crate) fn abandon(self: &Arc<Self>, status: Status) {
        self.change(|state, wakes| {
            if state.outcome.is_some() {
                return;
            }
            state.abandoned = true;
            wakes.connection = true;
            state.end(Outcome::local(status), wakes);
        });
    }

    /// Waits until the handler's side is over.
    pub(crate) fn poll_over(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.over.is_some() {
            return Poll::Ready(());
        }
        remember(&mut state.task, context);
        Poll::Pending
    }

    /// Returns why the handler's side is over, or `None` while it is not.
    pub(crate) fn over(&self) -> Option<Status> {
        self.state().over.as_ref().map(Over::status)
    }
}
