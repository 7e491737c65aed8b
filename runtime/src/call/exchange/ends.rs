//! The exchange as its ends see it: the caller, and the handler.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{DoneCallback, Exchange, Head, Over};
use crate::base::{Chunks, Outcome};
use crate::call::Extensions;
use crate::call::pipe::{ReadState, remember};
use crate::{Metadata, Result, Status};

impl Exchange {
    /// Adds to the request.
    pub(crate) fn write_request(self: &Arc<Self>, chunk: Bytes, end: bool) {
        self.change(|state, wakes| {
            if state.over.is_none() && !state.request.ended {
                wakes.add(state.request.write(chunk, end));
                wakes.connection = true;
            }
        });
    }

    /// Waits for room in the request. It fails when the call is over, as nothing will be read then.
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

    /// Takes a piece of what has come of the request. `Ok(false)` means that the request has ended and everything has been taken.
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

    /// Counts bytes of the request that were taken before as used up.
    #[cfg(feature = "server")]
    pub(crate) fn release_request(self: &Arc<Self>, used: usize) {
        self.change(|state, wakes| {
            wakes.release(&mut state.request, used, state.link.as_deref());
        });
    }

    /// Counts bytes of the response that were taken before as used up.
    #[cfg(feature = "client")]
    pub(crate) fn release_response(self: &Arc<Self>, used: usize) {
        self.change(|state, wakes| {
            wakes.release(&mut state.response, used, state.link.as_deref());
        });
    }

    /// Adds initial metadata, which is sent with the first message, or now with `send`. Returns `false` when it has been sent
    /// already.
    pub(crate) fn set_initial_metadata(self: &Arc<Self>, metadata: Metadata, send: bool) -> bool {
        self.change(|state, wakes| match &mut state.head {
            Head::Unsent(initial) => {
                initial.extend(metadata);
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

    /// Sets the metadata that is sent with the status. It replaces what was set before.
    pub(crate) fn set_trailing_metadata(&self, metadata: Metadata) {
        self.state().trailing = metadata;
    }

    /// Adds metadata that is sent with the status, behind the handler's own.
    pub(crate) fn add_trailing_metadata(&self, metadata: Metadata) {
        let mut state = self.state();
        state
            .extras
            .get_or_insert_default()
            .trailing
            .extend(metadata);
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

    /// Adds a callback for the end of the call. Returns `false` when the call has ended.
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

    /// Returns the initial metadata of the response, once the handler has sent it and until somebody takes it.
    #[cfg(feature = "server")]
    pub(crate) fn sent_head(&self) -> Option<Metadata> {
        match &self.state().head {
            Head::Sent(metadata) => Some(metadata.clone()),
            Head::Unsent(_) | Head::Taken => None,
        }
    }

    /// Adds to the response.
    pub(crate) fn write_response(self: &Arc<Self>, chunk: Bytes) {
        self.change(|state, wakes| {
            if state.over.is_none() {
                state.send_head();
                wakes.add(state.response.write(chunk, false));
                wakes.connection = true;
            }
        });
    }

    /// Waits for room in the response. There is none once the call is over: a stream that is always ready would be asked for
    /// more and more in one poll, and the task that drops it never get its turn.
    pub(crate) fn poll_response_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.response.has_room(state.is_crowded()) && state.over.is_none() {
            return Poll::Ready(());
        }
        state.response.wait_to_write(context);
        Poll::Pending
    }

    /// Ends the handler with a last piece of the response. What it has set to be sent is sent. A request stream that it has moved
    /// to another task sees CANCELLED from now on.
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
                trailing.extend(status.metadata().clone());
                status.with_metadata(trailing.clone())
            });
            // A failure needs no head, unless there is something in it.
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

    /// Waits for the initial metadata of the response. `None` means that the call has ended without any, or that it was taken
    /// before.
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

    /// Waits until the initial metadata of the response is there, or was taken, or the call has ended without any.
    #[cfg(feature = "client")]
    pub(crate) fn poll_head_came(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if !matches!(state.head, Head::Unsent(_)) || state.outcome.is_some() {
            return Poll::Ready(());
        }
        state.response.wait_to_read(context, 1);
        Poll::Pending
    }

    /// Takes a piece of what has come of the response. `false` means that the call has ended and everything has been taken. With
    /// `whole` it waits until the whole response is there.
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

    /// Tells the connection that the caller, which reads elsewhere, needs this many more bytes of the response.
    #[cfg(feature = "client")]
    pub(crate) fn want_response(self: &Arc<Self>, missing: usize) {
        self.change(|state, wakes| {
            state.response.pass_on_want(missing);
            wakes.connection = true;
        });
    }

    /// Returns whether a part of the response has come and has not been taken.
    #[cfg(feature = "client")]
    pub(crate) fn has_response(&self) -> bool {
        !self.state().response.chunks.is_empty()
    }

    /// Returns the outcome of the call, once it has ended.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state().outcome.clone()
    }

    /// Takes the initial metadata of the response, if it has come and was not taken.
    pub(crate) fn head(&self) -> Option<Metadata> {
        self.state().take_head()
    }

    /// Ends the call for its caller, who has given it up or whose time is over. It ends on this side at once, and the transport
    /// tells the peer.
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

    /// Returns why the handler's side is over; `None` while it is not.
    pub(crate) fn over(&self) -> Option<Status> {
        self.state().over.as_ref().map(Over::status)
    }
}
