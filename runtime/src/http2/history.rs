//! The memory of streams that are not in the table.

use std::collections::VecDeque;

use super::StreamId;

/// The number of reset streams that are remembered individually.
const REMEMBERED: usize = 1_024;
/// The number of gaps in the peer's ids that are remembered. Honest peers leave none.
const GAPS: usize = 16;

/// Remembers the streams that this side has reset, whose late frames are ignored (RFC 9113, 5.4.2), and the streams that the peer
/// has skipped.
#[derive(Default, Debug)]
pub(super) struct History {
    reset: VecDeque<StreamId>,
    /// The highest id that was dropped from `reset`. This side may have reset all streams up to it.
    forgotten: StreamId,
    /// The first and last id of each gap.
    skipped: VecDeque<(StreamId, StreamId)>,
}

impl History {
    pub(super) fn record_reset(&mut self, stream: StreamId) {
        if self.reset.len() >= REMEMBERED {
            let oldest = self.reset.pop_front().unwrap_or(0);
            self.forgotten = self.forgotten.max(oldest);
        }
        self.reset.push_back(stream);
    }

    /// Returns whether this side has reset the stream, or may have.
    pub(super) fn was_reset(&self, stream: StreamId) -> bool {
        stream <= self.forgotten || self.reset.contains(&stream)
    }

    /// Notes that the peer has opened `stream` after `previous`.
    pub(super) fn record_open(&mut self, previous: StreamId, stream: StreamId) {
        if stream <= previous.saturating_add(2) {
            return;
        }
        if self.skipped.len() >= GAPS {
            self.skipped.pop_front();
        }
        self.skipped.push_back((previous + 1, stream - 1));
    }

    /// Returns whether the peer is known to have opened a later stream before this one.
    pub(super) fn was_skipped(&self, stream: StreamId) -> bool {
        self.skipped
            .iter()
            .any(|&(first, last)| (first..=last).contains(&stream))
    }
}
