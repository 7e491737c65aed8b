//! Whose turn it is to send.

use std::collections::VecDeque;

use super::StreamId;

/// After so many turns of short streams in a row, a long one has its turn.
const IN_A_ROW: u32 = 8;

/// The streams with something to send, in the order in which they take turns, one frame each.
///
/// A stream that has no more than one frame has its turn before those that have more: what is short does not wait behind what is
/// long. But the latter always go on too.
///
/// A stream whose own window is closed is in no list: its WINDOW_UPDATE puts it back.
#[derive(Default, Debug)]
pub(super) struct Schedule {
    short: Lane,
    long: Lane,
    /// How many turns short streams have had since the last one of a long stream.
    in_a_row: u32,
}

/// Streams that take turns in their order.
#[derive(Default, Debug)]
struct Lane {
    ready: VecDeque<StreamId>,
    /// Those that wait for the connection's window.
    blocked: VecDeque<StreamId>,
}

/// A stream's place in the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// All that it has to send fits into one frame.
    Short,
    Long,
}

impl Schedule {
    /// Nobody waits for a turn, so whoever has something to send may send it at once.
    pub(super) fn is_idle(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }

    pub(super) fn push(&mut self, stream: StreamId, place: Place) {
        self.lane(place).ready.push_back(stream);
    }

    /// The stream needs the connection's window, which is closed.
    pub(super) fn block(&mut self, stream: StreamId, place: Place) {
        self.lane(place).blocked.push_back(stream);
    }

    /// Whose turn it is. Those that waited for the connection's window come first in their lane once it is open; only as many
    /// are looked at as it lets send, however often a peer opens it by one byte.
    pub(super) fn next(&mut self, window_is_open: bool) -> Option<(StreamId, Place)> {
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

    /// Takes out a stream that was reset while it was scheduled.
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
