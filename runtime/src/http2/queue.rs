//! The send queue of a stream.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::header::Header;

/// The DATA that a stream has not sent yet, because of windows, other streams or the output, and the end that follows it.
///
/// Most streams never queue anything. Therefore the content is behind a pointer, which keeps the table of streams small.
#[derive(Default, Debug)]
pub(super) struct SendQueue {
    queued: Option<Box<Queued>>,
    /// Set if the sender was told that there is no room, and must be notified when there is.
    pub full: bool,
    /// Set while the stream is in one of the schedule's lists.
    pub scheduled: bool,
}

#[derive(Default, Debug)]
struct Queued {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    ending: Ending,
}

/// The end that follows the last byte of a queue.
#[derive(Default, Debug)]
pub(super) enum Ending {
    /// There is none yet: the application has not ended the stream.
    #[default]
    Open,
    /// END_STREAM on the last DATA frame.
    Data,
    /// Trailers.
    Trailers(Cow<'static, [Header]>),
}

impl SendQueue {
    pub(super) fn is_empty(&self) -> bool {
        match &self.queued {
            None => true,
            Some(queued) => queued.bytes == 0 && matches!(queued.ending, Ending::Open),
        }
    }

    /// Returns the number of queued bytes of DATA.
    pub(super) fn bytes(&self) -> usize {
        self.queued.as_ref().map_or(0, |queued| queued.bytes)
    }

    /// Returns whether the application has ended the stream.
    pub(super) fn has_end(&self) -> bool {
        matches!(&self.queued, Some(queued) if !matches!(queued.ending, Ending::Open))
    }

    /// Returns whether the last DATA frame carries END_STREAM.
    pub(super) fn ends_with_data(&self) -> bool {
        matches!(&self.queued, Some(queued) if matches!(queued.ending, Ending::Data))
    }

    pub(super) fn push(&mut self, data: Bytes) {
        if !data.is_empty() {
            let queued = self.queued.get_or_insert_default();
            queued.bytes += data.len();
            queued.chunks.push_back(data);
        }
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.queued.get_or_insert_default().ending = ending;
    }

    /// Removes up to `limit` bytes from the front, in the pieces in which they were queued. The last piece may be cut.
    pub(super) fn pop(&mut self, limit: usize, mut each: impl FnMut(Bytes)) {
        let Some(queued) = &mut self.queued else {
            return;
        };
        let mut left = limit.min(queued.bytes);
        queued.bytes -= left;
        while left > 0 {
            let Some(front) = queued.chunks.front_mut() else {
                return;
            };
            if front.len() > left {
                each(front.split_to(left));
                return;
            }
            left -= front.len();
            queued.chunks.pop_front().into_iter().for_each(&mut each);
        }
    }

    /// Removes and returns the trailers, if there are any.
    pub(super) fn take_trailers(&mut self) -> Option<Cow<'static, [Header]>> {
        match std::mem::take(&mut self.queued.as_mut()?.ending) {
            Ending::Trailers(trailers) => Some(trailers),
            Ending::Open | Ending::Data => None,
        }
    }
}
