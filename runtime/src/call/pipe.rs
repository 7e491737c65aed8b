//! One direction of a call: bytes on their way from a writer to a reader.

use std::task::{Context, Waker};

use crate::base::Chunks;

/// How many bytes may wait for the reader before the writer has to.
const HIGH_WATER: usize = 64 * 1024;

/// How far the reader of a pipe is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadState {
    /// How many bytes of what it took before are used up.
    pub(crate) used: usize,
    /// How many it keeps until more have come: the beginning of a message.
    pub(crate) kept: usize,
    /// How many more it needs to go on.
    pub(crate) missing: usize,
}

/// So many bytes that a reader has used up are worth a word of their own; fewer are told when it reads again.
pub(crate) const WORTH_TELLING: usize = 32 * 1024;

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
    /// How many bytes more the reader needs to go on, if the transport is to know.
    wanted: usize,
    /// How many it has then of what it has not used up.
    awaited: usize,
    /// The transport knows.
    told: bool,
    /// What has come is on the connection's list of what may have to be set aside.
    listed: bool,
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
        self.wanted = 0;
        self.awaited = 0;
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

    /// What was used up since the transport last asked, and how much more the reader needs, if that is news.
    pub(crate) fn take_released(&mut self) -> (usize, usize) {
        let wanted = if self.told { 0 } else { self.wanted };
        self.told = true;
        let released = std::mem::take(&mut self.released);
        (released, wanted.saturating_sub(self.chunks.len()))
    }

    /// The reader waits. Whether the transport has to know, who may let no more come than that: it does when what it believes to be
    /// unread, and what is missing, are more than `slack`.
    pub(crate) fn want(&mut self, reader: ReadState, slack: usize) -> bool {
        let awaited = reader.kept + reader.missing;
        if awaited <= self.awaited || self.released + awaited <= slack {
            return false;
        }
        self.awaited = awaited;
        self.pass_on_want(reader.missing);
        true
    }

    /// The reader needs so many bytes more to go on, and the transport has to know.
    pub(crate) fn pass_on_want(&mut self, missing: usize) {
        self.wanted = missing;
        self.told = false;
    }

    /// Another transport carries the call from now on.
    #[cfg(feature = "client")]
    pub(crate) fn forget_transport(&mut self) {
        self.told = false;
        self.listed = false;
    }

    /// What has come and is there to stay for a while gets buffers of its own.
    pub(crate) fn set_aside(&mut self) {
        // A reader that has come since may be about to come again.
        if std::mem::take(&mut self.listed) {
            self.chunks.set_aside();
        }
    }

    /// Whether nobody waits for what comes now; said once until it is set aside.
    pub(crate) fn is_news_to_nobody(&mut self) -> bool {
        self.reader.is_none() && !std::mem::replace(&mut self.listed, true)
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
        self.listed = false;
        remember(&mut self.reader, context);
    }

    /// A reader that waits already is to be woken for this much.
    pub(crate) fn wait_for_no_more_than(&mut self, bytes: usize) {
        self.wake_at = self.wake_at.min(bytes);
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
