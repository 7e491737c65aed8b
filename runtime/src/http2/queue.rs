//! What a stream wants to send and may not yet.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::header::Header;

/// The DATA of a stream that waits for windows, for other streams or for the output, and how it ends.
#[derive(Default, Debug)]
pub(super) struct SendQueue {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    pub ending: Ending,
    /// The sender was told to wait, and is to be told when there is room.
    pub full: bool,
    /// The stream is in one of the schedule's lists.
    pub scheduled: bool,
}

/// What follows the last byte of a queue.
#[derive(Default, Debug)]
pub(super) enum Ending {
    /// Nothing yet: the application has not ended the stream.
    #[default]
    Open,
    /// END_STREAM on the last DATA frame.
    Data,
    /// Trailers.
    Trailers(Vec<Header>),
}

impl SendQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0 && matches!(self.ending, Ending::Open)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.bytes += data.len();
            self.chunks.push_back(data);
        }
    }

    /// Takes `limit` bytes off the front, in the pieces in which they came, of which the last may be cut.
    pub(super) fn pop(&mut self, limit: usize, mut each: impl FnMut(Bytes)) {
        let mut left = limit.min(self.bytes);
        self.bytes -= left;
        while left > 0 {
            let Some(front) = self.chunks.front_mut() else {
                return;
            };
            if front.len() > left {
                each(front.split_to(left));
                return;
            }
            left -= front.len();
            self.chunks.pop_front().into_iter().for_each(&mut each);
        }
    }
}
