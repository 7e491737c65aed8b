//! What a call is made with.

use std::sync::Arc;
use std::time::Instant;

use super::options::CallOptions;
use crate::base::framing::{MAX_RECEIVE_MESSAGE_LENGTH, Packer};
use crate::base::header::Header;
use crate::call::credentials::AuthMetadataContext;
use crate::call::ongoing::Ongoing;
use crate::call::{CallDetails, Exchange, MessageLimits, Peer};
use crate::channel::transport::Transport;
use crate::{Compression, Result};

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
    pub(crate) fn open(self, transport: &dyn Transport) -> (Ongoing, Packer) {
        let Plan {
            path,
            options,
            deadline,
        } = self;
        let mut details = CallDetails {
            path,
            deadline,
            authority: options.authority,
            metadata: options.metadata,
            peer: Peer::unknown(),
            wait_for_ready: options.wait_for_ready,
            is_probe: false,
            credentials: options.credentials,
            retry_policy: None,
            compression: options.compression.unwrap_or(Compression::Identity),
            limits: MessageLimits {
                request: usize::MAX,
                response: options
                    .max_receive_message_length
                    .unwrap_or(MAX_RECEIVE_MESSAGE_LENGTH),
            },
            max_send_message_length: options.max_send_message_length.unwrap_or(usize::MAX),
        };
        transport.prepare(&mut details);
        let packer = Packer::new(details.max_send_message_length);
        let exchange = Arc::new(Exchange::new(details));
        #[cfg(feature = "server")]
        let tie = options
            .propagation
            .and_then(|propagation| propagation.tie(&exchange));
        let ongoing = Ongoing {
            exchange,
            #[cfg(feature = "server")]
            _tie: tie,
        };
        (ongoing, packer)
    }
}
