//! Target `fields`: gRPC's header fields. They are timeouts, status messages, binary metadata, outcomes and the heads
//! of requests.

use std::time::{Duration, Instant};

use super::input::Input;
use crate::base::deadline::{format_timeout, parse_timeout};
use crate::base::header::{Header, Kind};
use crate::base::metadata::{Metadata, decode_binary, encode_binary};
use crate::base::{Outcome, percent, wire};
use crate::{Code, Status};

/// Parses fields from any bytes. The first byte selects the kind of field.
pub fn fields(input: &[u8]) {
    let mut input = Input::new(input);
    match input.byte() % 8 {
        0 => timeout(input.rest()),
        1 => duration(input.rest()),
        2 => message(input.rest()),
        3 => binary(input.rest()),
        4 => metadata(&mut input),
        5 => outcome(&mut input),
        6 => status(&mut input),
        _ => request(&mut input),
    }
}

/// Checks that a timeout has the value of its digits and unit, or is refused.
fn timeout(value: &[u8]) {
    let Some(timeout) = parse_timeout(value) else {
        return;
    };
    assert!((2..=9).contains(&value.len()));
    let again = parse_timeout(format_timeout(timeout).as_bytes())
        .expect("a formatted timeout should parse");
    // Formatting rounds up, by less than the unit that eight digits allow.
    assert!(again >= timeout && again - timeout <= timeout / 10_000_000 + Duration::from_nanos(1));
}

/// Checks that a formatted timeout is never shorter than the duration.
fn duration(bytes: &[u8]) {
    let Some(bytes) = bytes.first_chunk::<12>() else {
        return;
    };
    let [secs @ .., a, b, c, d] = *bytes;
    let nanos = u32::from_be_bytes([a, b, c, d]) % 1_000_000_000;
    let timeout = Duration::new(u64::from_be_bytes(secs), nanos);
    let text = format_timeout(timeout);
    let read = parse_timeout(text.as_bytes()).expect("a formatted timeout should parse");
    assert!(read >= timeout || text == "99999999H", "{text}");
}

/// Checks that any bytes decode as a message, and that a message survives encoding and decoding.
fn message(bytes: &[u8]) {
    let text = percent::decode(bytes);
    let encoded = percent::encode(&text);
    assert!(encoded.iter().all(|byte| (b' '..=b'~').contains(byte)));
    assert_eq!(encoded.trim_ascii(), &*encoded);
    assert!(encoded.len() <= 3 * text.len());
    assert_eq!(percent::decode(&encoded), text);
}

/// Checks that base64 is decoded with and without padding, and that bytes survive encoding and decoding.
fn binary(bytes: &[u8]) {
    if let Some(decoded) = decode_binary(bytes) {
        assert!(decoded.len() <= bytes.len());
        let again = decode_binary(encode_binary(&decoded).as_bytes());
        assert_eq!(again.as_ref(), Some(&decoded));
    }
    let encoded = encode_binary(bytes);
    assert_eq!(decode_binary(encoded.as_bytes()).as_deref(), Some(bytes));
    let padded = format!("{encoded}{}", &"=="[..(3 - bytes.len() % 3) % 3]);
    assert_eq!(decode_binary(padded.as_bytes()).as_deref(), Some(bytes));
}

/// Checks that metadata that can be appended can also be sent and read back.
fn metadata(input: &mut Input<'_>) {
    let mut metadata = Metadata::new();
    let mut pairs = Vec::new();
    while !input.is_empty() {
        let key = String::from_utf8_lossy(input.string()).into_owned();
        let value = input.string();
        if metadata.append(&key, value).is_ok() {
            pairs.push((key, value));
        }
    }
    assert!(metadata.all_fields().all(Header::is_tidy));
    assert_eq!(metadata.malformed_binary(), None);
    let fields = metadata.fields().cloned().collect();
    let received = Metadata::from_fields(fields);
    assert_eq!(received.len(), pairs.len());
    for ((name, read), (key, value)) in received.iter().zip(&pairs) {
        assert_eq!(name, key);
        assert!(!key.ends_with("-bin") || read.to_bytes().as_deref() == Some(value));
        assert!(key.ends_with("-bin") || read.as_str().map(str::as_bytes) == Some(value));
        assert!(received.contains_key(key));
    }
}

/// Checks that any trailers are read without a panic, and give a status only if they have one.
fn outcome(input: &mut Input<'_>) {
    let trailing = Metadata::from_fields(list(input));
    let has_status = trailing.field(Kind::GrpcStatus).is_some();
    let outcome = wire::outcome(trailing.clone());
    assert_eq!(outcome.is_some(), has_status);
    if let Some(Outcome {
        result: Err(status),
        ..
    }) = outcome
    {
        assert_ne!(status.code(), Code::Ok);
        assert_eq!(status.metadata(), &trailing);
        assert!(!format!("{status} {status:?}").is_empty());
    }
    assert!(!format!("{trailing:?}").is_empty());
    let status = wire::status_of_http(input.word() as u16);
    assert_ne!(status.code(), Code::Ok);
}

/// Checks that a status survives encoding and decoding.
fn status(input: &mut Input<'_>) {
    let code = Code::from_number((input.byte() % 18).into()).unwrap_or(Code::Unknown);
    let details = input.string().to_vec();
    let message = String::from_utf8_lossy(input.rest()).into_owned();
    let result = match code {
        Code::Ok => Ok(()),
        code => Err(Status::new(code, message.clone()).with_details(details.clone())),
    };
    let sent = Outcome {
        result,
        trailing: Metadata::new(),
    };
    let trailers = wire::trailers(&sent);
    assert!(trailers.iter().all(Header::is_tidy));
    let outcome = wire::outcome(Metadata::from_fields(trailers.into_owned()))
        .expect("the trailers should have a status");
    let Err(status) = outcome.result else {
        assert_eq!(code, Code::Ok);
        return;
    };
    assert_eq!((status.code(), status.message()), (code, &*message));
    assert_eq!(status.details(), &details);
}

/// Checks that the head of a request is accepted only if gRPC allows it.
#[cfg(feature = "server")]
fn request(input: &mut Input<'_>) {
    use crate::call::Peer;
    use crate::http2::RequestHead;
    use crate::private::{HandlersBuilder, Prost};
    use crate::server::MethodTable;

    let handlers = HandlersBuilder::new("s.S", (), Prost)
        .request("M", |_, (): ()| Box::pin(async { Ok(bytes::Bytes::new()) }))
        .finish();
    let mut table = MethodTable::default();
    table.add(handlers);
    let oversized = input.byte() == 1;
    let choose = |choice: u8, name: &'static [u8], usual: &'static [u8], other: &[u8]| {
        Header::new(name, if choice < 200 { usual } else { other })
    };
    let method = choose(input.byte(), b":method", b"POST", input.string());
    let path = choose(input.byte(), b":path", b"/s.S/M", input.string());
    let head = RequestHead {
        method: method.clone(),
        scheme: None,
        path: path.clone(),
        authority: None,
        fields: list(input),
        oversized,
    };
    let metadata = Metadata::from_fields(head.fields.clone());
    let text = |kind| metadata.field(kind).map(|field| field.value().to_vec());
    // The current time is the only `Instant` that can be made. The result does not depend on it.
    let now = Instant::now();
    if table.accept(head, &Peer::in_process(), now).is_ok() {
        assert_eq!(
            (method.value(), path.value()),
            (&b"POST"[..], &b"/s.S/M"[..])
        );
        assert!(!oversized);
        assert!(
            text(Kind::ContentType).is_some_and(|value| value.starts_with(b"application/grpc"))
        );
        let timeout = text(Kind::GrpcTimeout).map(|value| parse_timeout(&value));
        assert!(timeout.is_none_or(|timeout| timeout.is_some_and(|timeout| !timeout.is_zero())));
        let encodings: [&[u8]; 4] = [b"identity", b"deflate", b"gzip", b"zstd"];
        assert!(text(Kind::GrpcEncoding).is_none_or(|value| encodings.contains(&&value[..])));
        assert_eq!(metadata.malformed_binary(), None);
    }
}

#[cfg(not(feature = "server"))]
fn request(_: &mut Input<'_>) {}

/// Reads a list of fields, many of which are gRPC's.
fn list(input: &mut Input<'_>) -> Vec<Header> {
    let names: [&[u8]; 8] = [
        b"grpc-status",
        b"grpc-message",
        b"grpc-status-details-bin",
        b"grpc-timeout",
        b"grpc-encoding",
        b"content-type",
        b"x-bin",
        b"te",
    ];
    let count = input.byte() % 8;
    let mut fields = Vec::new();
    for _ in 0..count {
        let choice = usize::from(input.byte());
        let name = match names.get(choice % 16) {
            Some(name) => name,
            None => input.string(),
        };
        fields.push(Header::new(name, input.string()));
    }
    fields
}
