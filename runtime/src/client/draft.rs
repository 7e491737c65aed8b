//! A call that has not been started.

use std::fmt;

use super::channel::Channel;
use super::intercepted::Intercepted;
use super::messages::Messages;
use super::options::CallOptions;
use super::passage::Passage;
use super::plan::Plan;
use super::receiving::Receiving;
use super::requests::{CompressIf, Requests, send};
use super::responses::Inbox;
use crate::codec::Codec;
use crate::header::Header;
use crate::{Result, Status};

/// A call until its first poll: a builder.
pub(crate) struct Draft<Req, Res> {
    channel: Channel,
    path: Header,
    messages: Messages<Req, Res>,
    options: CallOptions,
    /// Which requests are compressed; without it all are.
    compress_if: Option<CompressIf<Req>>,
    /// Taken when the call is started.
    requests: Option<Requests<Req>>,
    /// Why it could not be.
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
            channel: channel.clone(),
            path,
            messages: Messages::of::<C>(),
            options: CallOptions::default(),
            compress_if: None,
            requests: Some(requests),
            failed: None,
        }
    }

    /// `/package.Service/Method`.
    #[cfg(feature = "server")]
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.path.value()).unwrap_or_default()
    }

    pub(crate) fn options(&mut self) -> &mut CallOptions {
        &mut self.options
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
            let failed = self.failed.clone();
            return Err(failed
                .unwrap_or_else(|| Status::failed_precondition("the call has been made already")));
        };
        self.start_with(requests, one_response)
            .inspect_err(|status| self.failed = Some(status.clone()))
    }

    fn start_with(
        &mut self,
        requests: Requests<Req>,
        one_response: bool,
    ) -> Result<Receiving<Res>> {
        let mut options = std::mem::take(&mut self.options);
        let overlay = self.channel.overlay();
        if let Some(overlay) = overlay {
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
        let reading = self.messages.reading;
        let compress_if = self.compress_if.take();
        let has_interceptors = overlay.is_some_and(|overlay| !overlay.interceptors.is_empty());
        // A connection asks for credentials itself; in-process there is none.
        if has_interceptors || (plan.options.credentials.is_some() && self.channel.is_in_process())
        {
            let room = self.channel.per_rpc_retry_buffer_size();
            let outbox = (self.messages.outbox)(requests, compress_if, room);
            let (channel, path) = (self.channel.clone(), self.path.clone());
            let passage = Passage::new(channel, path, outbox, one_response);
            let call = Intercepted::new(passage, plan);
            return Ok(Receiving::Intercepted(Box::new(call), reading));
        }
        let (ongoing, packer) = plan.open(&self.channel, method);
        let exchange = &ongoing.exchange;
        send(requests, self.messages.pack, compress_if, packer, exchange)?;
        self.channel.start(exchange.clone(), method);
        Ok(Receiving::Plain(Inbox::new(ongoing, one_response), reading))
    }
}
