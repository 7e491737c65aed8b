//! A call that has not been started.

use std::fmt;
use std::sync::Arc;

use super::channel::Channel;
use super::intercepted::Intercepted;
use super::messages::Messages;
use super::options::CallOptions;
use super::outbox::Outbox;
use super::passage::Passage;
use super::plan::Plan;
use super::receiving::{Ongoing, Receiving};
use super::requests::{CompressIf, Requests, send};
use super::responses::Inbox;
use super::service_config::MethodConfig;
use crate::codec::Codec;
use crate::header::Header;
use crate::{Result, Status};

/// A call until its first poll: a builder.
pub(crate) struct Draft<Req, Res> {
    terms: Terms,
    messages: Messages<Req, Res>,
    /// Which requests are compressed; without it all are.
    compress_if: Option<CompressIf<Req>>,
    /// Taken when the call is started.
    requests: Option<Requests<Req>>,
}

/// What a call is made with beside its messages. What is done with it is compiled once, not for each type of messages.
struct Terms {
    channel: Channel,
    path: Header,
    options: CallOptions,
    /// Why the call could not be started.
    failed: Option<Status>,
}

impl<Req: 'static, Res> Draft<Req, Res> {
    pub(crate) fn new<C: Codec<Req> + Codec<Res>>(
        channel: &Channel,
        path: Header,
        requests: Requests<Req>,
    ) -> Draft<Req, Res>
    where
        Req: fmt::Debug + Send,
        Res: fmt::Debug + 'static,
    {
        Draft {
            terms: Terms {
                channel: channel.clone(),
                path,
                options: CallOptions::default(),
                failed: None,
            },
            messages: Messages::of::<C>(),
            compress_if: None,
            requests: Some(requests),
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
        self.compress_if = Some(wanted);
    }

    /// Where the responses come in, of which there is one or many; sets the call on its way if it is not.
    pub(crate) fn receive<'a>(
        &mut self,
        receiving: &'a mut Option<Receiving<Res>>,
        one_response: bool,
    ) -> Result<&'a mut Receiving<Res>> {
        match receiving {
            Some(receiving) => Ok(receiving),
            empty => Ok(empty.insert(self.start(one_response)?)),
        }
    }

    /// Sets the call on its way. A draft is good for one start; one that has failed fails again.
    fn start(&mut self, one_response: bool) -> Result<Receiving<Res>> {
        let Some(requests) = self.requests.take() else {
            return Err(self.terms.made_already());
        };
        let started = self.start_with(requests, one_response);
        started.inspect_err(|status| self.terms.failed = Some(status.clone()))
    }

    fn start_with(
        &mut self,
        requests: Requests<Req>,
        one_response: bool,
    ) -> Result<Receiving<Res>> {
        let Messages {
            pack,
            outbox,
            reading,
        } = self.messages;
        let compress_if = self.compress_if.take();
        let options = std::mem::take(&mut self.terms.options);
        let terms = &self.terms;
        let (plan, method) = terms.plan(options)?;
        if terms.needs_interceptors(&plan) {
            let room = terms.channel.per_rpc_retry_buffer_size();
            let outbox = outbox(requests, compress_if, room);
            let call = terms.intercepted(outbox, plan, one_response);
            return Ok(Receiving::Intercepted(call, reading));
        }
        let (ongoing, packer) = plan.open(&terms.channel, method);
        send(requests, pack, compress_if, packer, &ongoing.exchange)?;
        let inbox = terms.receive(ongoing, method, one_response);
        Ok(Receiving::Plain(inbox, reading))
    }
}

impl Terms {
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
