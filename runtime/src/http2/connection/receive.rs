//! Received bytes: split into frames, which are passed to their handlers.

use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::{Connection, Greeting};
use crate::http2::budget::WHOLE;
use crate::http2::error::ConnectionError;
use crate::http2::frame::{FrameHeader, HEADER_LEN, PREFACE, flag, kind};
use crate::http2::{Role, StreamId};

impl Connection {
    /// Returns whether more should be read from the peer now. If not, the peer must accept some of the output first.
    pub(crate) fn wants_input(&self) -> bool {
        self.output.len() <= self.config.read_mark
    }

    /// Consumes whole frames from the front of `input`. A partial frame stays there.
    ///
    /// DATA payloads are split off, not copied. After an error, the output contains a GOAWAY, and later calls return the same
    /// error.
    pub(crate) fn receive(
        &mut self,
        input: &mut BytesMut,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.receive_all(input, now)
            .map_err(|error| self.fail(error))?;
        self.balance(now);
        Ok(())
    }

    fn receive_all(&mut self, input: &mut BytesMut, now: Instant) -> Result<(), ConnectionError> {
        if self.greeting != Greeting::Done && !self.receive_greeting(input)? {
            return Ok(());
        }
        let before = input.len();
        while let Some(header) = FrameHeader::parse(input) {
            self.check_sequence(&header)?;
            if input.len() - HEADER_LEN < header.length {
                break;
            }
            if header.kind == kind::DATA {
                input.advance(HEADER_LEN);
                let payload = input.split_to(header.length).freeze();
                self.receive_data(&header, payload, now)?;
            } else {
                let whole = HEADER_LEN + header.length;
                self.receive_other(&header, &input[HEADER_LEN..whole], now)?;
                input.advance(whole);
            }
        }
        self.watch_partial_frame(input, input.len() < before, now);
        Ok(())
    }

    /// Handles the peer's connection preface. Returns `true` once only frames are left in the input. Peers that speak another
    /// protocol are recognized by their first bytes.
    fn receive_greeting(&mut self, input: &mut BytesMut) -> Result<bool, ConnectionError> {
        if let Some(other) = other_protocol(input) {
            return Err(ConnectionError::protocol(other));
        }
        Ok(self.greeting != Greeting::Preface || self.receive_preface(input)?)
    }

    /// Consumes the client's preface (RFC 9113, 3.4). Returns `true` once it is complete. An invalid preface fails at its first
    /// wrong byte.
    fn receive_preface(&mut self, input: &mut BytesMut) -> Result<bool, ConnectionError> {
        let length = input.len().min(PREFACE.len());
        if input[..length] != PREFACE[..length] {
            return Err(ConnectionError::protocol(
                "not HTTP/2's connection preface (RFC 9113, 3.4)",
            ));
        }
        if length < PREFACE.len() {
            return Ok(false);
        }
        input.advance(length);
        self.greeted(Greeting::Settings);
        Ok(true)
    }

    /// Checks the rules that a frame header alone can violate, before its payload has arrived.
    fn check_sequence(&mut self, header: &FrameHeader) -> Result<(), ConnectionError> {
        if self.greeting == Greeting::Settings
            && (header.kind != kind::SETTINGS || header.has(flag::ACK))
        {
            return Err(ConnectionError::protocol(
                "the first frame is not SETTINGS (RFC 9113, 3.4)",
            ));
        }
        if header.length > self.config.max_frame_size as usize {
            return Err(ConnectionError::frame_size(
                "a frame over SETTINGS_MAX_FRAME_SIZE (RFC 9113, 4.2)",
            ));
        }
        let continues = header.kind == kind::CONTINUATION;
        match &self.block {
            None if !continues => Ok(()),
            Some(block) if continues && block.stream == header.stream => Ok(()),
            None => Err(ConnectionError::protocol(
                "CONTINUATION without HEADERS before it (RFC 9113, 6.10)",
            )),
            Some(_) => Err(ConnectionError::protocol(
                "another frame within a header block (RFC 9113, 4.3)",
            )),
        }
    }

    fn receive_other(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        match header.kind {
            kind::HEADERS => self.receive_headers(header, payload, now),
            kind::CONTINUATION => self.receive_continuation(header, payload, now),
            kind::WINDOW_UPDATE => self.receive_window_update(header, payload, now),
            kind::RST_STREAM => self.receive_reset(header, payload, now),
            kind::PING => self.receive_ping(header, payload, now),
            kind::SETTINGS => self.receive_settings(header, payload, now),
            kind::GOAWAY => self.receive_go_away(header, payload, now),
            kind::PRIORITY => self.receive_priority(header, payload, now),
            kind::PUSH_PROMISE => Err(ConnectionError::protocol(
                "PUSH_PROMISE, which is disabled (RFC 9113, 8.4)",
            )),
            // Unknown frames are ignored (RFC 9113, 5.5).
            _ => self.ledger.charge(WHOLE, "too_many_unknown_frames", now),
        }
    }

    /// Limits the time that a partial frame may take. DATA is exempt, because it arrives at the speed of the sender's network.
    fn watch_partial_frame(&mut self, rest: &[u8], progress: bool, now: Instant) {
        if self.block.is_some() {
            // The timer has been running since the block's first frame.
            return;
        }
        let is_data = FrameHeader::parse(rest).is_some_and(|header| header.kind == kind::DATA);
        if rest.is_empty() || is_data {
            self.timers.header = None;
        } else if progress || self.timers.header.is_none() {
            self.start_header_timer(now);
        }
    }

    /// Returns whether the stream is idle (RFC 9113, 5.1): its id is above those that were used, or belongs to the side that
    /// never opens streams.
    pub(super) fn is_idle(&self, stream: StreamId) -> bool {
        let is_clients = stream % 2 == 1;
        !is_clients
            || match self.role {
                Role::Client => stream >= self.next_id,
                Role::Server => stream > self.last_id && !self.is_beyond_last(stream),
            }
    }
}

/// Recognizes a peer that speaks another protocol by its first bytes. As a frame header, they would announce a frame of
/// megabytes, and no connection begins with such a frame.
fn other_protocol(input: &[u8]) -> Option<&'static str> {
    match input {
        // A TLS record (RFC 8446, 5.1) begins with its type and a version that starts with 3.
        [20..=23, 3, 0..=4, ..] => Some("received a TLS record instead of HTTP/2"),
        [b'H', b'T', b'T', b'P', b'/', ..] => Some("received an HTTP/1 response instead of HTTP/2"),
        _ => None,
    }
}
