//! The head of a call: path, options and deadline.

use std::sync::Arc;
use std::time::Instant;

use super::options::Options;
use crate::base::framing::{MAX_RECEIVE_MESSAGE_LENGTH, Packer};
use crate::base::header::Header;
use crate::call::credentials::AuthMetadataContext;
use crate::call::ongoing::Ongoing;
use crate::call::transport::Transport;
use crate::call::{CallDetails, Exchange, MessageLimits, Peer};
use crate::{Compression, Result, Status};

/// The head of a call: everything that is needed to start it, except its messages.
#[derive(Clone, Debug)]
pub(crate) struct CallHead {
    /// The `:path` field: `/package.Service/Method`.
    pub(crate) path: Header,
    pub(crate) options: Options,
    /// The deadline. The timeout of the options counts from the start of the call.
    pub(crate) deadline: Option<Instant>,
}

impl CallHead {
    pub(crate) fn new(path: Header) -> CallHead {
        CallHead {
            path,
            options: Options::default(),
            deadline: None,
        }
    }

    /// Takes the head, and leaves the path.
    pub(crate) fn take(&mut self) -> CallHead {
        CallHead {
            path: self.path.clone(),
            options: std::mem::take(&mut self.options),
            deadline: self.deadline,
        }
    }

    /// Returns `/package.Service/Method`.
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.path.value()).unwrap_or_default()
    }

    /// Asks the credentials of the call for metadata, if its transport does not do this itself.
    pub(crate) async fn authorize(&mut self) -> Result<()> {
        if let Some(credentials) = self.options.credentials.take() {
            let authority = self.options.authority.as_ref();
            let context = AuthMetadataContext::new("http", authority, self.method());
            self.options
                .metadata
                .extend(credentials.ask(context).await?);
        }
        Ok(())
    }

    /// Completes the options by the defaults of the channel, and sets the deadline.
    pub(crate) fn complete(&mut self, defaults: Option<&Options>) -> Result<()> {
        if let Some(defaults) = defaults {
            self.options.default_to(defaults);
        }
        if let Some(status) = self.options.invalid.take() {
            return Err(status);
        }
        self.deadline = self.options.deadline();
        Ok(())
    }

    /// Returns the exchange of a new call, and the packer of its requests. It takes the options out of the head one by one, because
    /// moving the head would copy all of it.
    pub(crate) fn open(&mut self, transport: &dyn Transport) -> Result<(Ongoing, Packer)> {
        let options = &mut self.options;
        let metadata = std::mem::take(&mut options.metadata);
        let mut details = CallDetails {
            deadline: self.deadline,
            authority: options.authority.take(),
            wait_for_ready: options.wait_for_ready,
            credentials: options.credentials.take(),
            compression: options.compression.unwrap_or(Compression::Identity),
            limits: MessageLimits {
                response_memory: options.max_message_memory,
                ..MessageLimits::new(
                    usize::MAX,
                    options
                        .max_receive_message_length
                        .unwrap_or(MAX_RECEIVE_MESSAGE_LENGTH),
                )
            },
            max_send_message_length: options.max_send_message_length.unwrap_or(usize::MAX),
            ..CallDetails::new(self.path.clone(), metadata, Peer::unknown())
        };
        transport.prepare(&mut details)?;
        let packer = Packer::new(details.max_send_message_length);
        let exchange = Arc::new(Exchange::new(details));
        #[cfg(feature = "server")]
        let tie = options
            .propagation
            .take()
            .and_then(|propagation| propagation.tie(&exchange));
        let ongoing = Ongoing {
            exchange,
            #[cfg(feature = "server")]
            _tie: tie,
        };
        Ok((ongoing, packer))
    }
}

/// Returns the `:path` of a method.
///
/// # Errors
/// Returns INVALID_ARGUMENT if the text is not the name of a method.
pub(super) fn method_path(method: &str) -> Result<Header> {
    let is_path = method.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path {
        return Err(Status::invalid_argument(format!(
            "{method:?} is not a method: methods are named /package.Service/Method"
        )));
    }
    Ok(Header::new(b":path", method.as_bytes()))
}
