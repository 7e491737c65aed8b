//! The read buffers of a thread, which its connections borrow while they are at work.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::BytesMut;

/// How much a read may bring.
pub(super) const READ: usize = 64 * 1024;

/// With so much room left a buffer is read into though messages lie in it.
const ENOUGH: usize = READ / 4;

/// How many buffers a thread keeps. While messages still lie in the one that was read last, the next read needs another.
const KEPT: usize = 8;

thread_local! {
    static BUFFERS: RefCell<VecDeque<BytesMut>> = const { RefCell::new(VecDeque::new()) };
}

/// An empty buffer with room for a read: the latest in which nothing lies any more, for it is in the processor's cache, or that has
/// room left.
///
/// Were buffers of this size given back to the allocator instead, many would go back to the system, and cost more when they are
/// touched again than what is read into them.
pub(super) fn take() -> BytesMut {
    BUFFERS.with_borrow_mut(|buffers| {
        let free = buffers
            .iter_mut()
            .rposition(|buffer| buffer.try_reclaim(READ) || buffer.capacity() >= ENOUGH);
        let free = free.and_then(|index| buffers.remove(index));
        // One that was made larger for a large frame is not kept.
        let free = free.filter(|buffer| buffer.capacity() <= 2 * READ);
        free.unwrap_or_else(|| BytesMut::with_capacity(READ))
    })
}

/// Makes room for a read behind what is in a buffer: in another one as long as messages lie in this.
pub(super) fn make_room(buffer: &mut BytesMut) {
    if buffer.capacity() - buffer.len() >= ENOUGH {
        return;
    }
    if buffer.len() > READ / 2 {
        // The beginning of a large frame.
        buffer.reserve(READ);
    } else if !buffer.try_reclaim(READ) {
        let mut next = take();
        next.extend_from_slice(buffer);
        give_back(std::mem::replace(buffer, next));
    }
}

/// Keeps a buffer whose bytes have been taken, though they may be in use.
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
