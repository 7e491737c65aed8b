//! Control frames: SETTINGS, PING, GOAWAY, and the frames about a stream that carry none of its content.

use std::time::Instant;

use super::going_away::{DRAIN_PING, Ours};
use super::{Connection, Greeting};
use crate::http2::bdp::PROBE;
use crate::http2::budget::WHOLE;
use crate::http2::error::{ConnectionError, Reason};
use crate::http2::event::{Event, ResetCause};
use crate::http2::frame::{self, FrameHeader, flag};
use crate::http2::schedule::Place;
use crate::http2::{Role, StreamId};

impl Connection {
    pub(super) fn receive_settings(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if header.stream != 0 {
            return Err(ConnectionError::protocol(
                "SETTINGS on a stream (RFC 9113, 6.5)",
            ));
        }
        self.ledger.charge(WHOLE, "too_many_settings", now)?;
        if header.has(flag::ACK) {
            return self.receive_settings_ack(payload, now);
        }
        let could_open = self.can_open();
        let window = self.peer.initial_window;
        if self.greeting == Greeting::Settings {
            self.greeted(Greeting::Done);
            // Limits that a first SETTINGS does not contain are unlimited (RFC 9113, 6.5.2).
            self.peer.max_concurrent_streams = u32::MAX;
        }
        let encoder = &mut self.encoder;
        self.peer
            .apply(self.role, payload, |size| encoder.set_max_table_size(size))?;
        self.shift_send_windows(i64::from(self.peer.initial_window) - i64::from(window))?;
        if !could_open && self.can_open() {
            self.events.push_back(Event::CanOpen);
        }
        self.reply(|connection| frame::write_settings_ack(connection.output.tail()))
    }

    /// Handles an acknowledgement. Superfluous ones are harmless.
    fn receive_settings_ack(
        &mut self,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if !payload.is_empty() {
            return Err(ConnectionError::frame_size(
                "a SETTINGS acknowledgement with a payload (RFC 9113, 6.5)",
            ));
        }
        if !self.initial.is_acknowledged() {
            self.timers.settings = None;
            self.settings_acknowledged(now);
        }
        Ok(())
    }

    /// Applies a change of the initial window to all streams. Windows may become negative (RFC 9113, 6.9.2).
    fn shift_send_windows(&mut self, delta: i64) -> Result<(), ConnectionError> {
        if delta == 0 {
            return Ok(());
        }
        let mut opened = Vec::new();
        for (&id, stream) in &mut self.streams {
            stream.send_window.shift(delta).map_err(|_| {
                ConnectionError::violation(
                    Reason::FLOW_CONTROL_ERROR,
                    "a new initial window makes a stream's larger than 2^31-1 (RFC 9113, 6.9.2)",
                )
            })?;
            if delta > 0 && !stream.queue.is_empty() {
                opened.push(id);
            }
        }
        // The table has no order, but the streams' turns need one.
        opened.sort_unstable();
        opened
            .into_iter()
            .for_each(|id| self.schedule_stream(id, Place::Long));
        Ok(())
    }

    pub(super) fn receive_ping(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let payload = frame::ping(header, payload)?;
        if !header.has(flag::ACK) {
            self.ledger.charge(WHOLE, "too_many_pings", now)?;
            let has_calls = !self.streams.is_empty();
            if self.role == Role::Server
                && !self.ping_strikes.ping(&self.config.pings, has_calls, now)
            {
                return Err(ConnectionError::abuse("too_many_pings"));
            }
            return self.reply(|connection| {
                frame::write_ping(payload, true, connection.output.tail());
            });
        }
        if payload == DRAIN_PING && self.going_away.ours == Ours::Announced {
            self.go_away(Reason::NO_ERROR, "");
        } else if self.pings > 0 {
            self.pings -= 1;
            if payload == PROBE {
                self.estimator.answered(now);
                self.grow_connection_window();
            } else {
                self.events.push_back(Event::Pong { payload });
            }
        } else {
            self.ledger.charge(WHOLE, "too_many_pings", now)?;
        }
        Ok(())
    }

    pub(super) fn receive_go_away(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let (last, reason, debug) = frame::go_away(header, payload)?;
        self.ledger.charge(WHOLE, "too_many_goaways", now)?;
        self.peer_goes_away(last, reason, debug);
        Ok(())
    }

    /// Checks a PRIORITY frame, and otherwise ignores it (RFC 9113, 5.3.2).
    pub(super) fn receive_priority(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        const LENGTH: &str = "PRIORITY whose payload is not 5 bytes (RFC 9113, 6.3)";
        if header.stream == 0 {
            return Err(ConnectionError::protocol(
                "PRIORITY on stream 0 (RFC 9113, 6.3)",
            ));
        }
        self.ledger.charge(WHOLE, "too_many_priorities", now)?;
        if payload.len() == 5 {
            return Ok(());
        }
        if self.is_idle(header.stream) {
            // An idle stream cannot be reset.
            return Err(ConnectionError::frame_size(LENGTH));
        }
        if self.streams.contains_key(&header.stream) {
            self.stream_error(header.stream, Reason::FRAME_SIZE_ERROR, LENGTH, now)?;
        }
        Ok(())
    }

    pub(super) fn receive_reset(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let reason = frame::reset(header, payload)?;
        let stream = header.stream;
        if self.is_idle(stream) {
            return Err(ConnectionError::protocol(
                "RST_STREAM on an idle stream (RFC 9113, 6.4)",
            ));
        }
        if self.remove(stream).is_none() {
            return self.ledger.charge_late(now);
        }
        let is_refused = self.role == Role::Client && reason == Reason::REFUSED_STREAM;
        self.events.push_back(Event::Reset {
            stream,
            reason,
            cause: if is_refused {
                ResetCause::Unprocessed
            } else {
                ResetCause::Peer
            },
        });
        if stream <= self.taken {
            // Cancelling a call is free once a handler has it, because honest clients do that too.
            return Ok(());
        }
        self.charge_reset(now)
    }

    pub(super) fn receive_window_update(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let increment = frame::window_update(payload)?;
        self.ledger.charge_window_update(now)?;
        if header.stream != 0 {
            return self.widen_stream(header.stream, increment, now);
        }
        if increment == 0 {
            return Err(ConnectionError::protocol(
                "WINDOW_UPDATE of 0 (RFC 9113, 6.9)",
            ));
        }
        self.send_window.widen(increment).map_err(|_| {
            ConnectionError::violation(
                Reason::FLOW_CONTROL_ERROR,
                "the connection's window is larger than 2^31-1 (RFC 9113, 6.9.1)",
            )
        })
    }

    fn widen_stream(
        &mut self,
        id: StreamId,
        increment: u32,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let Some(stream) = self.streams.get_mut(&id) else {
            if self.is_idle(id) {
                return Err(ConnectionError::protocol(
                    "WINDOW_UPDATE on an idle stream (RFC 9113, 5.1)",
                ));
            }
            return Ok(());
        };
        if increment == 0 {
            let rule = "WINDOW_UPDATE of 0 (RFC 9113, 6.9)";
            return self.stream_error(id, Reason::PROTOCOL_ERROR, rule, now);
        }
        if stream.send_window.widen(increment).is_err() {
            let rule = "a stream's window is larger than 2^31-1 (RFC 9113, 6.9.1)";
            return self.stream_error(id, Reason::FLOW_CONTROL_ERROR, rule, now);
        }
        self.schedule_stream(id, Place::Long);
        Ok(())
    }
}
