//! Flow-control windows as values (RFC 9113, 5.2 and 6.9).

/// The window that every stream and connection starts with (RFC 9113, 6.9.2).
pub(super) const DEFAULT_WINDOW: u32 = 65_535;

/// A window would be larger than 2^31-1 (RFC 9113, 6.9.1).
#[derive(Debug)]
pub(super) struct Overflow;

/// More DATA came than the window allowed.
#[derive(Debug)]
pub(super) struct Overrun;

/// What we may send. It is below zero after the peer has made its initial window smaller (RFC 9113, 6.9.2).
#[derive(Debug)]
pub(super) struct SendWindow(i32);

impl SendWindow {
    /// `initial` is at most 2^31-1: settings are checked when they come in.
    pub(super) fn new(initial: u32) -> SendWindow {
        SendWindow(i32::try_from(initial).unwrap_or(i32::MAX))
    }

    pub(super) fn available(&self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// Uses up what is about to be sent, which is at most what is available.
    pub(super) fn take(&mut self, bytes: usize) {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.0 = self.0.saturating_sub(bytes);
    }

    /// A WINDOW_UPDATE.
    pub(super) fn widen(&mut self, increment: u32) -> Result<(), Overflow> {
        self.shift(i64::from(increment))
    }

    /// The peer's initial window changed by `delta`.
    pub(super) fn shift(&mut self, delta: i64) -> Result<(), Overflow> {
        let shifted = i64::from(self.0).saturating_add(delta);
        self.0 = i32::try_from(shifted).map_err(|_| Overflow)?;
        Ok(())
    }
}

/// What the peer may send, and what it may be told that it may send again.
#[derive(Debug)]
pub(super) struct ReceiveWindow {
    left: i64,
    /// Taken by the application, not announced yet. Below zero while a window that started too large shrinks.
    credit: i64,
}

impl ReceiveWindow {
    pub(super) fn new(initial: u32) -> ReceiveWindow {
        ReceiveWindow {
            left: i64::from(initial),
            credit: 0,
        }
    }

    pub(super) fn left(&self) -> i64 {
        self.left
    }

    /// DATA of `bytes`, padding included, has come.
    pub(super) fn receive(&mut self, bytes: usize) -> Result<(), Overrun> {
        let left = self.left - bytes as i64;
        if left < 0 {
            return Err(Overrun);
        }
        self.left = left;
        Ok(())
    }

    /// `bytes` were taken or thrown away. When half of `size` has gathered, it is to be announced in a WINDOW_UPDATE.
    pub(super) fn give_back(&mut self, bytes: i64, size: u32) -> Option<u32> {
        self.credit += bytes;
        if self.credit < i64::from((size / 2).max(1)) {
            return None;
        }
        let increment = u32::try_from(self.credit).unwrap_or(super::MAX_STREAM_ID);
        self.left += i64::from(increment);
        self.credit -= i64::from(increment);
        Some(increment)
    }

    /// Our initial window changed by `delta`, as the peer now knows.
    pub(super) fn shift(&mut self, delta: i64) {
        self.left += delta;
    }
}
