//! Calls with an HTTP answer that is not gRPC's, while the text of the answer is read.

use std::time::{Duration, Instant};

use crate::Status;
use crate::base::header::{Header, Kind};
use crate::channel::connect::connection::OpenCall;
use crate::http2::{ResponseHead, StreamId, StreamMap};

/// The maximum number of bytes that are read of a text.
const LONGEST: usize = 1024;

/// The maximum time to wait for a text.
const PATIENCE: Duration = Duration::from_secs(1);

/// Calls that were answered with an HTTP error or another content type, for example by a proxy. The body explains more than the status,
/// so its beginning goes into the message of the call's status.
#[derive(Default)]
pub(crate) struct RefusedCalls(StreamMap<Refused>);

/// A call with an HTTP answer that is not gRPC's.
pub(crate) struct Refused {
    pub(crate) call: OpenCall,
    /// The time at which the call ends, even if the text is incomplete.
    pub(crate) until: Instant,
    status: Status,
    text: Vec<u8>,
}

impl RefusedCalls {
    /// Adds a call that ends with this status once its text has come. Returns the time at which it ends without the text.
    pub(crate) fn add(
        &mut self,
        stream: StreamId,
        call: OpenCall,
        status: Status,
        now: Instant,
    ) -> Instant {
        let patience = now + PATIENCE;
        let deadline = call.exchange.details().deadline;
        let until = deadline.map_or(patience, |deadline| deadline.min(patience));
        let refused = Refused {
            call,
            until,
            status,
            text: Vec::new(),
        };
        self.0.insert(stream, refused);
        until
    }

    /// Adds a part of a text. Returns whether it has its full length.
    pub(crate) fn receive(&mut self, stream: StreamId, data: &[u8]) -> bool {
        let Some(refused) = self.0.get_mut(&stream) else {
            return false;
        };
        let room = LONGEST - refused.text.len();
        refused.text.extend(data.iter().take(room));
        refused.text.len() == LONGEST
    }

    pub(crate) fn contains(&self, stream: StreamId) -> bool {
        self.0.contains_key(&stream)
    }

    pub(crate) fn remove(&mut self, stream: StreamId) -> Option<Refused> {
        self.0.remove(&stream)
    }

    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Refused> + use<> {
        std::mem::take(&mut self.0).into_values()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Refused {
    /// Returns the status of the call, with the text that has come so far.
    pub(crate) fn status(&self) -> Status {
        let text = shown(&self.text);
        let text = text.trim();
        if text.is_empty() {
            return self.status.clone();
        }
        Status::new(
            self.status.code(),
            format!("{}: {text:?}", self.status.message()),
        )
    }
}

/// Returns whether the body is readable text, according to the head.
pub(crate) fn has_text(head: &ResponseHead) -> bool {
    if head.oversized {
        return false;
    }
    let mut content_type: &[u8] = b"text/plain";
    for field in &head.fields {
        match field.kind() {
            Kind::ContentType => content_type = field.value(),
            Kind::Other if is_encoding(field) => return false,
            _ => {}
        }
    }
    let essence = content_type.split(|&byte| byte == b';').next();
    let essence = essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase();
    essence.starts_with(b"text/")
        || [&b"/json"[..], b"+json", b"/xml", b"+xml"]
            .iter()
            .any(|end| essence.ends_with(end) && !essence.starts_with(b"application/grpc"))
}

/// Returns whether a field says that the body is encoded.
fn is_encoding(field: &Header) -> bool {
    field.name() == b"content-encoding" && field.value() != b"identity"
}

/// Returns bytes as text. A character that is cut off at the end is left out, and invalid bytes are replaced.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let rest = std::str::from_utf8(chunk.invalid());
        if rest.is_err_and(|error| error.error_len().is_some()) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_its_head() {
        for (fields, expected) in [
            (&[][..], true),
            (&[("content-type", "text/plain")], true),
            (&[("content-type", "Text/HTML; charset=utf-8")], true),
            (&[("content-type", "application/json")], true),
            (&[("content-type", "application/problem+json;x")], true),
            (&[("content-type", "application/octet-stream")], false),
            (&[("content-type", "application/grpc")], false),
            (&[("content-type", "application/grpc+json")], false),
            (&[("content-type", "")], false),
            (&[("content-encoding", "gzip")], false),
            (&[("content-encoding", "identity")], true),
        ] {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()));
            let head = ResponseHead {
                status: 503,
                fields: fields.collect(),
                oversized: false,
            };
            assert_eq!(has_text(&head), expected, "{:?}", head.fields);
        }
    }

    #[test]
    fn bytes_are_shown_as_text() {
        for (bytes, expected) in [
            (&b"a\n"[..], "a\n"),
            ("\u{fc}\u{1f980}".as_bytes(), "\u{fc}\u{1f980}"),
            (b"a\xf0\x9f\xa6", "a"),
            (b"a\xffb", "a\u{fffd}b"),
            (b"", ""),
        ] {
            assert_eq!(shown(bytes), expected);
        }
    }
}
