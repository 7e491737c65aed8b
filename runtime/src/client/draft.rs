//! A call that has not been started.

use std::sync::Arc;

use super::channel::Channel;
use super::intercepted::Intercepted;
use super::messages::{Sending, Unsent};
use super::options::CallOptions;
use super::outbox::Outbox;
use super::passage::Passage;
use super::plan::Plan;
use super::receiving::{Ongoing, Receiving};
use super::requests::CompressIf;
use super::responses::Inbox;
use super::service_config::MethodConfig;
use crate::header::Header;
use crate::{Result, Status};

/// A call until its first poll, a builder; then what is left of it.
pub(crate) struct Draft<Req> {
    terms: Terms,
    requests: Sending<Req>,
}

/// What a call is made with beside its messages. What is done with it is compiled once, not for each type of messages.
struct Terms {
    channel: Channel,
    path: Header,
    options: CallOptions,
    /// Whether the call has been started: a draft is good for one start.
    is_made: bool,
    /// Why the call could not be started.
    failed: Option<Status>,
}

impl<Req: 'static> Draft<Req> {
    pub(crate) fn new(channel: &Channel, path: Header, requests: Sending<Req>) -> Draft<Req> {
        Draft {
            terms: Terms::new(channel, path),
            requests,
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

    pub(crate) fn compress_if(&mut self, wanted: CompressIf<Req>) {
        self.requests.compress_if = Some(wanted);
    }

    /// Where the responses come in, of which there is one or many; sets the call on its way if it is not.
    pub(crate) fn receive<'a>(
        &mut self,
        receiving: &'a mut Option<Receiving>,
        one_response: bool,
    ) -> Result<&'a mut Receiving> {
        match receiving {
            Some(receiving) => Ok(receiving),
            empty => Ok(empty.insert(self.terms.start(&mut self.requests, one_response)?)),
        }
    }
}

impl Terms {
    fn new(channel: &Channel, path: Header) -> Terms {
        Terms {
            channel: channel.clone(),
            path,
            options: CallOptions::default(),
            is_made: false,
            failed: None,
        }
    }

    /// Sets the call on its way. One that has failed fails again.
    fn start(&mut self, requests: &mut dyn Unsent, one_response: bool) -> Result<Receiving> {
        if self.is_made {
            return Err(self.made_already());
        }
        self.is_made = true;
        let started = self.start_with(requests, one_response);
        started.inspect_err(|status| {
            self.failed = Some(status.clone());
            requests.refuse();
        })
    }

    fn start_with(&mut self, requests: &mut dyn Unsent, one_response: bool) -> Result<Receiving> {
        let options = std::mem::take(&mut self.options);
        let (plan, method) = self.plan(options)?;
        if self.needs_interceptors(&plan) {
            let outbox = requests.keep(self.channel.per_rpc_retry_buffer_size());
            let outbox = outbox.ok_or_else(|| self.made_already())?;
            let call = self.intercepted(outbox, plan, one_response);
            return Ok(Receiving::Intercepted(call));
        }
        let (ongoing, packer) = plan.open(&self.channel, method);
        requests.send(packer, &ongoing.exchange)?;
        let inbox = self.receive(ongoing, method, one_response);
        Ok(Receiving::Plain(inbox))
    }

    #[cold]
    fn made_already(&self) -> Status {
        let failed = self.failed.clone();
        failed.unwrap_or_else(|| Status::failed_precondition("the call has been made already"))
    }

    /// How the call is made, and what the service config says of its method.
    fn plan(&self, mut options: CallOptions) -> Result<(Plan, Option<&MethodConfig>)> {
        if let Some(overlay) = self.channel.overlay() {
            options.default_to(&overlay.defaults);
        }
        if let Some(status) = options.invalid.take() {
            return Err(status);
        }
        let method = self.channel.method_config(&self.path);
        if let Some(method) = method {
            options.apply(method);
        }
        let plan = Plan {
            path: self.path.clone(),
            deadline: options.deadline(),
            options,
        };
        Ok((plan, method))
    }

    fn needs_interceptors(&self, plan: &Plan) -> bool {
        let overlay = self.channel.overlay();
        // A connection asks for credentials itself; in-process there is none.
        overlay.is_some_and(|overlay| !overlay.interceptors.is_empty())
            || (plan.options.credentials.is_some() && self.channel.is_in_process())
    }

    #[cold]
    fn intercepted(
        &self,
        outbox: Arc<dyn Outbox>,
        plan: Plan,
        one_response: bool,
    ) -> Box<Intercepted> {
        let (channel, path) = (self.channel.clone(), self.path.clone());
        let passage = Passage::new(channel, path, outbox, one_response);
        Box::new(Intercepted::new(passage, plan))
    }

    /// Sets a call on its way whose requests are there.
    fn receive(
        &self,
        ongoing: Ongoing,
        method: Option<&MethodConfig>,
        one_response: bool,
    ) -> Inbox {
        self.channel.start(Arc::clone(&ongoing.exchange), method);
        Inbox::new(ongoing, one_response)
    }
}
