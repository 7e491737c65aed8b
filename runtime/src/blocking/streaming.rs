//! Calls with a stream of responses.

use std::fmt;
use std::pin::Pin;

use futures_core::Stream;

use super::background::runtime;
use super::canceller::Canceller;
use super::wait::{poll_until_ready, wait};
use crate::client::{self, CallOptions, Startable, call_options};
use crate::{Call, Code, Metadata, Result};

/// A call with a stream of responses: it *is* the [`Iterator`] over them. It is lazy: each response is waited for when it is
/// asked for, and a server that is far ahead waits too. It ends when the server has said OK, and with an error as its last item
/// otherwise. Options are set before; nothing is sent until the first response is asked for. Dropping it, as leaving the
/// loop does, cancels the call on both sides.
///
/// It is made of an async call, [`StreamingCall`](crate::StreamingCall), by `from`.
#[must_use = "a call does nothing until it is iterated over"]
pub struct StreamingCall<Req, Res> {
    call: client::StreamingCall<Req, Res>,
    /// It could not be waited for.
    failed: bool,
}

impl<Req: Send + 'static, Res> StreamingCall<Req, Res> {
    call_options!();

    /// Waits for the next response; `None` when the server has ended the call with OK.
    ///
    /// # Errors
    /// The status of the call when it is not OK; FAILED_PRECONDITION within async code. Nothing follows it.
    pub fn message(&mut self) -> Result<Option<Res>> {
        self.next().transpose()
    }

    /// Waits for the metadata that the server sends before its first response; starts the call.
    ///
    /// # Errors
    /// The status of a call that failed before any came; FAILED_PRECONDITION within async code.
    pub fn initial_metadata(&mut self) -> Result<&Metadata> {
        wait(self.call.initial_metadata())
    }

    /// The metadata that the server sent with its status; `None` before the call has ended.
    pub fn trailing_metadata(&self) -> Option<Metadata> {
        self.call.trailing_metadata()
    }

    /// Returns how the call has ended, and what came beside its messages; `None` before it has.
    pub fn end(&mut self) -> Option<Call> {
        self.call.end()
    }

    /// The code of the status that the call ended with; `None` before it has.
    pub fn code(&self) -> Option<Code> {
        self.call.code()
    }

    /// The message of the status, empty for OK; `None` before the call has ended.
    pub fn details(&self) -> Option<String> {
        self.call.details()
    }

    /// How often the call was made, and failed, before it was made as it is now, by the retry policy of its method. It is made
    /// again only as long as no response has begun.
    pub fn previous_rpc_attempts(&self) -> u32 {
        self.call.previous_rpc_attempts()
    }

    /// Sets the call on its way now, before its first response is asked for.
    pub fn start(mut self) -> StreamingCall<Req, Res> {
        drop(self.canceller());
        self
    }

    /// Cancels the call on both sides: what has not been read is given up, and the iterator ends with CANCELLED. Does nothing
    /// to a call that has ended.
    pub fn cancel(&mut self) {
        if let Ok(runtime) = runtime() {
            let _inside = runtime.enter();
            self.call.cancel();
        }
    }

    /// Cancels the call from another thread; sets it on its way.
    pub fn canceller(&mut self) -> Canceller {
        let started = runtime().and_then(|runtime| {
            let _inside = runtime.enter();
            // What is wrong shows when it is waited for.
            self.call.start()
        });
        Canceller::of(started)
    }

    fn options(&mut self) -> &mut CallOptions {
        self.call.options()
    }
}

impl<Req: Send + 'static, Res> Iterator for StreamingCall<Req, Res> {
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

impl<Req, Res> From<client::StreamingCall<Req, Res>> for StreamingCall<Req, Res> {
    fn from(call: client::StreamingCall<Req, Res>) -> StreamingCall<Req, Res> {
        StreamingCall {
            call,
            failed: false,
        }
    }
}

impl<Req, Res> fmt::Debug for StreamingCall<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}
