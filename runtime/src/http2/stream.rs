//! The state of a stream.

use super::flow::{ReceiveWindow, SendWindow};
use super::holdings::Grant;
use super::queue::SendQueue;

/// A stream that at least one side has not ended. The states of RFC 9113, 5.1 are pairs of directions: "open" has two unfinished
/// directions, "half-closed" has one, and "idle" and "closed" streams are not in the table.
#[derive(Debug)]
pub(super) struct Stream {
    pub receiving: Progress,
    pub sending: Progress,
    pub send_window: SendWindow,
    pub receive_window: ReceiveWindow,
    /// The size of `receive_window` when none of it is used.
    pub window: u32,
    /// The number of bytes that the application was given and has not released.
    pub unreleased: u32,
    /// The number of unreleased bytes that the application needs to continue, if it needs more than it has. Otherwise zero.
    pub awaited: u32,
    /// Set once the application has consumed something, or waits for more.
    pub is_read: bool,
    /// Set while the stream waits for room for the awaited bytes.
    pub is_waiting: bool,
    /// The grant of a larger window for a message.
    pub grant: Option<Box<Grant>>,
    /// The remaining bytes of the `content-length` that the peer announced.
    pub expected: Option<u64>,
    pub queue: SendQueue,
}

/// The progress of one direction of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// The head has not been sent or received.
    Head,
    /// DATA and trailers may follow.
    Body,
    /// END_STREAM was sent or received.
    Ended,
}

impl Progress {
    /// Returns the progress after a head, which may end the stream.
    pub(super) fn after_head(end: bool) -> Progress {
        if end { Progress::Ended } else { Progress::Body }
    }
}

impl Stream {
    pub(super) fn new(send_window: u32, receive_window: u32) -> Stream {
        Stream {
            receiving: Progress::Head,
            sending: Progress::Head,
            send_window: SendWindow::new(send_window),
            receive_window: ReceiveWindow::new(receive_window),
            window: receive_window,
            unreleased: 0,
            awaited: 0,
            is_read: false,
            is_waiting: false,
            grant: None,
            expected: None,
            queue: SendQueue::default(),
        }
    }

    /// Returns whether both directions have ended.
    pub(super) fn is_over(&self) -> bool {
        self.receiving == Progress::Ended && self.sending == Progress::Ended
    }

    /// Returns the number of bytes of DATA that the peer may still send.
    pub(super) fn window_left(&self) -> u64 {
        u64::try_from(self.receive_window.left()).unwrap_or(0)
    }

    /// Returns the maximum number of bytes that the peer can make this side hold for the stream.
    #[inline]
    pub(super) fn most(&self) -> usize {
        let window = match self.receiving {
            Progress::Ended => 0,
            Progress::Head | Progress::Body => self.window,
        };
        window.max(self.unreleased) as usize
    }

    /// Returns the number of bytes by which the window is too small for the awaited bytes.
    pub(super) fn lacking(&self) -> u32 {
        if self.receiving == Progress::Ended {
            return 0;
        }
        let missing = i64::from(self.awaited) - i64::from(self.unreleased);
        let lacking = missing - i64::from(self.receive_window.left());
        if missing > 0 {
            u32::try_from(lacking).unwrap_or(0)
        } else {
            0
        }
    }

    /// Returns consumed DATA to the window, if the peer can still use it. Returns the increment to announce, if it is large
    /// enough.
    ///
    /// A window larger than `size` shrinks, by not returning some of the bytes. A smaller one grows when an increment is
    /// announced anyway, at most to twice its size and by no more than `room`.
    pub(super) fn give_back(&mut self, bytes: u32, size: u32, room: u32) -> Option<u32> {
        if self.receiving == Progress::Ended {
            return None;
        }
        let kept = self.window.saturating_sub(size).min(bytes);
        self.window -= kept;
        let bytes = (bytes - kept) as usize;
        let increment = self.receive_window.give_back(bytes, self.window)?;
        let twice = self.window.saturating_mul(2);
        let more = size.min(twice).saturating_sub(self.window).min(room);
        self.window += more;
        self.receive_window.grow(more);
        Some(increment.saturating_add(more))
    }

    /// Counts a DATA payload against `content-length` (RFC 9113, 8.1.1). Returns `false` if it does not match.
    pub(super) fn expects(&mut self, bytes: usize, end: bool) -> bool {
        let Some(expected) = &mut self.expected else {
            return true;
        };
        let Some(left) = expected.checked_sub(bytes as u64) else {
            return false;
        };
        *expected = left;
        !end || left == 0
    }
}
