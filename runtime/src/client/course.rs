//! The course of a call, from its making to its end.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::channel::Channel;
use super::compress_if::CompressIf;
use super::feed::{Packing, send};
use super::intercepted::Intercepted;
use super::options::CallOptions;
use super::outbox;
use super::passage::Passage;
use super::plan::Plan;
use super::receiving::Receiving;
use crate::base::erasure::{AnyRequests, AnySlot};
use crate::base::header::Header;
use crate::call::inbox::Inbox;
use crate::{Metadata, Result, Status};

/// The course of a call: until its first poll it is a builder, then what comes of it is received. Nothing here knows the types of
/// its messages: it is compiled once.
pub(crate) struct Course {
    terms: Terms,
    receiving: Option<Receiving>,
    /// The initial metadata of the response, once it was asked for.
    initial: Option<Metadata>,
    /// What the caller was told that the call has failed with.
    failed: Option<Status>,
    /// No response follows.
    done: bool,
}

/// What a call is made with beside its messages.
struct Terms {
    channel: Channel,
    path: Header,
    options: CallOptions,
    one_response: bool,
    /// Whether the call has been started: a call is good for one start.
    is_made: bool,
    /// Why the call could not be started.
    failed: Option<Status>,
}

impl Course {
    /// A call with one response, or a stream of them.
    pub(crate) fn new(channel: &Channel, path: Header, one_response: bool) -> Course {
        Course {
            terms: Terms {
                channel: channel.clone(),
                path,
                options: CallOptions::default(),
                one_response,
                is_made: false,
                failed: None,
            },
            receiving: None,
            initial: None,
            failed: None,
            done: false,
        }
    }

    /// `/package.Service/Method`.
    #[cfg(feature = "server")]
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.terms.path.value()).unwrap_or_default()
    }

    pub(crate) fn options(&mut self) -> &mut CallOptions {
        &mut self.terms.options
    }

    /// The next response of a call that has many: it is `held` then. When none is, the call has ended well; nothing follows an
    /// error.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        requests: &mut dyn AnyRequests,
        held: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        if self.done {
            return Poll::Ready(Ok(()));
        }
        let read = match self.receive(requests) {
            Ok(receiving) => ready!(receiving.poll_next(context, held)),
            Err(status) => Err(status),
        };
        self.done = !held.is_some();
        Poll::Ready(self.told(read))
    }

    /// The response of a call that has one, which is `held` from when it has come; ready once the call has ended.
    pub(crate) fn poll_only(
        &mut self,
        context: &mut Context<'_>,
        requests: &mut dyn AnyRequests,
        held: &mut dyn AnySlot,
    ) -> Poll<Result<()>> {
        let read = match self.receive(requests) {
            Ok(receiving) => ready!(receiving.poll_only(context, held)),
            Err(status) => Err(status),
        };
        Poll::Ready(self.told(read))
    }

    /// Where the responses come in; sets the call on its way if it is not.
    pub(crate) fn receive(&mut self, requests: &mut dyn AnyRequests) -> Result<&mut Receiving> {
        match &mut self.receiving {
            Some(receiving) => Ok(receiving),
            empty => Ok(empty.insert(self.terms.start(requests)?)),
        }
    }

    /// How the call has ended, and what came beside its messages; `None` before it has.
    pub(crate) fn end(&mut self) -> Option<Call> {
        let result = self.result()?;
        let outcome = self.receiving.as_ref().and_then(Receiving::outcome);
        Some(Call {
            result,
            initial: self.initial().cloned().unwrap_or_default(),
            trailing: outcome.map(|outcome| outcome.trailing).unwrap_or_default(),
            previous_attempts: self
                .receiving
                .as_ref()
                .map_or(0, Receiving::previous_attempts),
        })
    }

    /// How the call has ended; `None` before it has.
    pub(crate) fn result(&self) -> Option<Result<()>> {
        match &self.failed {
            Some(status) => Some(Err(status.clone())),
            None => Some(self.receiving.as_ref()?.outcome()?.result),
        }
    }

    /// The initial metadata of the response, once it has come.
    pub(crate) fn initial(&mut self) -> Option<&Metadata> {
        if self.initial.is_none() {
            self.initial = self.receiving.as_mut()?.take_head();
        }
        self.initial.as_ref()
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

    /// Remembers what its caller is told of a call: the end of it is that, whatever has come.
    fn told(&mut self, read: Result<()>) -> Result<()> {
        if let Err(status) = &read {
            self.failed.get_or_insert_with(|| status.clone());
        }
        read
    }

    /// What is received, once the call is on its way.
    pub(crate) fn receiving(&self) -> Option<&Receiving> {
        self.receiving.as_ref()
    }
}

impl Terms {
    /// Sets the call on its way. One that has failed fails again.
    fn start(&mut self, requests: &mut dyn AnyRequests) -> Result<Receiving> {
        if self.is_made {
            // A start that has panicked may have left some.
            requests.close();
            return Err(self.made_already());
        }
        self.is_made = true;
        let started = self.start_with(requests);
        started.inspect_err(|status| {
            self.failed = Some(status.clone());
            // A sender may wait for room among them.
            requests.close();
        })
    }

    fn start_with(&mut self, requests: &mut dyn AnyRequests) -> Result<Receiving> {
        let mut options = std::mem::take(&mut self.options);
        let compress_if = options.compress_if.take();
        let plan = self.plan(options)?;
        if self.needs_interceptors(&plan) {
            let call = self.intercepted(requests.take(), compress_if, plan);
            return Ok(Receiving::Intercepted(call));
        }
        let (ongoing, packer) = plan.open(&**self.channel.transport());
        let packing = Packing::new(packer, compress_if);
        send(requests, packing, &ongoing.exchange)?;
        self.channel.start(Arc::clone(&ongoing.exchange));
        Ok(Receiving::Plain(Inbox::new(ongoing, self.one_response)))
    }

    #[cold]
    fn made_already(&self) -> Status {
        let failed = self.failed.clone();
        failed.unwrap_or_else(|| Status::failed_precondition("the call has been made already"))
    }

    /// How the call is made.
    fn plan(&self, mut options: CallOptions) -> Result<Plan> {
        if let Some(overlay) = self.channel.overlay() {
            options.default_to(&overlay.defaults);
        }
        if let Some(status) = options.invalid.take() {
            return Err(status);
        }
        Ok(Plan {
            path: self.path.clone(),
            deadline: options.deadline(),
            options,
        })
    }

    fn needs_interceptors(&self, plan: &Plan) -> bool {
        let overlay = self.channel.overlay();
        // In-process no connection asks for credentials.
        overlay.is_some_and(|overlay| !overlay.interceptors.is_empty())
            || (plan.options.credentials.is_some() && !self.channel.transport().asks_credentials())
    }

    #[cold]
    fn intercepted(
        &self,
        requests: Box<dyn AnyRequests>,
        compress_if: Option<CompressIf>,
        plan: Plan,
    ) -> Box<Intercepted> {
        let outbox = outbox::new(
            requests,
            compress_if,
            self.channel.per_rpc_retry_buffer_size(),
        );
        let (channel, path) = (self.channel.clone(), self.path.clone());
        let passage = Passage::new(channel, path, outbox, self.one_response);
        Box::new(Intercepted::new(passage, plan))
    }
}
