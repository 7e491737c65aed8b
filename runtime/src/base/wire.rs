//! The HTTP/2 header fields that gRPC defines, except metadata.

use std::borrow::Cow;

use crate::base::compression::{self, ACCEPT_ENCODING};
use crate::base::header::{Header, Kind};
use crate::base::metadata::{Metadata, decode_binary, encode_binary};
use crate::base::{Outcome, percent};
use crate::{Code, Result, Status};

/// The first fields of every response.
static RESPONSE_HEAD: [Header; 2] = [
    Header::from_static(":status", "200"),
    Header::from_static("content-type", "application/grpc"),
];

/// Returns the first fields of a response's head, if messages or trailers follow the head.
pub(crate) fn response_head<'a>() -> impl Iterator<Item = &'a Header> + Clone {
    RESPONSE_HEAD.iter().chain(advertised())
}

/// Returns the fields of a response that is only a head, which includes the trailers. With `says_encodings`, the head lists the
/// supported compressions, because the client uses another one.
#[cfg(feature = "server")]
pub(crate) fn refusal_head(outcome: &Outcome, says_encodings: bool) -> Vec<Header> {
    let mut fields = RESPONSE_HEAD.to_vec();
    fields.extend(says_encodings.then(|| ACCEPT_ENCODING.clone()));
    push_trailers(outcome, &mut fields);
    fields
}

/// Returns the fields of the response to a request that violates HTTP.
#[cfg(feature = "server")]
pub(crate) fn bad_request_head(outcome: &Outcome) -> Vec<Header> {
    let mut fields = refusal_head(outcome, false);
    if let Some(status) = fields.first_mut() {
        *status = Header::from_static(":status", "400");
    }
    fields
}

/// Returns the field that lists the compressions this build can read, if there are any.
pub(crate) fn advertised() -> Option<&'static Header> {
    compression::AVAILABLE.then_some(&ACCEPT_ENCODING)
}

static GRPC_STATUS: [Header; 17] = [
    Header::from_static("grpc-status", "0"),
    Header::from_static("grpc-status", "1"),
    Header::from_static("grpc-status", "2"),
    Header::from_static("grpc-status", "3"),
    Header::from_static("grpc-status", "4"),
    Header::from_static("grpc-status", "5"),
    Header::from_static("grpc-status", "6"),
    Header::from_static("grpc-status", "7"),
    Header::from_static("grpc-status", "8"),
    Header::from_static("grpc-status", "9"),
    Header::from_static("grpc-status", "10"),
    Header::from_static("grpc-status", "11"),
    Header::from_static("grpc-status", "12"),
    Header::from_static("grpc-status", "13"),
    Header::from_static("grpc-status", "14"),
    Header::from_static("grpc-status", "15"),
    Header::from_static("grpc-status", "16"),
];

/// Returns the trailers for the end of a call.
pub(crate) fn trailers(outcome: &Outcome) -> Cow<'static, [Header]> {
    if outcome.result.is_ok() && outcome.trailing.is_empty() {
        // The common case.
        return Cow::Borrowed(GRPC_STATUS.get(..1).unwrap_or_default());
    }
    let mut fields = Vec::with_capacity(1);
    push_trailers(outcome, &mut fields);
    Cow::Owned(fields)
}

/// Appends the trailers for the end of a call.
pub(crate) fn push_trailers(outcome: &Outcome, fields: &mut Vec<Header>) {
    match &outcome.result {
        Ok(()) => fields.extend(GRPC_STATUS.first().cloned()),
        Err(status) => {
            fields.extend(GRPC_STATUS.get(status.code() as usize).cloned());
            if !status.message().is_empty() {
                fields.push(Header::new(
                    b"grpc-message",
                    &percent::encode(status.message()),
                ));
            }
            if !status.details().is_empty() {
                let details = encode_binary(status.details());
                fields.push(Header::new(b"grpc-status-details-bin", details.as_bytes()));
            }
        }
    }
    fields.extend(outcome.trailing.fields().cloned());
}

/// Cuts the last fields of a call to the size that its peer accepts, so that the status itself arrives. Metadata that doesn't fit
/// is left out, and the message is cut.
#[cfg(feature = "server")]
pub(crate) fn cut_to(limit: usize, fields: &mut Cow<'static, [Header]>) {
    let size = |fields: &[Header]| fields.iter().map(Header::size).sum::<usize>();
    if size(fields) <= limit {
        return;
    }
    let fields = fields.to_mut();
    let message = fields
        .iter()
        .position(|field| field.kind() == Kind::GrpcMessage)
        .map(|place| fields.remove(place));
    if size(fields) > limit {
        fields.retain(|field| {
            let kind = field.kind();
            field.name() == b":status" || matches!(kind, Kind::ContentType | Kind::GrpcStatus)
        });
    }
    let Some(message) = message else {
        return;
    };
    let room = limit.saturating_sub(size(fields));
    let excess = message.size().saturating_sub(room);
    let cut = percent::cut(
        message.value(),
        message.value().len().saturating_sub(excess),
    );
    if !cut.is_empty() {
        fields.push(Header::new(b"grpc-message", cut));
    }
}

/// Returns the end of a call from its trailers, or `None` if they have no status. Trailers that contradict themselves or cannot
/// be read always give an error, never success.
pub(crate) fn outcome(trailing: Metadata) -> Option<Outcome> {
    let mut status = StatusFields::default();
    trailing.all_fields().for_each(|field| status.add(field));
    let result = status.result()?;
    let result = result.map_err(|status| status.with_metadata(trailing.clone()));
    Some(Outcome { result, trailing })
}

/// The trailers that make up the status of a call.
#[derive(Default)]
struct StatusFields<'a> {
    status: Option<&'a Header>,
    /// A `grpc-status` that differs from the first one.
    other_status: Option<&'a Header>,
    message: Option<&'a Header>,
    details: Option<&'a Header>,
    /// A binary field that is not base64.
    malformed: Option<&'a Header>,
}

impl<'a> StatusFields<'a> {
    fn add(&mut self, field: &'a Header) {
        match field.kind() {
            Kind::GrpcStatus if self.status.is_none() => self.status = Some(field),
            Kind::GrpcStatus if self.status != Some(field) => self.other_status = Some(field),
            Kind::GrpcMessage => self.message = self.message.or(Some(field)),
            Kind::GrpcStatusDetailsBin => self.details = self.details.or(Some(field)),
            Kind::Binary if decode_binary(field.value()).is_none() => self.malformed = Some(field),
            _ => {}
        }
    }

    /// Returns the call's result, or `None` if there is no status.
    fn result(&self) -> Option<Result<()>> {
        let result = self.result_of(self.status?);
        if let Some(field) = self.malformed {
            let why = not_base64(field);
            let ended = result.map_or_else(|status| status.to_string(), |()| Code::Ok.to_string());
            let why = format!("{}; the call had ended with {ended}", why.message());
            return Some(Err(Status::internal(why)));
        }
        if let (Some(first), Some(other)) = (self.status, self.other_status) {
            let [first, other] = [first, other].map(|field| String::from_utf8_lossy(field.value()));
            let why = format!(
                "the peer sent grpc-status {first:?} and {other:?}: {}",
                self.message()
            );
            return Some(Err(Status::internal(why)));
        }
        Some(result)
    }

    /// Returns the result that a `grpc-status` represents.
    fn result_of(&self, status: &Header) -> Result<()> {
        let number = status.value();
        let code = std::str::from_utf8(number)
            .ok()
            .filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|number| number.parse().ok())
            .and_then(Code::from_number);
        let status = match code {
            Some(Code::Ok) => return Ok(()),
            Some(code) => Status::new(code, self.message()),
            None => {
                let number = String::from_utf8_lossy(number);
                Status::unknown(format!(
                    "unknown grpc-status {number:?}: {}",
                    self.message()
                ))
            }
        };
        // The status counts even if its details cannot be decoded.
        let details = self.details.and_then(|field| decode_binary(field.value()));
        Err(status.with_details(details.unwrap_or_default()))
    }

    fn message(&self) -> String {
        self.message
            .map_or_else(String::new, |field| percent::decode(field.value()))
    }
}

/// Returns the status of a call whose peer sent a binary value that is not base64.
pub(crate) fn not_base64(field: &Header) -> Status {
    Status::internal(format!(
        "the value of metadata {:?} is not base64",
        String::from_utf8_lossy(field.name())
    ))
}

/// The field that tells a server how many attempts at a call were made before.
pub(crate) const PREVIOUS_RPC_ATTEMPTS: &[u8] = b"grpc-previous-rpc-attempts";

/// Returns the status of calls to an unknown method.
#[cfg(feature = "server")]
pub(crate) fn unknown_method(path: &[u8]) -> Status {
    let path = String::from_utf8_lossy(path);
    Status::unimplemented(format!("unknown method {path}"))
}

/// Returns whether a content type is `application/grpc`, alone or with a message format or parameters after it.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Returns whether a content type means protobuf messages, which are gRPC's default, with or without an explicit name. Parameters
/// are ignored.
pub(crate) fn is_protobuf(content_type: &[u8]) -> bool {
    // Nearly all clients send exactly this.
    content_type == b"application/grpc" || names_protobuf(content_type)
}

#[cold]
fn names_protobuf(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next();
    matches!(
        essence.map(<[u8]>::trim_ascii_end),
        Some(b"application/grpc" | b"application/grpc+proto")
    )
}

/// Returns the status of a call that got an HTTP response without `grpc-status` ("HTTP to gRPC Status Code Mapping").
pub(crate) fn status_of_http(status: u16) -> Status {
    let code = match status {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(
        code,
        format!("the peer answered with HTTP status {status} and no grpc-status"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(fields: &[(&str, &str)]) -> Option<Outcome> {
        let fields = fields
            .iter()
            .map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()))
            .collect();
        outcome(Metadata::from_fields(fields))
    }

    #[test]
    fn an_outcome_comes_back_from_its_trailers() {
        let mut trailing = Metadata::new();
        trailing.append("k", "v").unwrap();
        let status = Status::not_found("no \u{fc}ser\n100 %").with_details(vec![0, 1, 255]);
        let sent = Outcome {
            result: Err(status.clone()),
            trailing,
        };
        let read = outcome(Metadata::from_fields(trailers(&sent).into_owned())).unwrap();
        let error = read.result.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.message(), status.message());
        assert_eq!(error.details(), status.details());
        assert_eq!(read.trailing.get("k"), Some("v"));
        assert_eq!(read.trailing.len(), 1);
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_status_is_cut_to_what_the_peer_takes() {
        let mut trailing = Metadata::new();
        trailing.append("k", "v".repeat(1000)).unwrap();
        let sent = Outcome {
            result: Err(Status::not_found("\u{fc}".repeat(100))),
            trailing,
        };
        let whole = trailers(&sent);
        let size = |fields: &[Header]| fields.iter().map(Header::size).sum::<usize>();
        for limit in 0..size(&whole) + 10 {
            let mut fields = whole.clone();
            cut_to(limit, &mut fields);
            // The status arrives with any limit.
            assert!(size(&fields) <= limit.max(whole[0].size()), "{limit}");
            assert_eq!(fields == whole, limit >= size(&whole));
            let read = outcome(Metadata::from_fields(fields.into_owned())).unwrap();
            let error = read.result.unwrap_err();
            assert_eq!(error.code(), Code::NotFound);
            assert!("\u{fc}".repeat(100).starts_with(error.message()), "{limit}");
        }
        let mut fields = whole.clone();
        cut_to(400, &mut fields);
        assert!(size(&fields) > 390, "{fields:?}");
    }

    #[cfg(feature = "server")]
    proptest! {
        /// For any message and any limit of the peer, the code arrives, and so does a message that isn't cut.
        #[test]
        fn row_73_any_status_arrives(
            message in "( |\t|%|\n|a|\u{fc}|\u{1f980}){0,40}",
            limit in 0..400_usize,
            is_answered: bool,
        ) {
            let sent = Outcome::local(Status::not_found(message.clone()));
            let mut fields = if is_answered {
                trailers(&sent)
            } else {
                refusal_head(&sent, false).into()
            };
            let whole = fields.clone();
            cut_to(limit, &mut fields);
            prop_assert!(fields.iter().all(Header::is_tidy), "{:?}", fields);
            let size = whole.iter().map(Header::size).sum::<usize>();
            prop_assert!(fields == whole || size > limit);
            let read = outcome(Metadata::from_fields(fields.clone().into_owned())).unwrap();
            let error = read.result.unwrap_err();
            prop_assert_eq!(error.code(), Code::NotFound);
            prop_assert!(message.starts_with(error.message()));
            prop_assert!(error.message() == message || fields != whole);
        }
    }

    #[test]
    fn row_58_trailers_that_contradict_themselves_are_an_error() {
        for (first, other) in [("0", "5"), ("5", "0"), ("0", "x"), ("5", "14"), ("0", "00")] {
            let fields = [
                ("grpc-status", first),
                ("grpc-message", "m"),
                ("grpc-status", other),
            ];
            let error = read(&fields).unwrap().result.unwrap_err();
            assert_eq!(error.code(), Code::Internal);
            assert_eq!(
                error.message(),
                format!("the peer sent grpc-status {first:?} and {other:?}: m")
            );
        }
        for status in ["0", "5"] {
            let twice = read(&[("grpc-status", status); 2]).unwrap();
            assert_eq!(twice.result.is_ok(), status == "0");
        }
    }

    #[test]
    fn row_58_a_binary_trailer_that_is_not_base64_is_an_error() {
        for (status, ended) in [("0", "OK"), ("5", "NOT_FOUND: m")] {
            let fields = [
                ("grpc-status", status),
                ("grpc-message", "m"),
                ("x-bin", "!"),
            ];
            let error = read(&fields).unwrap().result.unwrap_err();
            assert_eq!(error.code(), Code::Internal);
            assert_eq!(
                error.message(),
                format!(
                    "the value of metadata \"x-bin\" is not base64; the call had ended with {ended}"
                )
            );
        }
        assert!(read(&[("x-bin", "!")]).is_none());
    }

    #[test]
    fn a_status_that_grpc_does_not_know_is_unknown_with_its_number() {
        for number in ["17", "4294967296", "-1", "+1", "", "x"] {
            let error = read(&[("grpc-status", number)])
                .unwrap()
                .result
                .unwrap_err();
            assert_eq!(error.code(), Code::Unknown);
            assert!(error.message().contains(number), "{error}");
        }
        assert!(read(&[("grpc-message", "x")]).is_none());
    }

    #[test]
    fn details_that_are_garbage_leave_the_status() {
        let outcome = read(&[("grpc-status", "5"), ("grpc-status-details-bin", "!")]).unwrap();
        let error = outcome.result.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert!(error.details().is_empty());
    }

    #[test]
    fn http_statuses_follow_the_table() {
        for (status, code) in [
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (429, Code::Unavailable),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
            (200, Code::Unknown),
            (418, Code::Unknown),
        ] {
            assert_eq!(status_of_http(status).code(), code, "{status}");
        }
    }
}
