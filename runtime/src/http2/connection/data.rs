//! Received DATA.

use std::time::Instant;

use bytes::{Buf, Bytes};

use super::Connection;
use crate::http2::StreamId;
use crate::http2::bdp::PROBE;
use crate::http2::budget::{HALF, WHOLE};
use crate::http2::error::{ConnectionError, Reason};
use crate::http2::event::Event;
use crate::http2::frame::{self, FrameHeader, flag};
use crate::http2::stream::{Progress, Stream};

/// The number of used bytes of a stream's window above which the stream may need a larger window, if it is read. Smaller
/// calls are not worth measuring.
const BULK: i64 = 16 * 1024;

impl Connection {
    pub(super) fn receive_data(
        &mut self,
        header: &FrameHeader,
        mut data: Bytes,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let id = header.stream;
        if self.is_idle(id) {
            return Err(ConnectionError::protocol(
                "DATA on an idle stream (RFC 9113, 5.1)",
            ));
        }
        let window = self.receive_window.left();
        self.receive_window.receive(header.length).map_err(|_| {
            ConnectionError::violation(
                Reason::FLOW_CONTROL_ERROR,
                "DATA past the connection's window (RFC 9113, 6.9.1)",
            )
        })?;
        self.credit(header.length);
        let (before, after) = frame::padding(header, &data)?;
        data.advance(before);
        data.truncate(data.len() - after);
        let end = header.has(flag::END_STREAM);
        let Some(stream) = self.streams.get_mut(&id) else {
            return self.receive_stray_data(header, now);
        };
        let window = window.min(stream.receive_window.left());
        if let Err((reason, rule)) = accept(stream, header.length, data.len(), end) {
            return self.stream_error(id, reason, rule, now);
        }
        let before = stream.most();
        stream.unreleased += data.len() as u32;
        if end {
            stream.receiving = Progress::Ended;
        }
        let is_over = stream.is_over();
        let is_read = stream.is_read;
        let used = i64::from(stream.window) - i64::from(stream.receive_window.left());
        let padding = header.length - data.len();
        if padding > 0 {
            if let Some(increment) = stream.give_back(padding as u32, stream.window, 0) {
                frame::write_window_update(id, increment, self.output.tail());
            }
        }
        self.holdings.held += data.len();
        self.holdings.change(before, stream.most());
        self.estimator.count(id, header.length);
        if used >= BULK && is_read && !end && self.estimator.begin(id, now) {
            self.ping(PROBE);
        }
        self.judge_data(data.len(), end, window, now)?;
        if end || !data.is_empty() {
            self.events.push_back(Event::Data {
                stream: id,
                data,
                end,
            });
        }
        if is_over {
            self.finish(id);
        }
        Ok(())
    }

    /// Handles DATA of a closed stream. The application does not get its bytes, so they are not added to `Holdings::held`.
    fn receive_stray_data(
        &mut self,
        header: &FrameHeader,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let id = header.stream;
        if self.is_beyond_last(id) || self.history.was_reset(id) {
            // The frame may have been in transit when the peer learned of the end (RFC 9113, 5.4.2 and 6.8).
            return if header.length < self.config.small_data {
                self.ledger.charge_late(now)
            } else {
                self.ledger.charge_late_data(header.length, now)
            };
        }
        let rule = "DATA on a closed stream (RFC 9113, 6.1)";
        self.stream_error(id, Reason::STREAM_CLOSED, rule, now)
    }

    /// Counts a DATA frame as useful, or charges the peer for it if it is tiny. A tiny frame is free if it ends the stream or if
    /// the window allowed no more. `window` is the number of bytes that the peer could have sent.
    fn judge_data(
        &mut self,
        length: usize,
        end: bool,
        window: i32,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let small = self.config.small_data;
        if length >= small {
            self.ledger.earn();
            Ok(())
        } else if end {
            Ok(())
        } else if length == 0 {
            self.ledger.charge(WHOLE, "too_many_empty_frames", now)
        } else if usize::try_from(window).is_ok_and(|window| window >= small) {
            self.ledger.charge(HALF, "too_many_small_frames", now)
        } else {
            Ok(())
        }
    }

    /// Removes a stream that has ended in order in both directions.
    pub(super) fn finish(&mut self, id: StreamId) {
        self.remove(id);
        self.ledger.earn_resets();
    }
}

/// Checks whether a stream may receive this DATA frame, and counts it.
fn accept(
    stream: &mut Stream,
    length: usize,
    data: usize,
    end: bool,
) -> Result<(), (Reason, &'static str)> {
    match stream.receiving {
        Progress::Head => {
            let rule = "DATA before a head (RFC 9113, 8.1)";
            return Err((Reason::PROTOCOL_ERROR, rule));
        }
        Progress::Ended => {
            let rule = "DATA after END_STREAM (RFC 9113, 5.1)";
            return Err((Reason::STREAM_CLOSED, rule));
        }
        Progress::Body => {}
    }
    if stream.receive_window.receive(length).is_err() {
        let rule = "DATA past the stream's window (RFC 9113, 6.9.1)";
        return Err((Reason::FLOW_CONTROL_ERROR, rule));
    }
    if !stream.expects(data, end) {
        let rule = "DATA does not match content-length (RFC 9113, 8.1.1)";
        return Err((Reason::PROTOCOL_ERROR, rule));
    }
    Ok(())
}
