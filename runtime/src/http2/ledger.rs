//! What a peer has cost, and what it may still cost before we hang up.

use std::time::{Duration, Instant};

use super::budget::{Budget, WHOLE};
use super::config::Config;
use super::error::ConnectionError;

/// How many frames of a stream that we end may be on their way: a head, a message, trailers, the end.
const LATE_FRAMES: u64 = 4;
/// How many resets a call pays for that ends in order. Hedging makes up to five attempts (gRFC A6), of which one counts.
const RESETS_PER_CALL: u64 = 4;
/// How many WINDOW_UPDATEs a DATA frame of ours is worth at least: one for the stream, one for the connection, and one with which
/// the receiver asks for the rest of a message.
const UPDATES_PER_FRAME: u64 = 3;
/// One WINDOW_UPDATE more for so many bytes of a DATA frame: a receiver may take it in pieces of 1 KiB, and tell of each in the
/// stream's window and in the connection's.
const BYTES_PER_UPDATE: usize = 512;
/// A delay that is no news: timers are not more exact.
const PUNCTUAL: Duration = Duration::from_millis(10);
/// How many resets are excused for each millisecond that we are late.
const EXCUSED_PER_MILLISECOND: u64 = 10;

/// The budgets of a connection, and what the peer has been promised beside them: frames that are worth nothing, and that an honest
/// peer could not help sending.
#[derive(Debug)]
pub(super) struct Ledger {
    resets: Budget,
    control_frames: Budget,
    /// WINDOW_UPDATEs that the DATA we have sent has asked for.
    window_updates: u64,
    /// Frames of streams that we have ended, which may have been on their way.
    late_frames: u64,
    /// Bytes of DATA of such streams: what was left of their windows.
    late_bytes: u64,
}

impl Ledger {
    pub(super) fn new(config: &Config, now: Instant) -> Ledger {
        Ledger {
            resets: Budget::new(config.resets, now),
            control_frames: Budget::new(config.control_frames, now),
            window_updates: 0,
            late_frames: 0,
            late_bytes: 0,
        }
    }

    /// The peer has sent something useful.
    pub(super) fn earn(&mut self) {
        self.control_frames.earn(WHOLE);
    }

    /// A call has ended in order.
    pub(super) fn earn_resets(&mut self) {
        self.resets.earn(RESETS_PER_CALL * WHOLE);
    }

    /// We have sent a DATA frame of so many bytes. Its receiver gives windows back, and may well measure its way by PING.
    pub(super) fn expect_updates(&mut self, bytes: usize) {
        self.control_frames.earn(WHOLE);
        self.window_updates += UPDATES_PER_FRAME + (bytes / BYTES_PER_UPDATE) as u64;
    }

    /// We have ended so many streams, on which the peer may send `window` bytes more before it learns of it.
    pub(super) fn expect_late(&mut self, streams: u64, window: u64) {
        self.late_frames = self.late_frames.saturating_add(streams * LATE_FRAMES);
        self.late_bytes = self.late_bytes.saturating_add(window);
    }

    /// We have been late by so much: what came together may have been sent with that much time in between, and calls may have run
    /// out of time before we had a look at them.
    pub(super) fn excuse(&mut self, late: Duration) {
        if late > PUNCTUAL {
            let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            let excused = late.saturating_mul(EXCUSED_PER_MILLISECOND * WHOLE);
            self.resets.raise(excused);
        }
    }

    /// A stream has ended out of order before anybody has taken its call, or because the peer broke a rule.
    pub(super) fn charge_reset(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.resets
            .draw(WHOLE, now)
            .map_err(|_| ConnectionError::abuse("too_many_resets"))
    }

    /// A frame that costs us something and is worth nothing.
    pub(super) fn charge(
        &mut self,
        cost: u64,
        rule: &'static str,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        self.control_frames
            .draw(cost, now)
            .map_err(|_| ConnectionError::abuse(rule))
    }

    /// A WINDOW_UPDATE. Those that DATA of ours has asked for cost nothing.
    pub(super) fn charge_window_update(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.window_updates.checked_sub(1) {
            Some(left) => {
                self.window_updates = left;
                Ok(())
            }
            None => self.charge(WHOLE, "too_many_window_updates", now),
        }
    }

    /// A frame of a stream that is over. What was on its way when we ended streams costs nothing: a thousand calls that are out
    /// of time at once are no fault of who was about to answer them.
    pub(super) fn charge_late(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.late_frames.checked_sub(1) {
            Some(left) => {
                self.late_frames = left;
                Ok(())
            }
            None => self.charge(WHOLE, "too_many_late_frames", now),
        }
    }

    /// DATA of a stream that is over, of so many bytes. The windows of the streams that we ended say how much of it an honest peer
    /// may have sent.
    pub(super) fn charge_late_data(
        &mut self,
        bytes: usize,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        match self.late_bytes.checked_sub(bytes as u64) {
            Some(left) => {
                self.late_bytes = left;
                Ok(())
            }
            None => self.charge(WHOLE, "too_many_late_frames", now),
        }
    }
}
