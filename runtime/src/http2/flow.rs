//! Flow-control windows (RFC 9113, 5.2 and 6.9).

/// The initial window of streams and connections (RFC 9113, 6.9.2).
pub(super) const DEFAULT_WINDOW: u32 = 65_535;

/// The error of a window that would exceed 2^31-1 (RFC 9113, 6.9.1).
#[derive(Debug)]
pub(super) struct Overflow;

/// The error of DATA that exceeds the window.
#[derive(Debug)]
pub(super) struct Overrun;

/// The number of bytes that this side may send. It is negative after the peer has reduced its initial window (RFC 9113, 6.9.2).
#[derive(Debug)]
pub(super) struct SendWindow(i32);

impl SendWindow {
    /// Creates a window. `initial` is at most 2^31-1, as checked when settings are received.
    pub(super) fn new(initial: u32) -> SendWindow {
        SendWindow(i32::try_from(initial).unwrap_or(i32::MAX))
    }

    pub(super) fn available(&self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// Consumes a part of the window for data to be sent, which must be available.
    pub(super) fn take(&mut self, bytes: usize) {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.0 = self.0.saturating_sub(bytes);
    }

    /// Applies a WINDOW_UPDATE.
    pub(super) fn widen(&mut self, increment: u32) -> Result<(), Overflow> {
        self.shift(i64::from(increment))
    }

    /// Applies a change of the peer's initial window.
    pub(super) fn shift(&mut self, delta: i64) -> Result<(), Overflow> {
        let shifted = i64::from(self.0).saturating_add(delta);
        self.0 = i32::try_from(shifted).map_err(|_| Overflow)?;
        Ok(())
    }
}

/// The number of bytes that the peer may send, and of consumed bytes that have not been announced to it.
#[derive(Debug)]
pub(super) struct ReceiveWindow {
    left: i32,
    /// The consumed bytes that have not been announced. Negative while a window that began too large shrinks.
    credit: i32,
}

impl ReceiveWindow {
    /// Creates a window. `initial` is at most 2^31-1, like all sizes in `Config`.
    pub(super) fn new(initial: u32) -> ReceiveWindow {
        ReceiveWindow {
            left: i32::try_from(initial).unwrap_or(i32::MAX),
            credit: 0,
        }
    }

    pub(super) fn left(&self) -> i32 {
        self.left
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn credit(&self) -> i64 {
        self.credit.into()
    }

    /// Counts DATA of `bytes` bytes, including padding.
    pub(super) fn receive(&mut self, bytes: usize) -> Result<(), Overrun> {
        let bytes = i32::try_from(bytes).map_err(|_| Overrun)?;
        // The window may already be negative, if this side has reduced its initial window.
        if bytes > self.left && bytes > 0 {
            return Err(Overrun);
        }
        self.left -= bytes;
        Ok(())
    }

    /// Adds consumed bytes to the credit. Once the credit is a quarter of `size`, moves it to the window, and returns the increment
    /// to announce in a WINDOW_UPDATE.
    ///
    /// The peer cannot use credit that is not announced. On a long path, the credit may be near the threshold all the time. With a
    /// threshold of one half, the peer could only use the other half, and the window would have to be larger than necessary.
    pub(super) fn give_back(&mut self, bytes: usize, size: u32) -> Option<u32> {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.credit = self.credit.saturating_add(bytes);
        let enough = i32::try_from(size / 4).unwrap_or(i32::MAX).max(1);
        if self.credit < enough {
            return None;
        }
        self.left = self.left.saturating_add(self.credit);
        u32::try_from(std::mem::take(&mut self.credit)).ok()
    }

    /// Returns the increment of all accumulated bytes, however few, to be announced.
    pub(super) fn announce(&mut self) -> u32 {
        let credit = u32::try_from(self.credit).unwrap_or(0);
        self.credit -= i32::try_from(credit).unwrap_or(0);
        self.grow(credit);
        credit
    }

    /// Changes the size of the window from `before` to `size`. Returns the increment to announce if it grows. If it shrinks,
    /// later increments are withheld.
    pub(super) fn resize(&mut self, before: u32, size: u32) -> Option<u32> {
        let delta = i64::from(size) - i64::from(before);
        self.credit = i32::try_from(delta).unwrap_or(i32::MAX);
        self.give_back(0, 0)
    }

    /// Enlarges the window by an increment that is announced.
    pub(super) fn grow(&mut self, more: u32) {
        self.shift(i32::try_from(more).unwrap_or(i32::MAX));
    }

    /// Applies a change of this side's initial window that the peer knows of.
    pub(super) fn shift(&mut self, delta: i32) {
        self.left = self.left.saturating_add(delta);
    }
}
