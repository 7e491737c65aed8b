//! The checks of a response, and the text of one that is not gRPC's but, for example, a proxy's.

use super::header::{Header, Kind};
use super::wire;
use crate::{Compression, Metadata, Result, Status};

/// Returns the status of a call whose response is not gRPC's, from the head; `None` for a gRPC response. A status in the trailers
/// takes precedence. `oversized` says that fields were left out, because the metadata is over the limit.
pub(crate) fn check_head(status: u16, fields: &[Header], oversized: bool) -> Option<Status> {
    if status != 200 {
        return Some(wire::status_of_http(status));
    }
    if oversized {
        return Some(oversized_metadata());
    }
    let mut fields = fields.iter();
    let content_type = fields.find(|field| field.kind() == Kind::ContentType);
    let value = content_type.map(Header::value).unwrap_or_default();
    if !wire::is_grpc(value) {
        return Some(Status::unknown(format!(
            "the peer answered with content-type {:?}, which is not gRPC's",
            String::from_utf8_lossy(value)
        )));
    }
    None
}

/// Returns how the messages of a response are compressed.
///
/// # Errors
/// Returns INTERNAL if the metadata is malformed, or if the server uses a compression that this build does not support. Each
/// request lists the supported compressions in `grpc-accept-encoding`.
pub(crate) fn check_metadata(metadata: &Metadata) -> Result<Compression> {
    if let Some(field) = metadata.malformed_binary() {
        return Err(wire::not_base64(field));
    }
    Compression::announced(metadata).map_err(|name| {
        Status::internal(format!(
            "the server compresses its messages by {name:?}, which the client has not announced"
        ))
    })
}

pub(crate) fn oversized_metadata() -> Status {
    Status::resource_exhausted("the metadata of the response is over the client's limit")
}

pub(crate) fn no_status() -> Status {
    Status::unknown("the peer ended the call without a grpc-status")
}

/// Returns whether the body of a response is readable text, according to the fields of its head.
pub(crate) fn has_text(fields: &[Header]) -> bool {
    let mut content_type: &[u8] = b"text/plain";
    for field in fields {
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
pub(crate) fn text(bytes: &[u8]) -> String {
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
            let fields: Vec<Header> = fields.collect();
            assert_eq!(has_text(&fields), expected, "{fields:?}");
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
            assert_eq!(text(bytes), expected);
        }
    }
}
