//! The account of a peer: what its frames have cost, and what they may still cost.

use std::time::{Duration, Instant};

use super::budget::{Budget, WHOLE};
use super::config::Config;
use super::error::ConnectionError;

/// The number of frames that may be in transit on a stream when this side ends it: a head, a message, trailers, and the end.
const LATE_FRAMES: u64 = 4;
/// The number of resets for which a call that ends in order pays. With hedging, a call has up to five attempts (gRFC A6), and the
/// client resets all but one.
const RESETS_PER_CALL: u64 = 4;
/// The minimum number of WINDOW_UPDATEs that are expected for a sent DATA frame: one for the stream, one for the connection, and
/// one by which the receiver requests the rest of a message.
const UPDATES_PER_FRAME: u64 = 3;
/// The number of bytes of a sent DATA frame for which one more WINDOW_UPDATE is expected. A receiver may consume the data in
/// pieces of 1 KiB, and return each piece to the stream's window and to the connection's.
const BYTES_PER_UPDATE: usize = 512;
/// A delay up to this is normal, because timers are not more accurate.
const PUNCTUAL: Duration = Duration::from_millis(10);
/// The number of resets that are excused for each millisecond that this side is late.
const EXCUSED_PER_MILLISECOND: u64 = 10;

/// The budgets of a connection. It also counts the useless frames that an honest peer cannot avoid sending, which are free.
#[derive(Debug)]
pub(super) struct Ledger {
    resets: Budget,
    control_frames: Budget,
    /// The number of WINDOW_UPDATEs that are expected for sent DATA.
    window_updates: u64,
    /// The number of frames that may still be in transit on streams that this side has ended.
    late_frames: u64,
    /// The bytes of DATA that may still be in transit on those streams: the rest of their windows.
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

    /// Notes that the peer has sent a useful frame.
    pub(super) fn earn(&mut self) {
        self.control_frames.earn(WHOLE);
    }

    /// Notes that a call has ended in order.
    pub(super) fn earn_resets(&mut self) {
        self.resets.earn(RESETS_PER_CALL * WHOLE);
    }

    /// Notes that a DATA frame was sent. Its receiver returns windows, and may measure the round trip by PING.
    pub(super) fn expect_updates(&mut self, bytes: usize) {
        self.control_frames.earn(WHOLE);
        self.window_updates += UPDATES_PER_FRAME + (bytes / BYTES_PER_UPDATE) as u64;
    }

    /// Notes that this side has ended `streams` streams, on which the peer may send `window` bytes more before it learns of it.
    pub(super) fn expect_late(&mut self, streams: u64, window: u64) {
        self.late_frames = self.late_frames.saturating_add(streams * LATE_FRAMES);
        self.late_bytes = self.late_bytes.saturating_add(window);
    }

    /// Notes that this side was late by this time. Frames that were read together may have been sent over this time, and calls
    /// may have exceeded their deadlines before they were handled.
    pub(super) fn excuse(&mut self, late: Duration) {
        if late > PUNCTUAL {
            let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            let excused = late.saturating_mul(EXCUSED_PER_MILLISECOND * WHOLE);
            self.resets.raise(excused);
        }
    }

    /// Charges for a stream that ended before a handler had its call, or because the peer broke a rule.
    pub(super) fn charge_reset(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.resets
            .draw(WHOLE, now)
            .map_err(|_| ConnectionError::abuse("too_many_resets"))
    }

    /// Charges for a useless frame that costs this side something.
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

    /// Charges for a WINDOW_UPDATE, unless sent DATA accounts for it.
    pub(super) fn charge_window_update(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.window_updates.checked_sub(1) {
            Some(left) => {
                self.window_updates = left;
                Ok(())
            }
            None => self.charge(WHOLE, "too_many_window_updates", now),
        }
    }

    /// Charges for a frame of a stream that has ended. Frames that were in transit when this side ended streams are free: if a
    /// thousand calls exceed their deadlines at once, the peer that was about to answer them is not at fault.
    pub(super) fn charge_late(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.late_frames.checked_sub(1) {
            Some(left) => {
                self.late_frames = left;
                Ok(())
            }
            None => self.charge(WHOLE, "too_many_late_frames", now),
        }
    }

    /// Charges for DATA of a stream that has ended. The windows of the streams that this side ended tell how much of it an honest
    /// peer may have sent.
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
