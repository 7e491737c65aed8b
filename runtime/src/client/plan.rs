//! What a call is made with.

use std::sync::Arc;
use std::time::Instant;

use super::channel::Channel;
use super::options::CallOptions;
use crate::Result;
use crate::base::framing::Packer;
use crate::base::header::Header;
use crate::call::credentials::AuthMetadataContext;
use crate::call::ongoing::Ongoing;
use crate::call::{CallDetails, Exchange};
use crate::channel::resolve::service_config::MethodConfig;

/// What a call is made with, beside its messages.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The `:path` field: `/package.Service/Method`.
    pub(crate) path: Header,
    pub(crate) options: CallOptions,
    /// When the call is over at the latest, by the clock: its timeout counts from its start.
    pub(crate) deadline: Option<Instant>,
}

impl Plan {
    /// Asks the credentials of the call for metadata, where no connection does.
    pub(crate) async fn authorize(&mut self) -> Result<()> {
        if let Some(credentials) = self.options.credentials.take() {
            let path = std::str::from_utf8(self.path.value()).unwrap_or_default();
            let authority = self.options.authority.as_ref();
            let context = AuthMetadataContext::new("http", authority, path);
            self.options
                .metadata
                .extend(credentials.ask(context).await?);
        }
        Ok(())
    }

    /// A call that nothing has been sent of, and what packs its requests.
    pub(crate) fn open(
        self,
        channel: &Channel,
        method: Option<&MethodConfig>,
    ) -> (Ongoing, Packer) {
        let Plan {
            path,
            options,
            deadline,
        } = self;
        let (mut limits, deadline) =
            channel.terms(&path, options.max_receive_message_length, deadline);
        let mut sends = options
            .max_send_message_length
            .unwrap_or_else(|| channel.max_send_message_length());
        if let Some(method) = method {
            limits.response = limits.response.min(method.max_response_message_length);
            sends = sends.min(method.max_request_message_length);
        }
        let exchange = Arc::new(Exchange::new(CallDetails {
            path,
            deadline,
            authority: options.authority.or_else(|| channel.authority()),
            metadata: options.metadata,
            peer: channel.peer(),
            wait_for_ready: channel.wait_for_ready(options.wait_for_ready),
            is_probe: false,
            credentials: options.credentials,
            compression: channel.compression(options.compression),
            limits,
        }));
        #[cfg(feature = "server")]
        let tie = options
            .propagation
            .and_then(|propagation| propagation.tie(&exchange));
        let ongoing = Ongoing {
            exchange,
            #[cfg(feature = "server")]
            _tie: tie,
        };
        (ongoing, Packer::new(sends))
    }
}
