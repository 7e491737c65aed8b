//! One direction of a call: bytes on their way from a writer to a reader.

use std::task::{Context, Waker};

use crate::base::Chunks;

/// The number of unread bytes at which the writer has to wait.
const HIGH_WATER: usize = 64 * 1024;

/// The position of a pipe's reader.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadState {
    /// The number of bytes that it took before and has consumed since.
    pub(crate) used: usize,
    /// The number of bytes that it keeps until more arrive: the beginning of a message.
    pub(crate) kept: usize,
    /// The number of bytes that it needs before it can continue.
    pub(crate) missing: usize,
}

/// The minimum number of consumed bytes that is reported at once. Fewer bytes are reported with the next read.
pub(crate) const WORTH_TELLING: usize = 32 * 1024;

/// One direction of a call. Either end may be a connection driver, which does not wait here but is told through the
/// exchange's link.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) chunks: Chunks,
    /// Set once the writer has ended.
    pub(crate) ended: bool,
    /// The number of bytes that were written and not yet consumed.
    unread: usize,
    /// The number of bytes that were consumed and not yet reported to the transport.
    released: usize,
    /// The number of bytes that the reader needs before it can continue, if the transport has to know.
    wanted: usize,
    /// The number of unconsumed bytes that the reader will have once `wanted` bytes have arrived.
    awaited: usize,
    /// True if the transport knows `wanted`.
    told: bool,
    /// True if the call is on the connection's list of calls whose unread bytes may have to be copied.
    listed: bool,
    reader: Option<Waker>,
    /// The number of waiting bytes at which the reader is woken. It is also woken at the end.
    wake_at: usize,
    writer: Option<Waker>,
    /// True if the writer must wait until its last bytes are sent, because the connection is crowded.
    held: bool,
}

impl Pipe {
    /// Adds bytes. Returns the reader if it has to be woken.
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

    /// Counts bytes as consumed. Returns the writer if it may continue.
    pub(crate) fn release(&mut self, bytes: usize) -> Option<Waker> {
        self.unread = self.unread.saturating_sub(bytes);
        self.released += bytes;
        self.wanted = 0;
        self.awaited = 0;
        if self.has_room(false) {
            self.writer.take()
        } else {
            None
        }
    }

    /// Returns the number of bytes consumed since the transport last asked.
    pub(crate) fn released(&self) -> usize {
        self.released
    }

    /// Takes the number of bytes consumed since the transport last asked, and the number that the reader needs, or zero if the
    /// transport knows it already.
    pub(crate) fn take_released(&mut self) -> (usize, usize) {
        let wanted = if self.told { 0 } else { self.wanted };
        self.told = true;
        let released = std::mem::take(&mut self.released);
        (released, wanted.saturating_sub(self.chunks.len()))
    }

    /// Records the needs of a waiting reader. Returns whether the transport has to know them. It does if the unread and the
    /// missing bytes together exceed `slack`, because its window may then be too small.
    pub(crate) fn want(&mut self, reader: ReadState, slack: usize) -> bool {
        let awaited = reader.kept + reader.missing;
        if awaited <= self.awaited || self.released + awaited <= slack {
            return false;
        }
        self.awaited = awaited;
        self.pass_on_want(reader.missing);
        true
    }

    /// Records the bytes that the reader needs, so that the transport learns of them.
    pub(crate) fn pass_on_want(&mut self, missing: usize) {
        self.wanted = missing;
        self.told = false;
    }

    /// Resets the records of what the transport knows, because another transport carries the call from now on.
    #[cfg(feature = "client")]
    pub(crate) fn forget_transport(&mut self) {
        self.told = false;
        self.listed = false;
    }

    /// Copies unread bytes out of the connection's read buffers, unless they were read since the call was listed.
    pub(crate) fn set_aside(&mut self) {
        // A reader that has read since then will probably read again soon.
        if std::mem::take(&mut self.listed) {
            self.chunks.set_aside();
        }
    }

    /// Marks the call as listed for [`set_aside`](Pipe::set_aside), unless a reader waits for new bytes. Returns whether the call
    /// must be added to the list: `false` if a reader waits, or if the call is listed already.
    pub(crate) fn is_news_to_nobody(&mut self) -> bool {
        self.reader.is_none() && !std::mem::replace(&mut self.listed, true)
    }

    /// Returns whether the writer may continue. On a crowded connection it must wait until everything that it wrote is sent.
    pub(crate) fn has_room(&self, crowded: bool) -> bool {
        !self.held && (self.unread == 0 || (self.unread < HIGH_WATER && !crowded))
    }

    /// Returns whether the writer waits until its bytes are sent, which the next [`Pipe::hand_over`] tells it.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Makes the reader wait for this number of bytes.
    pub(crate) fn wait_to_read(&mut self, context: &Context<'_>, bytes: usize) {
        self.wake_at = bytes;
        self.listed = false;
        remember(&mut self.reader, context);
    }

    /// Wakes a waiting reader for this number of bytes at the latest.
    pub(crate) fn wait_for_no_more_than(&mut self, bytes: usize) {
        self.wake_at = self.wake_at.min(bytes);
    }

    pub(crate) fn wait_to_write(&mut self, context: &Context<'_>) {
        remember(&mut self.writer, context);
    }

    pub(crate) fn take_reader(&mut self) -> Option<Waker> {
        self.reader.take()
    }

    /// Takes the reader if it waits for any bytes rather than for a whole message.
    pub(crate) fn take_reader_of_little(&mut self) -> Option<Waker> {
        if self.wake_at <= 1 {
            self.reader.take()
        } else {
            None
        }
    }

    /// Takes up to `room` bytes for a connection, and counts them as consumed, because the connection has a limit of its own.
    /// Also returns the writer if it may continue.
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

    /// Puts back bytes that were handed over, before those written since.
    #[cfg(feature = "client")]
    pub(crate) fn take_back(&mut self, mut chunks: Chunks) {
        self.unread += chunks.len();
        chunks.append(&mut self.chunks);
        self.chunks = chunks;
    }

    /// Ends reading and writing. Returns the tasks that waited.
    pub(crate) fn close(&mut self) -> [Option<Waker>; 2] {
        self.chunks.clear();
        self.unread = 0;
        [self.reader.take(), self.writer.take()]
    }
}

/// Stores the waker of a waiting task. Clones it only if the stored one differs.
pub(crate) fn remember(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(context.waker()) => {}
        _ => *slot = Some(context.waker().clone()),
    }
}

/// Wakes a task, if one is stored.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
