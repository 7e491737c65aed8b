//! Whose turn it is to send.

use std::collections::VecDeque;

use super::StreamId;

/// The streams with something to send, in the order in which they take turns, one frame each.
///
/// A stream whose own window is closed is in neither list: its WINDOW_UPDATE puts it back.
#[derive(Default, Debug)]
pub(super) struct Schedule {
    ready: VecDeque<StreamId>,
    /// Those that wait for the connection's window.
    blocked: VecDeque<StreamId>,
}

impl Schedule {
    /// Nobody waits for a turn, so whoever has something to send may send it at once.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.blocked.is_empty()
    }

    pub(super) fn push(&mut self, stream: StreamId) {
        self.ready.push_back(stream);
    }

    /// The stream needs the connection's window, which is closed.
    pub(super) fn block(&mut self, stream: StreamId) {
        self.blocked.push_back(stream);
    }

    /// Whose turn it is. Those that waited for the connection's window come first once it is open; only as many are looked
    /// at as it lets send, however often a peer opens it by one byte.
    pub(super) fn next(&mut self, window_is_open: bool) -> Option<StreamId> {
        if window_is_open {
            if let Some(stream) = self.blocked.pop_front() {
                return Some(stream);
            }
        }
        self.ready.pop_front()
    }

    /// Takes out a stream that was reset while it was scheduled.
    pub(super) fn remove(&mut self, stream: StreamId) {
        self.ready.retain(|&other| other != stream);
        self.blocked.retain(|&other| other != stream);
    }

    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.blocked.clear();
    }
}
