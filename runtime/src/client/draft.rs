//! A call that has not been started, and one that has.

use std::sync::Arc;

use bytes::Bytes;

use super::channel::Channel;
use super::options::CallOptions;
use super::requests::{Pack, Requests, send};
use super::responses::Inbox;
#[cfg(feature = "server")]
use crate::call::Tie;
use crate::call::{CallDetails, Exchange};
use crate::codec::Codec;
use crate::framing::Packer;
use crate::header::Header;
use crate::{Result, Status};

/// A call until its first poll: a builder.
pub(crate) struct Draft<Req, Res> {
    channel: Channel,
    path: Header,
    pack: Pack<Req>,
    decode: fn(Bytes) -> Result<Res>,
    options: CallOptions,
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
    ) -> Draft<Req, Res> {
        Draft {
            channel: channel.clone(),
            path,
            pack: Packer::push::<Req, C>,
            decode: <C as Codec<Res>>::decode,
            options: CallOptions::default(),
            requests: Some(requests),
            failed: None,
        }
    }

    pub(crate) fn options(&mut self) -> &mut CallOptions {
        &mut self.options
    }

    /// Reads a response.
    pub(crate) fn decode(&self, bytes: Bytes) -> Result<Res> {
        (self.decode)(bytes)
    }

    /// Where the responses come in; sets the call on its way if it is not. With `whole` the caller is not woken for a part of
    /// them.
    pub(crate) fn inbox<'a>(
        &mut self,
        inbox: &'a mut Option<Inbox>,
        whole: bool,
    ) -> Result<&'a mut Inbox> {
        match inbox {
            Some(inbox) => Ok(inbox),
            empty => Ok(empty.insert(Inbox::new(self.start()?, whole))),
        }
    }

    /// Sets the call on its way. A draft is good for one start; one that has failed fails again.
    fn start(&mut self) -> Result<Ongoing> {
        let Some(requests) = self.requests.take() else {
            let failed = self.failed.clone();
            return Err(failed
                .unwrap_or_else(|| Status::failed_precondition("the call has been made already")));
        };
        self.start_with(requests)
            .inspect_err(|status| self.failed = Some(status.clone()))
    }

    fn start_with(&mut self, requests: Requests<Req>) -> Result<Ongoing> {
        let mut options = std::mem::take(&mut self.options);
        if let Some(status) = options.invalid.take() {
            return Err(status);
        }
        let method = self.channel.method_config(&self.path);
        if let Some(method) = method {
            options.apply(method);
        }
        let (mut limits, deadline) = self.channel.terms(
            &self.path,
            options.max_receive_message_length,
            options.deadline(),
        );
        let mut sends = options
            .max_send_message_length
            .unwrap_or_else(|| self.channel.max_send_message_length());
        if let Some(method) = method {
            limits.response = limits.response.min(method.max_response_message_length);
            sends = sends.min(method.max_request_message_length);
        }
        let exchange = Arc::new(Exchange::new(CallDetails {
            path: self.path.clone(),
            deadline,
            authority: options.authority.or_else(|| self.channel.authority()),
            metadata: options.metadata,
            peer: self.channel.peer(),
            wait_for_ready: self.channel.wait_for_ready(options.wait_for_ready),
            is_probe: false,
            compression: self.channel.compression(options.compression),
            limits,
        }));
        let ongoing = Ongoing {
            exchange: Arc::clone(&exchange),
            #[cfg(feature = "server")]
            _tie: options
                .propagation
                .and_then(|propagation| propagation.tie(&exchange)),
        };
        send(requests, self.pack, Packer::new(sends), &exchange)?;
        self.channel.start(exchange, method);
        Ok(ongoing)
    }
}

/// A call on its way. To drop it is to cancel it.
pub(crate) struct Ongoing {
    pub(crate) exchange: Arc<Exchange>,
    #[cfg(feature = "server")]
    _tie: Option<Tie>,
}

impl Ongoing {
    /// A call that depends on no other.
    pub(crate) fn alone(exchange: Arc<Exchange>) -> Ongoing {
        Ongoing {
            exchange,
            #[cfg(feature = "server")]
            _tie: None,
        }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        // Does nothing to a call that has ended.
        self.exchange
            .abandon(Status::cancelled("the call was dropped by its caller"));
    }
}
