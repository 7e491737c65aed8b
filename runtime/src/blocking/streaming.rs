//! Calls with a stream of responses.

use std::fmt;
use std::pin::Pin;

use futures_core::Stream;

use super::background::runtime;
use super::wait::{poll_until_ready, wait};
use crate::client::{self, HasOptions, Options, StartCall, option_methods};
use crate::{CallEnd, CallOptions, CancelHandle, Code, Metadata, Result};

/// A call with a stream of responses, as an [`Iterator`] over the responses.
///
/// The call starts when the first response is requested, so set its options before that. Each step of the iterator
/// waits for the next response. Flow control limits how many responses the server sends ahead. If the server ends the
/// call with OK, the iterator ends. Otherwise, the last item is the error.
///
/// Dropping the call cancels it on both sides. A `for` loop drops its call when the loop is left, so `break` cancels
/// the call.
///
/// Use `StreamingCall::from` to create it from an async [`StreamingCall`](crate::StreamingCall).
#[must_use = "a call does nothing until it is iterated over"]
pub struct StreamingCall<Res> {
    call: client::StreamingCall<Res>,
    /// True if waiting has failed, because the current thread must not block.
    failed: bool,
}

impl<Res> StreamingCall<Res> {
    option_methods!(pub fn);

    /// Waits for the next response. Returns `None` when the server has ended the call with OK.
    ///
    /// # Errors
    /// Returns the status of the call if it is not OK, or FAILED_PRECONDITION in async code. No response follows an error.
    pub fn message(&mut self) -> Result<Option<Res>> {
        self.next().transpose()
    }

    /// Waits for the initial metadata of the response. Starts the call if it has not started yet.
    ///
    /// # Errors
    /// Returns the status of the call if it fails before initial metadata arrives, or FAILED_PRECONDITION in async
    /// code.
    pub fn initial_metadata(&mut self) -> Result<&Metadata> {
        wait(self.call.initial_metadata())
    }

    /// Returns the trailing metadata, or `None` before the call has ended.
    pub fn trailing_metadata(&self) -> Option<Metadata> {
        self.call.trailing_metadata()
    }

    /// Returns the end of the call, with its status and metadata, or `None` before the call has ended.
    pub fn end(&mut self) -> Option<CallEnd> {
        self.call.end()
    }

    /// Returns the status code of the call, or `None` before the call has ended.
    pub fn code(&self) -> Option<Code> {
        self.call.code()
    }

    /// Returns the message of the call's status, or `None` before the call has ended. The message of OK is empty.
    pub fn details(&self) -> Option<String> {
        self.call.details()
    }

    /// Returns the number of attempts that were made before the current attempt, because of the method's retry or
    /// hedging policy. A call is only retried until its response begins.
    pub fn previous_rpc_attempts(&self) -> u32 {
        self.call.previous_rpc_attempts()
    }

    /// Starts the call now, before its first response is requested.
    pub fn start(mut self) -> StreamingCall<Res> {
        if let Ok(runtime) = runtime() {
            let _inside = runtime.enter();
            // The next wait for a response returns an error, if there was one.
            drop(self.call.start());
        }
        self
    }

    /// Cancels the call on both sides. Unread responses are discarded, and the iterator ends with CANCELLED. Does
    /// nothing if the call has ended.
    pub fn cancel(&mut self) {
        self.call.cancel();
    }

    /// Returns a handle that cancels the call, for example from another thread or a signal handler.
    pub fn cancel_handle(&mut self) -> CancelHandle {
        self.call.cancel_handle()
    }
}

impl<Res> HasOptions for StreamingCall<Res> {
    fn options(&mut self) -> &mut Options {
        self.call.options()
    }
}

impl<Res> CallOptions for StreamingCall<Res> {}

impl<Res> Iterator for StreamingCall<Res> {
    type Item = Result<Res>;

    fn next(&mut self) -> Option<Result<Res>> {
        if self.failed {
            return None;
        }
        match poll_until_ready(|context| Pin::new(&mut self.call).poll_next(context)) {
            Ok(item) => item,
            Err(status) => {
                self.failed = true;
                Some(Err(status))
            }
        }
    }
}

impl<Res> From<client::StreamingCall<Res>> for StreamingCall<Res> {
    fn from(call: client::StreamingCall<Res>) -> StreamingCall<Res> {
        StreamingCall {
            call,
            failed: false,
        }
    }
}

impl<Res> fmt::Debug for StreamingCall<Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}
