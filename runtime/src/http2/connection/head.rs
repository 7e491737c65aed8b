//! The fields of a header block, collected and checked (RFC 9113, 8.2 and 8.3).

use std::borrow::Cow;

use crate::base::header::{Header, Kind};
use crate::http2::event::{RequestHead, ResponseHead};

/// The path of a CONNECT request.
static NO_PATH: Header = Header::from_static(":path", "");

/// A header block while it is decoded, to become a request, a response or trailers.
///
/// A malformed block is recorded as `flaw` instead of failing at once, because HPACK must decode the rest of it anyway.
#[derive(Clone, Default)]
pub(super) struct Head {
    method: Option<Header>,
    scheme: Option<Header>,
    authority: Option<Header>,
    path: Option<Header>,
    status: Option<Header>,
    fields: Vec<Header>,
    content_length: Option<u64>,
    /// The size so far (RFC 7541, 4.1).
    size: usize,
    limit: usize,
    /// Set after a `grpc-status` beyond the limit.
    has_late_status: bool,
    /// Set after the first field that is not a pseudo-header.
    past_pseudo: bool,
    flaw: Option<&'static str>,
}

/// The rule that a malformed head or trailer section violates (RFC 9113, 8.1.1).
type Malformed = &'static str;

impl Head {
    pub(super) fn new(limit: u32) -> Head {
        Head {
            limit: limit as usize,
            // This takes one allocation for the usual metadata.
            fields: Vec::with_capacity(8),
            ..Head::default()
        }
    }

    pub(super) fn add(&mut self, field: Header) {
        self.size = self.size.saturating_add(field.size());
        if field.is_tidy() {
            self.keep(field);
        } else {
            self.add_untidy(field);
        }
    }

    /// Adds a field in its clean form: without blanks around its value, and with several values split into separate fields. Each
    /// of these counts towards the size. Fields beyond the limit are not examined.
    #[cold]
    fn add_untidy(&mut self, field: Header) {
        if field.is_malformed() {
            self.flaw = Some("a malformed field (RFC 9113, 8.2)");
            return;
        }
        if self.is_oversized() || field.kind().is_pseudo() {
            return self.keep(field);
        }
        for (place, value) in field.values().enumerate() {
            if place > 0 {
                self.size = self.size.saturating_add(field.name().len() + 32);
            }
            if self.is_oversized() {
                return;
            }
            self.keep(Header::new(field.name(), value));
        }
    }

    /// Stores a field, after checking the rules for its kind.
    fn keep(&mut self, field: Header) {
        let kind = field.kind();
        if kind.is_pseudo() {
            self.add_pseudo(kind, field);
            return;
        }
        self.past_pseudo = true;
        if kind == Kind::ContentLength {
            self.add_content_length(field.value());
        }
        if !self.is_oversized() || self.is_late_status(kind) {
            self.fields.push(field);
        }
    }

    /// Returns whether a field beyond the limit is the first `grpc-status` there. Such a field is stored, because the status of a
    /// call is worth more than its other fields.
    fn is_late_status(&mut self, kind: Kind) -> bool {
        kind == Kind::GrpcStatus && !std::mem::replace(&mut self.has_late_status, true)
    }

    /// Stores a pseudo-header, even beyond the limit. There are few of them, and a header block has its own limit.
    fn add_pseudo(&mut self, kind: Kind, field: Header) {
        let slot = match kind {
            Kind::Method => &mut self.method,
            Kind::Scheme => &mut self.scheme,
            Kind::Authority => &mut self.authority,
            Kind::Path => &mut self.path,
            Kind::Status => &mut self.status,
            _ => {
                self.flaw = Some("an unknown pseudo-header (RFC 9113, 8.3)");
                return;
            }
        };
        if slot.replace(field).is_some() {
            self.flaw = Some("a duplicate pseudo-header (RFC 9113, 8.3)");
        }
        if self.past_pseudo {
            self.flaw = Some("a pseudo-header after a field (RFC 9113, 8.3)");
        }
    }

    /// Checks a `content-length`. Several of them are allowed if they agree (RFC 9110, 8.6).
    fn add_content_length(&mut self, value: &[u8]) {
        let length = std::str::from_utf8(value)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok());
        if length.is_none()
            || self
                .content_length
                .is_some_and(|other| Some(other) != length)
        {
            self.flaw = Some("an invalid content-length (RFC 9113, 8.1.1)");
        }
        self.content_length = length;
    }

    /// Returns the size so far, including fields that were dropped.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn is_oversized(&self) -> bool {
        self.size > self.limit
    }

    /// Returns the request (RFC 9113, 8.3.1), and the `content-length` that its DATA must have.
    pub(super) fn request(head: Cow<'_, Head>) -> Result<(RequestHead, Option<u64>), Malformed> {
        if let Some(flaw) = head.flaw {
            return Err(flaw);
        }
        if head.status.is_some() {
            return Err("a request with :status (RFC 9113, 8.3)");
        }
        let oversized = head.is_oversized();
        let head = head.into_owned();
        let method = head
            .method
            .ok_or("a request without :method (RFC 9113, 8.3.1)")?;
        let path = if method.value() == b"CONNECT" {
            if head.scheme.is_some() || head.path.is_some() || head.authority.is_none() {
                return Err("CONNECT with other than :authority (RFC 9113, 8.5)");
            }
            NO_PATH.clone()
        } else {
            if head.scheme.is_none() {
                return Err("a request without :scheme (RFC 9113, 8.3.1)");
            }
            head.path
                .filter(|path| !path.value().is_empty())
                .ok_or("a request without :path (RFC 9113, 8.3.1)")?
        };
        let request = RequestHead {
            method,
            scheme: head.scheme,
            path,
            authority: head.authority,
            fields: head.fields,
            oversized,
        };
        Ok((request, head.content_length))
    }

    /// Returns the response (RFC 9113, 8.3.2), and the `content-length` that its DATA must have.
    pub(super) fn response(head: Cow<'_, Head>) -> Result<(ResponseHead, Option<u64>), Malformed> {
        if let Some(flaw) = head.flaw {
            return Err(flaw);
        }
        if head.has_request_pseudo() {
            return Err("a response with a request's pseudo-headers (RFC 9113, 8.3)");
        }
        let status = head
            .status
            .as_ref()
            .and_then(|status| parse_status(status.value()))
            .ok_or("a response without a valid :status (RFC 9113, 8.3.2)")?;
        // The `content-length` of a 304 describes a body that is not sent (RFC 9110, 8.6).
        let content_length = head.content_length.filter(|_| status != 304);
        let response = ResponseHead {
            status,
            oversized: head.is_oversized(),
            fields: Head::fields(head),
        };
        Ok((response, content_length))
    }

    /// Returns the trailers (RFC 9113, 8.1), and whether they were cut.
    pub(super) fn trailers(head: Cow<'_, Head>) -> Result<(Vec<Header>, bool), Malformed> {
        if let Some(flaw) = head.flaw {
            return Err(flaw);
        }
        if head.status.is_some() || head.has_request_pseudo() {
            return Err("trailers with a pseudo-header (RFC 9113, 8.1)");
        }
        let oversized = head.is_oversized();
        Ok((Head::fields(head), oversized))
    }

    fn fields(head: Cow<'_, Head>) -> Vec<Header> {
        match head {
            Cow::Borrowed(head) => head.fields.clone(),
            Cow::Owned(head) => head.fields,
        }
    }

    fn has_request_pseudo(&self) -> bool {
        self.method.is_some()
            || self.scheme.is_some()
            || self.authority.is_some()
            || self.path.is_some()
    }
}

/// Parses the three digits of a status (RFC 9110, 15).
fn parse_status(value: &[u8]) -> Option<u16> {
    let [
        hundreds @ b'1'..=b'9',
        tens @ b'0'..=b'9',
        ones @ b'0'..=b'9',
    ] = *value
    else {
        return None;
    };
    let digit = |byte: u8| u16::from(byte - b'0');
    Some(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones))
}
