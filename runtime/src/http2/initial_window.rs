//! The initial receive window of streams, as the peer knows it.

use super::StreamId;
use super::flow::DEFAULT_WINDOW;

/// This side's SETTINGS_INITIAL_WINDOW_SIZE, which changes while streams are open (RFC 9113, 6.9.2).
///
/// A larger value applies as soon as it is sent, because the peer may use it before its acknowledgement arrives. A smaller value
/// applies once it is acknowledged. It applies earlier to streams that a client opens after sending it, because the server
/// receives the SETTINGS first.
#[derive(Debug)]
pub(super) struct InitialWindow {
    /// The window that the peer may use.
    current: u32,
    /// The window in the last SETTINGS.
    announced: u32,
    acknowledged: bool,
    /// The first stream that was opened after the last SETTINGS.
    since: StreamId,
}

impl InitialWindow {
    /// Creates the state at the start of a connection, whose first SETTINGS contain `announced`. For `since` see
    /// [`InitialWindow::announce`].
    pub(super) fn new(announced: u32, since: StreamId) -> InitialWindow {
        InitialWindow {
            current: announced.max(DEFAULT_WINDOW),
            announced,
            acknowledged: false,
            since,
        }
    }

    /// Returns the initial window of a stream that the peer opens.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// Returns the initial window of a stream that this side opens.
    pub(super) fn of_ours(&self) -> u32 {
        self.announced
    }

    /// Returns the window in the last SETTINGS.
    pub(super) fn announced(&self) -> u32 {
        self.announced
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// Notes that SETTINGS with this window are sent, after all earlier ones were acknowledged. Streams of this side from `since`
    /// on are opened after them. Streams of the peer may all have been opened before. Returns the change of the windows of open
    /// streams that applies now.
    pub(super) fn announce(&mut self, window: u32, since: StreamId) -> i32 {
        self.announced = window;
        self.since = since;
        self.acknowledged = false;
        self.move_to(self.current.max(window))
    }

    /// Notes that the peer has acknowledged the SETTINGS. Returns the change of the windows that applies now, and the first
    /// stream to which it does not apply.
    pub(super) fn acknowledge(&mut self) -> (i32, StreamId) {
        self.acknowledged = true;
        (self.move_to(self.announced), self.since)
    }

    fn move_to(&mut self, window: u32) -> i32 {
        // Both are at most 2^31-1.
        let delta = i64::from(window) - i64::from(self.current);
        self.current = window;
        i32::try_from(delta).unwrap_or(0)
    }
}
