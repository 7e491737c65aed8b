//! What a stream wants to send and may not yet.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::header::Header;

/// The DATA of a stream that waits for windows, for other streams or for the output, and how it ends.
///
/// Most streams never queue anything, so what is queued is behind a pointer: the table of streams stays small.
#[derive(Default, Debug)]
pub(super) struct SendQueue {
    queued: Option<Box<Queued>>,
    /// The sender was told that there is no room, and is to be told when there is.
    pub full: bool,
    /// The stream is in one of the schedule's lists.
    pub scheduled: bool,
}

#[derive(Default, Debug)]
struct Queued {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    ending: Ending,
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
    Trailers(Cow<'static, [Header]>),
}

impl SendQueue {
    pub(super) fn is_empty(&self) -> bool {
        match &self.queued {
            None => true,
            Some(queued) => queued.bytes == 0 && matches!(queued.ending, Ending::Open),
        }
    }

    /// How much DATA is queued.
    pub(super) fn bytes(&self) -> usize {
        self.queued.as_ref().map_or(0, |queued| queued.bytes)
    }

    /// Whether the application has said all that it has to say.
    pub(super) fn has_end(&self) -> bool {
        matches!(&self.queued, Some(queued) if !matches!(queued.ending, Ending::Open))
    }

    /// Whether the last DATA frame carries END_STREAM.
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

    /// Takes `limit` bytes off the front, in the pieces in which they came, of which the last may be cut.
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

    /// Takes the trailers, if the queue ends with some.
    pub(super) fn take_trailers(&mut self) -> Option<Cow<'static, [Header]>> {
        match std::mem::take(&mut self.queued.as_mut()?.ending) {
            Ending::Trailers(trailers) => Some(trailers),
            Ending::Open | Ending::Data => None,
        }
    }
}
