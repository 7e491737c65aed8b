//! One direction of a call: bytes on their way from a writer to a reader.

use std::task::{Context, Waker};

use super::Chunks;

/// How many bytes may wait for the reader before the writer has to.
const HIGH_WATER: usize = 64 * 1024;

/// One direction of a call. Either end may be a connection driver, which does not wait here but is told through the
/// exchange's link.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) chunks: Chunks,
    /// The writer said that nothing follows.
    pub(crate) ended: bool,
    /// Bytes that were written and that the reader has not used up.
    unread: usize,
    /// Bytes that the reader has used up and the transport has not been told of.
    released: usize,
    reader: Option<Waker>,
    /// The reader is to be woken once so many bytes wait, or at the end.
    wake_at: usize,
    writer: Option<Waker>,
    /// What the writer wrote last is not on its way yet, and the connection is too crowded for more.
    held: bool,
}

impl Pipe {
    /// Adds bytes; returns the reader when it is to be woken.
    pub(crate) fn write(&mut self, chunk: bytes::Bytes, end: bool) -> Option<Waker> {
        self.unread += chunk.len();
        self.chunks.push(chunk);
        self.ended |= end;
        if self.ended || self.chunks.len() >= self.wake_at {
            self.reader.take()
        } else {
            None
        }
    }

    /// Counts bytes as used up; returns the writer when it may go on.
    pub(crate) fn release(&mut self, bytes: usize) -> Option<Waker> {
        self.unread = self.unread.saturating_sub(bytes);
        self.released += bytes;
        if self.has_room(false) {
            self.writer.take()
        } else {
            None
        }
    }

    /// How much has been used up since the transport last asked.
    pub(crate) fn released(&self) -> usize {
        self.released
    }

    pub(crate) fn take_released(&mut self) -> usize {
        std::mem::take(&mut self.released)
    }

    /// Whether the writer may go on. On a crowded connection it may once all that it wrote is on its way.
    pub(crate) fn has_room(&self, crowded: bool) -> bool {
        !self.held && (self.unread == 0 || (self.unread < HIGH_WATER && !crowded))
    }

    /// Whether the writer waits for the word of a connection, which is the next [`Pipe::hand_over`], that what it wrote is
    /// on its way.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// The reader waits until so many bytes are there.
    pub(crate) fn wait_to_read(&mut self, context: &Context<'_>, bytes: usize) {
        self.wake_at = bytes;
        remember(&mut self.reader, context);
    }

    /// A reader that waits already is to be woken for this much.
    pub(crate) fn wait_for_no_more_than(&mut self, bytes: usize) {
        self.wake_at = self.wake_at.min(bytes);
    }

    /// A reader that waits already is to be woken for anything; returns it when there is something.
    pub(crate) fn hurry(&mut self) -> Option<Waker> {
        self.wait_for_no_more_than(1);
        if self.chunks.is_empty() {
            None
        } else {
            self.reader.take()
        }
    }

    pub(crate) fn wait_to_write(&mut self, context: &Context<'_>) {
        remember(&mut self.writer, context);
    }

    pub(crate) fn take_reader(&mut self) -> Option<Waker> {
        self.reader.take()
    }

    /// The reader, if it waits for anything at all and not for the whole.
    pub(crate) fn take_reader_of_little(&mut self) -> Option<Waker> {
        if self.wake_at <= 1 {
            self.reader.take()
        } else {
            None
        }
    }

    /// Gives up to `room` bytes to a connection, which counts as having used them up: it has a limit of its own.
    /// Returns the writer when it may go on.
    pub(crate) fn hand_over(&mut self, room: usize, crowded: bool) -> (Chunks, Option<Waker>) {
        let mut data = Chunks::default();
        if self.chunks.len() <= room {
            std::mem::swap(&mut data, &mut self.chunks);
        } else {
            while data.len() < room {
                data.push(self.chunks.take(room - data.len()));
            }
        }
        self.unread = self.unread.saturating_sub(data.len());
        self.held = crowded && !data.is_empty();
        let writer = if self.has_room(crowded) {
            self.writer.take()
        } else {
            None
        };
        (data, writer)
    }

    /// Takes back what was handed over: it stands before what has come since.
    #[cfg(feature = "client")]
    pub(crate) fn take_back(&mut self, mut chunks: Chunks) {
        self.unread += chunks.len();
        chunks.append(&mut self.chunks);
        self.chunks = chunks;
    }

    /// Nothing is to be read or written any more; returns who waited.
    pub(crate) fn close(&mut self) -> [Option<Waker>; 2] {
        self.chunks.clear();
        self.unread = 0;
        [self.reader.take(), self.writer.take()]
    }
}

/// Keeps the waker of a waiting task, without a clone when it is the one that is kept already.
pub(crate) fn remember(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(context.waker()) => {}
        _ => *slot = Some(context.waker().clone()),
    }
}
