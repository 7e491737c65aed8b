//! The receive window that streams start with, as the peer knows it.

use super::StreamId;
use super::flow::DEFAULT_WINDOW;

/// SETTINGS_INITIAL_WINDOW_SIZE of ours, which changes while streams are open (RFC 9113, 6.9.2).
///
/// A larger one holds from when it is sent: the peer may make use of it before we have its acknowledgement. A smaller one holds
/// from its acknowledgement, but for a client's streams that are opened after it: the server reads of it before it reads of them.
#[derive(Debug)]
pub(super) struct InitialWindow {
    /// What the peer may use.
    current: u32,
    /// What our last SETTINGS have said.
    said: u32,
    acknowledged: bool,
    /// Streams from this one on knew of them when they were opened.
    since: StreamId,
}

impl InitialWindow {
    /// `said` is in the SETTINGS that begin the connection; for `since` see [`InitialWindow::say`].
    pub(super) fn new(said: u32, since: StreamId) -> InitialWindow {
        InitialWindow {
            current: said.max(DEFAULT_WINDOW),
            said,
            acknowledged: false,
            since,
        }
    }

    /// The window of a stream that the peer opens.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// The window of a stream that we open.
    pub(super) fn of_ours(&self) -> u32 {
        self.said
    }

    /// What the last SETTINGS have said.
    pub(super) fn said(&self) -> u32 {
        self.said
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// SETTINGS with this window go out, after those before were acknowledged. Streams of ours from `since` on are opened after them;
    /// streams of the peer may all have been opened before.
    /// Returns by how much the windows of open streams change now.
    pub(super) fn say(&mut self, window: u32, since: StreamId) -> i32 {
        self.said = window;
        self.since = since;
        self.acknowledged = false;
        self.move_to(self.current.max(window))
    }

    /// The peer has acknowledged the SETTINGS. Returns by how much the windows of streams before the one that is returned change now.
    pub(super) fn acknowledge(&mut self) -> (i32, StreamId) {
        self.acknowledged = true;
        (self.move_to(self.said), self.since)
    }

    fn move_to(&mut self, window: u32) -> i32 {
        // Both are at most 2^31-1.
        let delta = i64::from(window) - i64::from(self.current);
        self.current = window;
        i32::try_from(delta).unwrap_or(0)
    }
}
