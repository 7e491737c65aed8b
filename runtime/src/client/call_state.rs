//! The state of a call, from its creation to its end.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::call_head::CallHead;
use super::cancel_handle::{CancelHandle, cancelled};
use super::channel::Channel;
use super::feed::{Packing, send};
use super::intercepted::caller::Intercepted;
use super::intercepted::requests::InterceptedRequests;
use super::intercepted::state::InterceptedState;
use super::options::Options;
use super::receiving::Receiving;
use crate::base::erasure::{AnyRequests, AnySlot};
use crate::base::header::Header;
use crate::call::inbox::Inbox;
use crate::call::{CallEnd, Peer};
use crate::{Metadata, Result, Status};

/// The state of a call. It collects options until the first poll, and receives responses afterwards. It does not know the types
/// of the messages, so that it is compiled only once.
pub(crate) struct CallState {
    channel: Channel,
    head: CallHead,
    one_response: bool,
    /// Set once the call has been started. It can only be started once.
    is_started: bool,
    /// `None` until the call has been started.
    receiving: Option<Receiving>,
    cancel_handle: Option<CancelHandle>,
    /// The initial metadata of the response, once it has been read.
    initial: Option<Metadata>,
    /// The error of the call, once it has been returned to the caller.
    failed: Option<Status>,
    /// Set if no response follows.
    done: bool,
}

impl CallState {
    /// Creates a call with one response, or with a stream of responses.
    pub(crate) fn new(channel: &Channel, path: Header, one_response: bool) -> CallState {
        CallState {
            channel: channel.clone(),
            head: CallHead::new(path),
            one_response,
            is_started: false,
            receiving: None,
            cancel_handle: None,
            initial: None,
            failed: None,
            done: false,
        }
    }

    /// Returns `/package.Service/Method`.
    #[cfg(feature = "server")]
    pub(crate) fn method(&self) -> &str {
        self.head.method()
    }

    pub(crate) fn options(&mut self) -> &mut Options {
        &mut self.head.options
    }

    pub(crate) fn is_started(&self) -> bool {
        self.is_started
    }

    /// Waits for the next response of a call with a stream of responses, and puts it into the slot. If the slot stays empty, the
    /// call has ended with OK. Nothing follows an error.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        requests: &mut dyn AnyRequests,
        slot: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        if self.done {
            return Poll::Ready(Ok(()));
        }
        let read = match self.receive(requests) {
            Ok(receiving) => ready!(receiving.poll_next(context, slot)),
            Err(status) => Err(status),
        };
        self.done = !slot.is_some();
        Poll::Ready(self.remember_error(read))
    }

    /// Waits for the end of a call with one response, and puts the response into the slot.
    pub(crate) fn poll_only(
        &mut self,
        context: &mut Context<'_>,
        requests: &mut dyn AnyRequests,
        slot: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        let read = match self.receive(requests) {
            Ok(receiving) => ready!(receiving.poll_only(context, slot)),
            Err(status) => Err(status),
        };
        Poll::Ready(self.remember_error(read))
    }

    /// Waits until the initial metadata of the response has come, or the call has ended without any.
    pub(crate) fn poll_initial(
        &mut self,
        context: &mut Context<'_>,
        requests: &mut dyn AnyRequests,
    ) -> Poll<Result<()>> {
        if self.initial.is_none() {
            let receiving = self.receive(requests)?;
            self.initial = ready!(receiving.poll_head(context));
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the receiving end. Starts the call if it has not been started.
    pub(crate) fn receive(&mut self, requests: &mut dyn AnyRequests) -> Result<&mut Receiving> {
        if self.receiving.is_none() {
            self.start(requests)?;
        }
        self.receiving.as_mut().ok_or_else(started_already)
    }

    /// Returns the initial metadata of the response, once it has arrived.
    pub(crate) fn initial(&mut self) -> Option<&Metadata> {
        if self.initial.is_none() {
            self.initial = self.receiving.as_mut()?.take_head();
        }
        self.initial.as_ref()
    }

    /// Returns the result of the call, or `None` before it has ended.
    pub(crate) fn result(&self) -> Option<Result<()>> {
        match &self.failed {
            Some(status) => Some(Err(status.clone())),
            None => Some(self.receiving.as_ref()?.outcome()?.result),
        }
    }

    /// Returns the end of the call, or `None` before it has ended.
    pub(crate) fn end(&mut self) -> Option<CallEnd> {
        let result = self.result()?;
        let outcome = self.receiving.as_ref().and_then(Receiving::outcome);
        Some(CallEnd {
            result,
            initial_metadata: self.initial().cloned().unwrap_or_default(),
            trailing_metadata: outcome.map(|outcome| outcome.trailing).unwrap_or_default(),
            peer: self
                .receiving
                .as_ref()
                .map_or_else(Peer::unknown, Receiving::peer),
            previous_rpc_attempts: self.previous_attempts(),
        })
    }

    /// Returns the trailing metadata, or `None` before the call has ended.
    pub(crate) fn trailing(&self) -> Option<Metadata> {
        Some(self.receiving.as_ref()?.outcome()?.trailing)
    }

    /// Returns the number of attempts before the last one, by a retry or hedging policy.
    pub(crate) fn previous_attempts(&self) -> u32 {
        let receiving = self.receiving.as_ref();
        receiving.map_or(0, Receiving::previous_attempts)
    }

    pub(crate) fn cancel_handle(&mut self) -> CancelHandle {
        let handle = self.cancel_handle.get_or_insert_with(CancelHandle::new);
        if let Some(receiving) = &self.receiving {
            handle.set_started(receiving.started());
        }
        handle.clone()
    }

    /// Ends the call with CANCELLED. If the call has not been started, nothing of it is sent.
    pub(crate) fn cancel(&mut self, requests: &mut dyn AnyRequests) {
        if let Some(receiving) = &mut self.receiving {
            receiving.give_up(cancelled());
        } else if !self.is_started {
            self.is_started = true;
            self.failed = Some(cancelled());
            requests.close();
        }
    }

    /// Remembers the error that is returned to the caller, so that the end of the call has the same one.
    fn remember_error(&mut self, read: Result<()>) -> Result<()> {
        if let Err(status) = &read {
            self.failed.get_or_insert_with(|| status.clone());
        }
        read
    }

    /// Starts the call. A call that could not be started fails in the same way when it is started again.
    fn start(&mut self, requests: &mut dyn AnyRequests) -> Result<()> {
        if self.is_started {
            // A start that panicked may have left requests.
            requests.close();
            return Err(self.failed.clone().unwrap_or_else(started_already));
        }
        self.is_started = true;
        let started = self.start_with(requests);
        started.inspect_err(|status| {
            self.failed = Some(status.clone());
            // A sender may be waiting for room in the queue.
            requests.close();
        })
    }

    fn start_with(&mut self, requests: &mut dyn AnyRequests) -> Result<()> {
        if let Some(handle) = &self.cancel_handle {
            handle.check()?;
        }
        let defaults = self.channel.defaults();
        self.head
            .complete(defaults.map(|defaults| &defaults.options))?;
        let receiving = if self.needs_interceptors() {
            Receiving::Intercepted(self.intercept(requests.take()))
        } else {
            let transport = self.channel.transport();
            let (ongoing, packer) = self.head.open(&**transport)?;
            let packing = Packing::new(packer, self.head.options.compress_if.take());
            send(requests, packing, &ongoing.exchange)?;
            transport.start(Arc::clone(&ongoing.exchange));
            Receiving::Plain(Inbox::new(ongoing, self.one_response))
        };
        let receiving = self.receiving.insert(receiving);
        if let Some(handle) = &self.cancel_handle {
            handle.set_started(receiving.started());
        }
        Ok(())
    }

    fn needs_interceptors(&self) -> bool {
        let defaults = self.channel.defaults();
        // If the transport doesn't ask credentials, the code that runs interceptors does.
        defaults.is_some_and(|defaults| !defaults.interceptors.is_empty())
            || (self.head.options.credentials.is_some()
                && !self.channel.transport().asks_credentials())
    }

    #[cold]
    fn intercept(&mut self, requests: Box<dyn AnyRequests>) -> Box<Intercepted> {
        let mut head = self.head.take();
        let state = InterceptedState::new(
            Arc::clone(self.channel.transport()),
            head.path.clone(),
            InterceptedRequests::new(requests, head.options.compress_if.take()),
            self.one_response,
            head.options.extensions.take().unwrap_or_default(),
        );
        let defaults = self.channel.defaults();
        let interceptors = defaults.map(|defaults| defaults.interceptors.clone());
        Box::new(Intercepted::new(
            state,
            interceptors.unwrap_or_default(),
            head,
        ))
    }
}

/// Returns the status of a call that is started twice.
#[cold]
fn started_already() -> Status {
    Status::failed_precondition("the call has been made already")
}
