//! An engine, and a peer that sends arbitrary frames.

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::link::{End, fields, request, response};
use super::start;
use crate::base::header::Header;
use crate::http2::error::ConnectionError;
use crate::http2::frame::{FrameHeader, HEADER_LEN, PREFACE, flag, kind};
use crate::http2::hpack::{Decoder, Encoder};
use crate::http2::{Config, Event, Reason, ResetCause, Role, StreamId};

pub(super) const END_STREAM: u8 = flag::END_STREAM;
pub(super) const END_HEADERS: u8 = flag::END_HEADERS;

pub(super) struct Raw {
    pub end: End,
    pub now: Instant,
    encoder: Encoder,
    decoder: Decoder,
}

/// A frame that the engine has written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: StreamId,
    pub payload: Vec<u8>,
}

impl Frame {
    pub(super) fn reason(&self) -> Option<Reason> {
        let code = match self.kind {
            kind::RST_STREAM => self.payload.first_chunk(),
            kind::GOAWAY => self.payload[4..].first_chunk(),
            _ => None,
        };
        code.map(|code| Reason::from_code(u32::from_be_bytes(*code)))
    }
}

/// Encodes a frame.
pub(super) fn frame(kind: u8, flags: u8, stream: StreamId, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    let header = FrameHeader {
        length: payload.len(),
        kind,
        flags,
        stream,
    };
    header.write(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

/// Encodes a SETTINGS payload.
pub(super) fn settings(entries: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (setting, value) in entries {
        payload.extend_from_slice(&setting.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    payload
}

impl Raw {
    /// Creates an engine that has sent and received nothing.
    pub(super) fn silent(role: Role, config: Config) -> Raw {
        Raw {
            end: End::new(role, config),
            now: start(),
            encoder: Encoder::new(),
            decoder: Decoder::new(4_096),
        }
    }

    /// Creates a server whose client has sent its preface, SETTINGS and acknowledgement.
    pub(super) fn server(config: Config) -> Raw {
        let mut raw = Raw::silent(Role::Server, config);
        raw.bytes(PREFACE).expect("the preface");
        raw.greet(&[]);
        raw
    }

    /// Creates a client whose server has sent these SETTINGS and an acknowledgement.
    pub(super) fn client(config: Config, entries: &[(u16, u32)]) -> Raw {
        let mut raw = Raw::silent(Role::Client, config);
        raw.end.take_output(PREFACE.len());
        raw.greet(entries);
        raw
    }

    fn greet(&mut self, entries: &[(u16, u32)]) {
        self.send(kind::SETTINGS, 0, 0, &settings(entries))
            .expect("SETTINGS");
        self.send(kind::SETTINGS, flag::ACK, 0, &[])
            .expect("an acknowledgement");
        self.frames();
        self.end.events.clear();
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.end.receive(bytes, self.now)
    }

    pub(super) fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: StreamId,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        self.bytes(&frame(kind, flags, stream, payload))
    }

    pub(super) fn encode(&mut self, fields: &[Header]) -> Vec<u8> {
        let mut block = BytesMut::new();
        self.encoder.encode(fields, &mut block);
        block.to_vec()
    }

    pub(super) fn headers(
        &mut self,
        stream: StreamId,
        fields: &[Header],
        flags: u8,
    ) -> Result<(), ConnectionError> {
        let block = self.encode(fields);
        self.send(kind::HEADERS, flags | END_HEADERS, stream, &block)
    }

    pub(super) fn data(
        &mut self,
        stream: StreamId,
        payload: &[u8],
        flags: u8,
    ) -> Result<(), ConnectionError> {
        self.send(kind::DATA, flags, stream, payload)
    }

    /// Opens a stream of a server with the usual request, and takes its event.
    pub(super) fn request(&mut self, stream: StreamId, flags: u8) {
        self.headers(stream, &request(), flags).expect("a request");
        assert!(matches!(self.end.event(), Some(Event::Request { .. })));
    }

    /// Opens a stream of a client, responds with the usual head, and takes its event.
    pub(super) fn call(&mut self, flags: u8) -> StreamId {
        let stream = self.end.connection.open(&request(), false).expect("open");
        self.headers(stream, &response(), flags)
            .expect("a response");
        assert!(matches!(self.end.event(), Some(Event::Response { .. })));
        self.frames();
        stream
    }

    pub(super) fn settings(&mut self, entries: &[(u16, u32)]) -> Result<(), ConnectionError> {
        self.send(kind::SETTINGS, 0, 0, &settings(entries))
    }

    pub(super) fn window_update(
        &mut self,
        stream: StreamId,
        increment: u32,
    ) -> Result<(), ConnectionError> {
        self.send(kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// Returns all frames that the engine has written since the last call.
    pub(super) fn frames(&mut self) -> Vec<Frame> {
        let mut bytes = Vec::new();
        loop {
            let more = self.end.take_output(usize::MAX);
            if more.is_empty() {
                break;
            }
            bytes.extend(more);
        }
        parse(&bytes)
    }

    /// Returns those of the frames that are of this kind.
    pub(super) fn frames_of(&mut self, kind: u8) -> Vec<Frame> {
        let mut frames = self.frames();
        frames.retain(|frame| frame.kind == kind);
        frames
    }

    /// Decodes a header block that the engine has written.
    pub(super) fn decode(&mut self, block: &[u8]) -> Vec<Header> {
        let mut fields = Vec::new();
        self.decoder
            .decode(block, |field| {
                fields.push(field);
                true
            })
            .expect("our own block");
        fields
    }

    /// Checks that this stream, and nothing else, was reset and removed.
    #[track_caller]
    pub(super) fn assert_reset(&mut self, stream: StreamId, reason: Reason) {
        let frames = self.frames();
        let reset = frames.iter().find(|frame| frame.kind == kind::RST_STREAM);
        let reset = reset.expect("no RST_STREAM");
        assert_eq!((reset.stream, reset.reason()), (stream, Some(reason)));
        assert!(frames.iter().all(|frame| frame.kind != kind::GOAWAY));
        assert_eq!(self.end.connection.send_capacity(stream), 0);
    }

    /// Checks the same as `assert_reset`, and that the application was told.
    #[track_caller]
    pub(super) fn assert_reset_told(&mut self, stream: StreamId, reason: Reason) {
        self.assert_reset(stream, reason);
        let Some(Event::Reset {
            stream: told,
            reason: why,
            cause: ResetCause::Local(_),
        }) = self.end.events.pop_back()
        else {
            panic!("no Reset event");
        };
        assert_eq!((told, why), (stream, reason));
    }

    /// Checks that the connection has ended, and that GOAWAY contains the reason.
    #[track_caller]
    pub(super) fn assert_failed(&mut self, result: Result<(), ConnectionError>, reason: Reason) {
        let error = result.expect_err("the connection should have failed");
        assert_eq!(error.reason, reason, "{error}");
        let frames = self.frames();
        let last = frames.last().expect("no GOAWAY");
        assert_eq!((last.kind, last.reason()), (kind::GOAWAY, Some(reason)));
        assert_eq!(&last.payload[8..], error.rule.as_bytes());
        assert_eq!(self.bytes(b"more"), Err(error));
        assert!(self.frames().is_empty());
        assert_eq!(self.end.connection.timeout(), None);
    }
}

pub(super) fn parse(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(header) = FrameHeader::parse(bytes) {
        let whole = HEADER_LEN + header.length;
        frames.push(Frame {
            kind: header.kind,
            flags: header.flags,
            stream: header.stream,
            payload: bytes[HEADER_LEN..whole].to_vec(),
        });
        bytes = &bytes[whole..];
    }
    assert!(bytes.is_empty(), "half a frame");
    frames
}

/// Returns the usual request with one field changed, added at the end or, without a value, removed.
pub(super) fn request_with(name: &str, value: Option<&str>) -> Vec<Header> {
    let mut head = request();
    let place = head
        .iter()
        .position(|field| field.name() == name.as_bytes());
    let field = value.map(|value| fields(&[(name, value)]).remove(0));
    match (place, field) {
        (Some(place), Some(field)) => head[place] = field,
        (Some(place), None) => drop(head.remove(place)),
        (None, field) => head.extend(field),
    }
    head
}
