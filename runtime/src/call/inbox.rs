//! The inbox of a call: its responses as bytes.

use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::base::Chunks;
use crate::base::framing::{Cut, Deframer};
use crate::call::ongoing::Ongoing;
use crate::call::{ReadState, WORTH_TELLING};
use crate::{Encoded, Result, Status};

/// Cuts received bytes into the responses of a call.
pub(crate) struct Inbox {
    ongoing: Ongoing,
    chunks: Chunks,
    /// The number of bytes in `chunks` when the exchange was last told how many were consumed.
    had: usize,
    deframer: Deframer,
    /// Set if the caller only needs whole responses.
    whole: bool,
}

impl Inbox {
    /// Creates the inbox of a call. With `whole`, the caller is not woken for a part of a response.
    pub(crate) fn new(ongoing: Ongoing, whole: bool) -> Inbox {
        Inbox {
            ongoing,
            chunks: Chunks::default(),
            had: 0,
            deframer: Deframer::default(),
            whole,
        }
    }

    pub(crate) fn ongoing(&self) -> &Ongoing {
        &self.ongoing
    }

    /// Waits for the next response. Returns `None` if the call has ended with OK. Nothing follows an error. A response must be
    /// read or taken before the next call.
    pub(crate) fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Cut>>> {
        let exchange = &self.ongoing.exchange;
        loop {
            let limit = exchange.details().limits.response;
            let message = self.deframer.next(&mut self.chunks, limit);
            match message {
                Ok(None) => {}
                Ok(message) => return Poll::Ready(Ok(message)),
                Err(status) => return Poll::Ready(Err(self.give_up(status))),
            }
            let kept = self.deframer.kept();
            let reader = ReadState {
                used: self.had.saturating_sub(kept + self.chunks.len()),
                kept,
                missing: self.deframer.missing(),
            };
            let more = exchange.poll_response(context, reader, &mut self.chunks, self.whole);
            self.had = kept + self.chunks.len();
            if !ready!(more) {
                return Poll::Ready(self.end());
            }
            // The head arrives before the messages, so it is known here.
            self.deframer.compression = exchange.encoding.get();
        }
    }

    /// Reads a response. Ends the call if this fails.
    pub(crate) fn read<T>(
        &mut self,
        response: Cut,
        read: impl FnOnce(Encoded<'_>) -> Result<T>,
    ) -> Result<T> {
        let memory = self.max_memory();
        let response = response.read(&mut self.chunks, |bytes| read(bytes.memory(memory)));
        self.tell_used();
        response.map_err(|status| self.give_up(status))
    }

    /// Returns the maximum memory of a decoded response, in bytes.
    pub(crate) fn max_memory(&self) -> usize {
        self.ongoing.exchange.details().limits.memory_of_response()
    }

    /// Takes the bytes of a response.
    pub(crate) fn take(&mut self, response: Cut) -> Bytes {
        let response = response.take(&mut self.chunks);
        self.tell_used();
        response
    }

    /// Tells the connection at once how much a large response has consumed, so that it makes room for others before the next one
    /// is requested.
    fn tell_used(&mut self) {
        // The deframer holds nothing of a complete message.
        let left = self.chunks.len();
        let used = self.had.saturating_sub(left);
        if used >= WORTH_TELLING {
            self.had = left;
            self.ongoing.exchange.release_response(used);
        }
    }

    /// Returns the end of the call: the server's status, or an error if the last message is incomplete.
    fn end(&self) -> Result<Option<Cut>> {
        match self.ongoing.exchange.result() {
            Some(Ok(())) if !self.deframer.is_at_boundary() => {
                Err(Status::internal("the response ended inside a message"))
            }
            Some(result) => result.map(|()| None),
            None => Ok(None),
        }
    }

    /// Ends the call because of the server's error, and resets its stream.
    pub(crate) fn give_up(&self, status: Status) -> Status {
        self.ongoing.exchange.abandon(status.clone());
        status
    }
}

/// Returns the status of a call with one response that had none.
pub(crate) fn none() -> Status {
    Status::internal("the server said OK to a call with one response, and sent none")
}

/// Returns the status of a call with one response that had two.
pub(crate) fn second() -> Status {
    Status::internal("the server sent a second response to a call with one")
}
