//! From bytes to frames, and from each frame to what takes it.

use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::{Connection, Greeting};
use crate::http2::budget::WHOLE;
use crate::http2::error::ConnectionError;
use crate::http2::frame::{FrameHeader, HEADER_LEN, PREFACE, flag, kind};
use crate::http2::{Role, StreamId};

impl Connection {
    /// Whether to read more from the peer now. If not, it has to take some of the output first.
    pub(crate) fn wants_input(&self) -> bool {
        self.output.len() <= self.config.read_mark
    }

    /// Takes whole frames off the front of `input`, and leaves a partial one there.
    ///
    /// DATA payloads are split off, not copied. After an error the GOAWAY is in the output; the same error comes back from here on.
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

    /// True once nothing but frames is on the input. Peers that speak another protocol are known by their first bytes.
    fn receive_greeting(&mut self, input: &mut BytesMut) -> Result<bool, ConnectionError> {
        if let Some(other) = other_protocol(input) {
            return Err(ConnectionError::protocol(other));
        }
        Ok(self.greeting != Greeting::Preface || self.receive_preface(input)?)
    }

    /// True once the client's preface is off the input (RFC 9113, 3.4). A wrong one is known by its first wrong byte.
    fn receive_preface(&mut self, input: &mut BytesMut) -> Result<bool, ConnectionError> {
        let length = input.len().min(PREFACE.len());
        if input[..length] != PREFACE[..length] {
            return Err(ConnectionError::protocol(
                "not the preface of HTTP/2 (RFC 9113, 3.4)",
            ));
        }
        if length < PREFACE.len() {
            return Ok(false);
        }
        input.advance(length);
        self.greeted(Greeting::Settings);
        Ok(true)
    }

    /// What a frame header alone can break, before its payload is there.
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
                "PUSH_PROMISE, which we do not allow (RFC 9113, 8.4)",
            )),
            // RFC 9113, 5.5.
            _ => self.ledger.charge(WHOLE, "too_many_unknown_frames", now),
        }
    }

    /// Half a frame may not stay half for long, except DATA, which comes at the pace of the sender's link.
    fn watch_partial_frame(&mut self, rest: &[u8], progress: bool, now: Instant) {
        if self.block.is_some() {
            // Its time runs since its first frame.
            return;
        }
        let is_data = FrameHeader::parse(rest).is_some_and(|header| header.kind == kind::DATA);
        if rest.is_empty() || is_data {
            self.timers.header = None;
        } else if progress || self.timers.header.is_none() {
            self.start_header_timer(now);
        }
    }

    /// Whether nobody has used the stream yet (RFC 9113, 5.1): above the ids that were used, or one that the other side could
    /// have opened and never does.
    pub(super) fn is_idle(&self, stream: StreamId) -> bool {
        let is_clients = stream % 2 == 1;
        !is_clients
            || match self.role {
                Role::Client => stream >= self.next_id,
                Role::Server => stream > self.last_id && !self.is_beyond_last(stream),
            }
    }
}

/// What a peer says that does not speak HTTP/2, if it is a protocol that is known by its first bytes. As a frame it would be one of
/// megabytes, which no connection begins with.
fn other_protocol(input: &[u8]) -> Option<&'static str> {
    match input {
        // A record of TLS (RFC 8446, 5.1): its type, and a version that begins with 3.
        [20..=23, 3, 0..=4, ..] => Some("a record of TLS, where HTTP/2 is expected"),
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            Some("a response of HTTP/1, where HTTP/2 is expected")
        }
        _ => None,
    }
}
