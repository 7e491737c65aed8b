//! Encoding and decoding of frames (RFC 9113, 4 and 6). The functions have no state.

use bytes::{BufMut, BytesMut};

use super::error::{ConnectionError, Reason};
use super::{MAX_STREAM_ID, StreamId};

/// The length of a frame header, in bytes.
pub(super) const HEADER_LEN: usize = 9;
/// The largest payload that every peer accepts (RFC 9113, 4.2).
pub(super) const DEFAULT_FRAME_SIZE: u32 = 16_384;
/// The largest payload that peers can agree on.
pub(super) const LARGEST_FRAME_SIZE: u32 = 0xff_ffff;
/// The beginning of a client's connection preface (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types. They are numbers rather than an enum, because unknown types are not errors.
pub(super) mod kind {
    pub(in crate::http2) const DATA: u8 = 0x0;
    pub(in crate::http2) const HEADERS: u8 = 0x1;
    pub(in crate::http2) const PRIORITY: u8 = 0x2;
    pub(in crate::http2) const RST_STREAM: u8 = 0x3;
    pub(in crate::http2) const SETTINGS: u8 = 0x4;
    pub(in crate::http2) const PUSH_PROMISE: u8 = 0x5;
    pub(in crate::http2) const PING: u8 = 0x6;
    pub(in crate::http2) const GOAWAY: u8 = 0x7;
    pub(in crate::http2) const WINDOW_UPDATE: u8 = 0x8;
    pub(in crate::http2) const CONTINUATION: u8 = 0x9;
}

/// Flags. Their meaning depends on the frame type.
pub(super) mod flag {
    pub(in crate::http2) const ACK: u8 = 0x1;
    pub(in crate::http2) const END_STREAM: u8 = 0x1;
    pub(in crate::http2) const END_HEADERS: u8 = 0x4;
    pub(in crate::http2) const PADDED: u8 = 0x8;
    pub(in crate::http2) const PRIORITY: u8 = 0x20;
}

/// The header of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FrameHeader {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: StreamId,
}

impl FrameHeader {
    /// Parses the header at the front of `input`. Returns `None` if it is incomplete.
    pub(super) fn parse(input: &[u8]) -> Option<FrameHeader> {
        let [a, b, c, kind, flags, d, e, f, g] = *input.first_chunk::<HEADER_LEN>()?;
        Some(FrameHeader {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([d, e, f, g]) & MAX_STREAM_ID,
        })
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [_, a, b, c] = (self.length as u32).to_be_bytes();
        let [d, e, f, g] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, d, e, f, g]
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn write(self, out: &mut BytesMut) {
        out.put_slice(&self.to_bytes());
    }
}

/// Returns the number of bytes before and after the content of a PADDED payload (RFC 9113, 6.1).
pub(super) fn padding(
    header: &FrameHeader,
    payload: &[u8],
) -> Result<(usize, usize), ConnectionError> {
    if !header.has(flag::PADDED) {
        return Ok((0, 0));
    }
    let Some((&pad, rest)) = payload.split_first() else {
        return Err(ConnectionError::frame_size(
            "a padded frame without a pad length (RFC 9113, 6.1)",
        ));
    };
    let pad = usize::from(pad);
    if pad > rest.len() {
        return Err(ConnectionError::protocol(
            "padding longer than the payload (RFC 9113, 6.1)",
        ));
    }
    Ok((1, pad))
}

/// Returns the header block fragment of a HEADERS payload, without padding and priority (RFC 9113, 6.2).
pub(super) fn fragment<'a>(
    header: &FrameHeader,
    payload: &'a [u8],
) -> Result<&'a [u8], ConnectionError> {
    let (before, after) = padding(header, payload)?;
    let priority = if header.has(flag::PRIORITY) { 5 } else { 0 };
    payload
        .get(before + priority..payload.len() - after)
        .ok_or(ConnectionError::frame_size(
            "HEADERS too short for its flags (RFC 9113, 6.2)",
        ))
}

/// Parses the payload of a PING.
pub(super) fn ping(header: &FrameHeader, payload: &[u8]) -> Result<[u8; 8], ConnectionError> {
    if header.stream != 0 {
        return Err(ConnectionError::protocol(
            "PING on a stream (RFC 9113, 6.7)",
        ));
    }
    payload.try_into().map_err(|_| {
        ConnectionError::frame_size("PING whose payload is not 8 bytes (RFC 9113, 6.7)")
    })
}

/// Parses the payload of a RST_STREAM.
pub(super) fn reset(header: &FrameHeader, payload: &[u8]) -> Result<Reason, ConnectionError> {
    if header.stream == 0 {
        return Err(ConnectionError::protocol(
            "RST_STREAM on stream 0 (RFC 9113, 6.4)",
        ));
    }
    match payload.try_into() {
        Ok(code) => Ok(Reason::from_code(u32::from_be_bytes(code))),
        Err(_) => Err(ConnectionError::frame_size(
            "RST_STREAM whose payload is not 4 bytes (RFC 9113, 6.4)",
        )),
    }
}

/// Parses the increment of a WINDOW_UPDATE. It may be an invalid 0.
pub(super) fn window_update(payload: &[u8]) -> Result<u32, ConnectionError> {
    match payload.try_into() {
        Ok(increment) => Ok(u32::from_be_bytes(increment) & MAX_STREAM_ID),
        Err(_) => Err(ConnectionError::frame_size(
            "WINDOW_UPDATE whose payload is not 4 bytes (RFC 9113, 6.9)",
        )),
    }
}

/// Parses the last stream, the reason and the debug data of a GOAWAY.
pub(super) fn go_away<'a>(
    header: &FrameHeader,
    payload: &'a [u8],
) -> Result<(StreamId, Reason, &'a [u8]), ConnectionError> {
    if header.stream != 0 {
        return Err(ConnectionError::protocol(
            "GOAWAY on a stream (RFC 9113, 6.8)",
        ));
    }
    let Some((fixed, debug)) = payload.split_first_chunk::<8>() else {
        return Err(ConnectionError::frame_size(
            "GOAWAY of less than 8 bytes (RFC 9113, 6.8)",
        ));
    };
    let [a, b, c, d, e, f, g, h] = *fixed;
    let last = u32::from_be_bytes([a, b, c, d]) & MAX_STREAM_ID;
    let reason = Reason::from_code(u32::from_be_bytes([e, f, g, h]));
    Ok((last, reason, debug))
}

fn write_control(kind: u8, flags: u8, stream: StreamId, payload: &[u8], out: &mut BytesMut) {
    let header = FrameHeader {
        length: payload.len(),
        kind,
        flags,
        stream,
    };
    header.write(out);
    out.put_slice(payload);
}

pub(super) fn write_settings_ack(out: &mut BytesMut) {
    write_control(kind::SETTINGS, flag::ACK, 0, &[], out);
}

pub(super) fn write_ping(payload: [u8; 8], ack: bool, out: &mut BytesMut) {
    let flags = if ack { flag::ACK } else { 0 };
    write_control(kind::PING, flags, 0, &payload, out);
}

pub(super) fn write_reset(stream: StreamId, reason: Reason, out: &mut BytesMut) {
    let code = reason.code().to_be_bytes();
    write_control(kind::RST_STREAM, 0, stream, &code, out);
}

pub(super) fn write_window_update(stream: StreamId, increment: u32, out: &mut BytesMut) {
    let increment = increment.to_be_bytes();
    write_control(kind::WINDOW_UPDATE, 0, stream, &increment, out);
}

pub(super) fn write_go_away(last: StreamId, reason: Reason, debug: &str, out: &mut BytesMut) {
    let header = FrameHeader {
        length: 8 + debug.len(),
        kind: kind::GOAWAY,
        flags: 0,
        stream: 0,
    };
    header.write(out);
    out.put_u32(last);
    out.put_u32(reason.code());
    out.put_slice(debug.as_bytes());
}

/// Writes the header of a DATA frame. The caller writes the payload.
pub(super) fn write_data_header(stream: StreamId, length: usize, end: bool, out: &mut BytesMut) {
    let header = FrameHeader {
        length,
        kind: kind::DATA,
        flags: if end { flag::END_STREAM } else { 0 },
        stream,
    };
    header.write(out);
}

/// Writes a header block as a HEADERS frame, followed by CONTINUATION frames if it is larger than `max_frame` (RFC 9113, 6.10).
///
/// `encode` appends the block to `out`, where it stays unless it is too large for one frame.
pub(super) fn write_headers(
    stream: StreamId,
    end: bool,
    max_frame: usize,
    out: &mut BytesMut,
    encode: impl FnOnce(&mut BytesMut),
) {
    let start = out.len();
    out.put_slice(&[0; HEADER_LEN]);
    encode(out);
    let block = start + HEADER_LEN;
    let length = out.len() - block;
    let end_stream = if end { flag::END_STREAM } else { 0 };
    let mut header = FrameHeader {
        length,
        kind: kind::HEADERS,
        flags: end_stream | flag::END_HEADERS,
        stream,
    };
    if length <= max_frame {
        out[start..block].copy_from_slice(&header.to_bytes());
        return;
    }
    let whole = out[block..].to_vec();
    out.truncate(start);
    let mut rest = whole.chunks(max_frame.max(1)).peekable();
    header.flags = end_stream;
    while let Some(piece) = rest.next() {
        if rest.peek().is_none() {
            header.flags |= flag::END_HEADERS;
        }
        header.length = piece.len();
        header.write(out);
        out.put_slice(piece);
        header.kind = kind::CONTINUATION;
        header.flags = 0;
    }
}
