//! The details of a call, known before its first message.

use std::num::NonZeroUsize;
#[cfg(feature = "client")]
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "client")]
use super::attributes::Attributes;
#[cfg(feature = "client")]
use super::credentials::Authorizer;
#[cfg(feature = "client")]
use super::method_config::MethodConfig;
use super::peer::Peer;
use crate::base::header::Header;
use crate::message::MEMORY;
use crate::{Code, Compression, Metadata, Status};

/// The precision of timers. Those of tokio and of other runtimes fire up to a millisecond late.
const TICK: Duration = Duration::from_millis(1);

/// The details of a call, known before its first message.
#[derive(Clone, Debug)]
pub(crate) struct CallDetails {
    /// The `:path` field: `/package.Service/Method`.
    pub(crate) path: Header,
    /// The `:authority` field, if the caller has set or sent one.
    pub(crate) authority: Option<Header>,
    /// The metadata that the caller sends.
    pub(crate) metadata: Metadata,
    /// The deadline of the call.
    pub(crate) deadline: Option<Instant>,
    /// The other end.
    pub(crate) peer: Peer,
    /// Caller: whether the call waits while no server can be reached, if this is set.
    pub(crate) wait_for_ready: Option<bool>,
    /// Caller: set for health checks, which are calls of the channel itself about one connection. Such a call uses no other
    /// connection, and does not keep this one open.
    pub(crate) is_probe: bool,
    /// Caller: the credentials of the call.
    #[cfg(feature = "client")]
    pub(crate) credentials: Option<Authorizer>,
    /// Caller: the config of the method.
    #[cfg(feature = "client")]
    pub(crate) method_config: Option<Arc<MethodConfig>>,
    /// Caller: set if the config of the method is not known yet.
    #[cfg(feature = "client")]
    pub(crate) awaits_config: bool,
    /// Caller: values for the choice of a server.
    #[cfg(feature = "client")]
    pub(crate) attributes: Attributes,
    /// The compression of requests.
    pub(crate) compression: Compression,
    pub(crate) limits: MessageLimits,
    /// Caller: the maximum size of a request, in bytes.
    #[cfg(feature = "client")]
    pub(crate) max_send_message_length: usize,
}

/// The limits of received messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageLimits {
    /// The maximum size of a request, in bytes, before and after decompression.
    pub(crate) request: usize,
    /// The maximum size of a response.
    pub(crate) response: usize,
    /// The maximum memory of a decoded request, in bytes, if it is set.
    pub(crate) request_memory: Option<NonZeroUsize>,
    /// The maximum memory of a decoded response.
    pub(crate) response_memory: Option<NonZeroUsize>,
}

impl MessageLimits {
    /// Creates limits for the size of messages.
    pub(crate) fn new(request: usize, response: usize) -> MessageLimits {
        MessageLimits {
            request,
            response,
            request_memory: None,
            response_memory: None,
        }
    }

    /// Returns the maximum memory of a decoded request, in bytes.
    #[cfg(feature = "server")]
    pub(crate) fn memory_of_request(&self) -> usize {
        memory(self.request_memory, self.request)
    }

    /// Returns the maximum memory of a decoded response, in bytes.
    #[cfg(feature = "client")]
    pub(crate) fn memory_of_response(&self) -> usize {
        memory(self.response_memory, self.response)
    }
}

/// Returns the maximum memory of a message: the given one, or a default that large messages fit into.
fn memory(given: Option<NonZeroUsize>, length: usize) -> usize {
    match given {
        Some(given) => given.get(),
        None => MEMORY.max(length.saturating_mul(2)),
    }
}

impl CallDetails {
    /// Creates details without a deadline, limits or options.
    #[inline]
    pub(crate) fn new(path: Header, metadata: Metadata, peer: Peer) -> CallDetails {
        CallDetails {
            path,
            authority: None,
            metadata,
            deadline: None,
            peer,
            wait_for_ready: None,
            is_probe: false,
            #[cfg(feature = "client")]
            credentials: None,
            #[cfg(feature = "client")]
            method_config: None,
            #[cfg(feature = "client")]
            awaits_config: false,
            #[cfg(feature = "client")]
            attributes: Attributes::default(),
            compression: Compression::Identity,
            limits: MessageLimits::new(usize::MAX, usize::MAX),
            #[cfg(feature = "client")]
            max_send_message_length: usize::MAX,
        }
    }

    /// Returns `/package.Service/Method`. Returns the empty string for a path that is not UTF-8.
    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.path.value()).unwrap_or_default()
    }

    /// Returns whether the call waits while no server can be reached.
    #[cfg(feature = "client")]
    pub(crate) fn waits_for_ready(&self) -> bool {
        self.wait_for_ready.unwrap_or(false)
    }

    /// Returns whether the deadline has passed, or passes within the next tick of a timer.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now + TICK)
    }

    /// Returns the status of a call that ended without a status of its peer: `why`, or DEADLINE_EXCEEDED if the call [is
    /// late](CallDetails::is_late).
    ///
    /// Both ends of a call watch its deadline. The one whose timer fires first resets the stream or closes the connection. The
    /// other must not take this for a cancellation.
    pub(crate) fn cut_off(&self, why: Status, now: Instant) -> Status {
        if why.code() == Code::DeadlineExceeded || !self.is_late(now) {
            return why;
        }
        Status::deadline_exceeded(format!(
            "the deadline of the call has passed: {}",
            why.message()
        ))
    }
}
