//! The read buffers of a thread. Connections borrow them while they are active.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::BytesMut;

use crate::message::BUFFER;

/// The size of a read buffer, in bytes.
pub(super) const READ: usize = BUFFER;

/// The room that a buffer must have left to be used for another read while it still holds messages.
const ENOUGH: usize = READ / 4;

/// The number of buffers that a thread keeps. The next read needs another buffer while the last one still holds messages.
const KEPT: usize = 8;

thread_local! {
    static BUFFERS: RefCell<VecDeque<BytesMut>> = const { RefCell::new(VecDeque::new()) };
}

/// Returns an empty buffer with room for a read. It is the most recently used one that is free or has room left, because that one
/// is in the processor's cache.
///
/// Buffers of this size are kept rather than freed. The allocator would return many of them to the system, and touching new
/// memory costs more than the data that is read into it.
pub(super) fn take() -> BytesMut {
    BUFFERS.with_borrow_mut(|buffers| {
        let free = buffers
            .iter_mut()
            .rposition(|buffer| buffer.try_reclaim(READ) || buffer.capacity() >= ENOUGH);
        let free = free.and_then(|index| buffers.remove(index));
        // Don't keep a buffer that was enlarged for a large frame.
        let free = free.filter(|buffer| buffer.capacity() <= 2 * READ);
        free.unwrap_or_else(|| BytesMut::with_capacity(READ))
    })
}

/// Makes room for a read after the content of a buffer. If messages still lie in it, it is replaced by another one.
pub(super) fn make_room(buffer: &mut BytesMut) {
    if buffer.capacity() - buffer.len() >= ENOUGH {
        return;
    }
    if buffer.len() > READ / 2 {
        // The buffer holds the beginning of a large frame.
        buffer.reserve(READ);
    } else if !buffer.try_reclaim(READ) {
        let mut next = take();
        next.extend_from_slice(buffer);
        give_back(std::mem::replace(buffer, next));
    }
}

/// Keeps a buffer whose content has been taken. Messages may still refer to it.
pub(super) fn give_back(mut buffer: BytesMut) {
    buffer.clear();
    let oldest = BUFFERS.with_borrow_mut(|buffers| {
        buffers.push_back(buffer);
        (buffers.len() > KEPT).then(|| buffers.pop_front())
    });
    drop(oldest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        BUFFERS.with_borrow(VecDeque::len)
    }

    #[test]
    fn a_buffer_is_read_into_again_once_nothing_lies_in_it() {
        let mut buffer = take();
        buffer.resize(READ, 1);
        let start = buffer.as_ptr();
        let message = buffer.split().freeze();
        give_back(buffer);
        let other = take();
        assert_ne!(other.as_ptr(), start, "a message lies in it");
        assert_eq!(kept(), 1);
        assert_eq!(message[..], [1; READ]);
        drop(message);
        let again = take();
        assert_eq!((again.as_ptr(), again.len()), (start, 0));
        assert!(again.capacity() >= READ);
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_thread_keeps_only_so_many() {
        let messages: Vec<_> = (0..3 * KEPT)
            .map(|_| {
                let mut buffer = take();
                buffer.resize(READ, 1);
                let message = buffer.split().freeze();
                give_back(buffer);
                message
            })
            .collect();
        assert_eq!(kept(), KEPT);
        drop(messages);
        assert_eq!(kept(), KEPT);
    }
}
