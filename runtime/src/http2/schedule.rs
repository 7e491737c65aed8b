//! The order in which streams send.

use std::collections::VecDeque;

use super::StreamId;

/// The number of consecutive turns of short streams after which a long one has its turn.
const IN_A_ROW: u32 = 8;

/// The streams that have something to send, in the order of their turns. A turn is one frame.
///
/// Streams with at most one frame precede those with more, so that short data does not wait behind long data. Long streams still
/// get a regular share of the turns.
///
/// A stream whose own window is closed is not scheduled. Its WINDOW_UPDATE schedules it again.
#[derive(Default, Debug)]
pub(super) struct Schedule {
    short: Lane,
    long: Lane,
    /// The number of turns that short streams have had since the last turn of a long one.
    in_a_row: u32,
}

/// Streams that take turns in order.
#[derive(Default, Debug)]
struct Lane {
    ready: VecDeque<StreamId>,
    /// The streams that wait for the connection's window.
    blocked: VecDeque<StreamId>,
}

/// The place of a stream in the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The stream has at most one frame to send.
    Short,
    Long,
}

impl Schedule {
    /// Returns whether no stream waits for a turn, so that any stream may send at once.
    pub(super) fn is_idle(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }

    pub(super) fn push(&mut self, stream: StreamId, place: Place) {
        self.lane(place).ready.push_back(stream);
    }

    /// Moves a stream to those that wait for the connection's window.
    pub(super) fn block(&mut self, stream: StreamId, place: Place) {
        self.lane(place).blocked.push_back(stream);
    }

    /// Returns the stream whose turn it is. Once the connection's window is open, the streams that waited for it come first
    /// within their lane. They are moved one at a time, so that little work is done if a peer opens the window by one byte each
    /// time.
    pub(super) fn next(&mut self, window_is_open: bool) -> Option<(StreamId, Place)> {
        if self.is_idle() {
            // The usual case, because streams that do not have to wait send at once.
            self.in_a_row = 0;
            return None;
        }
        let places = if self.in_a_row < IN_A_ROW {
            [Place::Short, Place::Long]
        } else {
            [Place::Long, Place::Short]
        };
        let next = places
            .into_iter()
            .find_map(|place| Some((self.lane(place).next(window_is_open)?, place)));
        self.in_a_row = match next {
            Some((_, Place::Short)) => self.in_a_row.saturating_add(1),
            _ => 0,
        };
        next
    }

    /// Removes a stream that was reset while it was scheduled.
    pub(super) fn remove(&mut self, stream: StreamId) {
        for lane in [&mut self.short, &mut self.long] {
            lane.ready.retain(|&other| other != stream);
            lane.blocked.retain(|&other| other != stream);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Schedule::default();
    }

    fn lane(&mut self, place: Place) -> &mut Lane {
        match place {
            Place::Short => &mut self.short,
            Place::Long => &mut self.long,
        }
    }
}

impl Lane {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.blocked.is_empty()
    }

    fn next(&mut self, window_is_open: bool) -> Option<StreamId> {
        if window_is_open {
            if let Some(stream) = self.blocked.pop_front() {
                return Some(stream);
            }
        }
        self.ready.pop_front()
    }
}
