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
    left: i32,
    /// Taken by the application, not announced yet. Below zero while a window that started too large shrinks.
    credit: i32,
}

impl ReceiveWindow {
    /// `initial` is at most 2^31-1, as all sizes in `Config` are.
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

    /// DATA of `bytes`, padding included, has come.
    pub(super) fn receive(&mut self, bytes: usize) -> Result<(), Overrun> {
        let bytes = i32::try_from(bytes).map_err(|_| Overrun)?;
        // Below zero already, perhaps: our initial window may have shrunk.
        if bytes > self.left && bytes > 0 {
            return Err(Overrun);
        }
        self.left -= bytes;
        Ok(())
    }

    /// `bytes` were taken or thrown away. When a quarter of `size` has gathered, it is to be announced in a WINDOW_UPDATE.
    ///
    /// What has gathered and is not announced is of no use to the peer. Over a long way it may be as much all the time, so a half would
    /// leave the peer the other half, and the window would look as if it were not needed.
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

    /// Announces all that was given back, however little it is.
    pub(super) fn announce(&mut self) -> u32 {
        let credit = u32::try_from(self.credit).unwrap_or(0);
        self.credit -= i32::try_from(credit).unwrap_or(0);
        self.grow(credit);
        credit
    }

    /// The window is to be `size`, and was `before`: announces what is more, and owes what is less.
    pub(super) fn resize(&mut self, before: u32, size: u32) -> Option<u32> {
        let delta = i64::from(size) - i64::from(before);
        self.credit = i32::try_from(delta).unwrap_or(i32::MAX);
        self.give_back(0, 0)
    }

    /// The peer is told that it may send so much more.
    pub(super) fn grow(&mut self, more: u32) {
        self.shift(i32::try_from(more).unwrap_or(i32::MAX));
    }

    /// Our initial window changed by `delta`, as the peer now knows.
    pub(super) fn shift(&mut self, delta: i32) {
        self.left = self.left.saturating_add(delta);
    }
}
