//! Request heads.

use crate::base::deadline::format_timeout;
use crate::base::header::Header;
use crate::base::{clock, wire};
use crate::call::credentials::AuthMetadataContext;
use crate::call::{CallDetails, Exchange};
use crate::channel::connect::security::Security;
use crate::channel::options::ChannelOptions;
#[cfg(feature = "tls-no-provider")]
pub(crate) use crate::transport::tls::CertifiedHosts;
use crate::{Metadata, Status};

/// The common part of all request heads on a connection, and the hosts in its peer's certificate.
pub(crate) struct RequestHeads {
    /// The `:scheme` of all calls.
    scheme: Header,
    /// The credentials of calls may be sent.
    pub(crate) is_private: bool,
    /// The authority of the server. Over TLS the peer has a certificate for it.
    authority: Header,
    /// Over TLS: the other hosts that the peer has a certificate for.
    hosts: Option<CertifiedHosts>,
    user_agent: Header,
}

/// The head of one request.
pub(crate) struct RequestHead<'a> {
    common: &'a RequestHeads,
    details: &'a CallDetails,
    timeout: Option<Header>,
    previous_attempts: Option<Header>,
    /// The metadata from the call's credentials.
    granted: Metadata,
}

/// Without TLS there are no certificates.
#[cfg(not(feature = "tls-no-provider"))]
pub(crate) enum CertifiedHosts {}

#[cfg(not(feature = "tls-no-provider"))]
impl CertifiedHosts {
    fn cover(&mut self, _authority: &[u8]) -> bool {
        match *self {}
    }
}

impl RequestHeads {
    pub(crate) fn new(
        security: &Security,
        authority: Header,
        hosts: Option<CertifiedHosts>,
        options: &ChannelOptions,
    ) -> RequestHeads {
        RequestHeads {
            scheme: security.scheme(),
            is_private: security.is_private(),
            authority,
            hosts,
            user_agent: options.user_agent.clone(),
        }
    }

    /// Returns the authority of a call: its own, or that of the server.
    fn authority_of<'a>(&'a self, details: &'a CallDetails) -> &'a Header {
        details.authority.as_ref().unwrap_or(&self.authority)
    }

    /// Returns the context for a call's credentials.
    pub(crate) fn auth_context(&self, details: &CallDetails) -> AuthMetadataContext {
        let scheme = std::str::from_utf8(self.scheme.value()).unwrap_or_default();
        AuthMetadataContext::new(scheme, Some(self.authority_of(details)), details.method())
    }

    /// Checks that the peer's certificate is for the authority of a call, over TLS (gRFC A81).
    pub(crate) fn check_authority(&mut self, details: &CallDetails) -> Result<(), Status> {
        let (Some(hosts), Some(authority)) = (&mut self.hosts, &details.authority) else {
            return Ok(());
        };
        if authority.value() == self.authority.value() || hosts.cover(authority.value()) {
            return Ok(());
        }
        Err(Status::unavailable(format!(
            "the server's certificate is not for {:?}, the authority of the call",
            String::from_utf8_lossy(authority.value())
        )))
    }

    /// Returns the head of a request that is sent now, with the metadata of the call's credentials. Returns `None` if the
    /// deadline has passed.
    pub(crate) fn head<'a>(
        &'a self,
        exchange: &'a Exchange,
        granted: Metadata,
    ) -> Option<RequestHead<'a>> {
        let details = exchange.details();
        let timeout = match details.deadline {
            Some(deadline) => {
                let left = deadline.saturating_duration_since(clock::now());
                if left.is_zero() {
                    return None;
                }
                let left = format_timeout(left);
                Some(Header::new(b"grpc-timeout", left.as_bytes()))
            }
            None => None,
        };
        let previous = exchange.previous_attempts();
        let previous_attempts = (previous > 0)
            .then(|| Header::new(wire::PREVIOUS_RPC_ATTEMPTS, previous.to_string().as_bytes()));
        Some(RequestHead {
            common: self,
            details,
            timeout,
            previous_attempts,
            granted,
        })
    }
}

impl RequestHead<'_> {
    /// Returns the fields, pseudo-headers first.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Header> {
        [&METHOD, &self.common.scheme, &self.details.path]
            .into_iter()
            .chain([self.common.authority_of(self.details)])
            .chain(&REQUEST_HEAD)
            .chain([&self.common.user_agent])
            .chain(wire::advertised())
            .chain(self.details.compression.header())
            .chain(&self.timeout)
            .chain(&self.previous_attempts)
            .chain(self.details.metadata.fields())
            .chain(self.granted.fields())
    }

    /// Returns the size of the head as HTTP/2 counts it.
    pub(crate) fn size(&self) -> usize {
        self.fields().map(Header::size).sum()
    }
}

static METHOD: Header = Header::from_static(":method", "POST");

/// The fields that follow the pseudo-headers in every request.
static REQUEST_HEAD: [Header; 2] = [
    Header::from_static("te", "trailers"),
    Header::from_static("content-type", "application/grpc"),
];
