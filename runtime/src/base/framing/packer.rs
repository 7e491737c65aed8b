//! Packing of small messages of a stream into larger pieces.

use bytes::{Bytes, BytesMut};

use super::{LONGEST, PREFIX, compressed, framed_alone, over, prefix};
use crate::base::Room;
use crate::base::erasure::AnyMessage;
use crate::{Compression, Status};

/// The number of bytes after which packed messages are passed on: the size of a DATA frame.
pub(crate) const PACK: usize = 16 * 1024;

/// The room that is allocated for the first small message. Others may follow it.
const FIRST_PACK: usize = 256;

/// The largest number of bytes that are packed before the caller checks the time again.
const STRIDE: usize = 2 * 1024;

/// Packs small messages into pieces of [`PACK`] bytes. A message of that size or more becomes a piece of its own at once, so that
/// at most `PACK` bytes wait here for further messages.
#[derive(Debug)]
pub struct Packer {
    /// The current piece.
    buffer: BytesMut,
    /// The piece before it, which had no room for the last message.
    full: Option<Bytes>,
    /// The length of the current piece at which packing stops.
    mark: usize,
    /// The longest message allowed, in bytes.
    limit: usize,
    /// The length of the last message before compression, in bytes.
    last: usize,
    /// Set while no message has been longer than [`STRIDE`].
    all_small: bool,
    /// The error that ended the messages.
    failure: Option<Status>,
}

/// The result of polling for a message and packing it. Unlike a `Result`, it fits into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// A message was packed, and packing continues.
    More,
    /// A message was packed, and packing stops. Either pieces are ready to be taken, or the caller should check the time.
    Stopped,
    /// No message is ready yet.
    Pending,
    /// There are no more messages.
    Ended,
    /// The source of messages failed, or a message cannot be sent. [`Packer::failure`] returns the error.
    Failed,
}

/// Creates a packer without a limit of its own. gRPC limits each message to 4 GiB.
impl Default for Packer {
    fn default() -> Packer {
        Packer::new(usize::MAX)
    }
}

impl Packer {
    pub(crate) fn new(limit: usize) -> Packer {
        Packer {
            buffer: BytesMut::new(),
            full: None,
            mark: 0,
            limit: limit.min(LONGEST),
            last: 0,
            all_small: true,
            failure: None,
        }
    }

    /// Packs a message. Packing stops after the first message of a piece, and then whenever the packed bytes have doubled.
    pub(crate) fn push(&mut self, message: &dyn AnyMessage, compression: Compression) -> Packed {
        if compression != Compression::Identity {
            return match framed_alone(message, self.limit) {
                Ok(framed) => self.push_compressed(&framed, compression),
                Err(status) => self.fail(status),
            };
        }
        let mut place = Place {
            packer: self,
            packed: Packed::Failed,
        };
        message.encode_to(&mut place);
        place.packed
    }

    /// Packs a framed message in its compressed form if that is shorter. It is copied, so that the memory of the uncompressed
    /// message is freed.
    fn push_compressed(&mut self, message: &[u8], compression: Compression) -> Packed {
        let payload = message.get(PREFIX..).unwrap_or_default();
        self.last = payload.len();
        let shorter = compressed(payload, compression);
        let message = shorter.as_deref().unwrap_or(message);
        let packed = self.make_room(message.len());
        self.buffer.extend_from_slice(message);
        packed
    }

    /// Makes room for `length` bytes. Returns [`Packed::Stopped`] if packing stops after them.
    #[inline]
    fn make_room(&mut self, length: usize) -> Packed {
        let mut packed = Packed::More;
        if self.buffer.len() + length >= self.mark {
            packed = self.stop(length);
        }
        if self.buffer.capacity() - self.buffer.len() < length {
            self.buffer.reserve(length.max(FIRST_PACK));
        }
        packed
    }

    /// Stops packing after a message of `length` bytes, and starts a new piece if the current one has no room for it. Messages
    /// longer than a stride always get here.
    #[cold]
    fn stop(&mut self, length: usize) -> Packed {
        self.all_small &= length <= STRIDE;
        if self.buffer.len() + length > PACK {
            self.full = self.flush();
        }
        Packed::Stopped
    }

    /// Returns the length of the last message before compression, in bytes.
    #[cfg(feature = "client")]
    pub(crate) fn last_length(&self) -> usize {
        self.last
    }

    /// Stores the error that ends the messages.
    #[cold]
    pub(crate) fn fail(&mut self, status: Status) -> Packed {
        self.failure = Some(status);
        Packed::Failed
    }

    /// Returns the error that ended the messages.
    pub(crate) fn failure(&mut self) -> Status {
        let failure = self.failure.take();
        failure.unwrap_or_else(|| Status::internal("the messages failed without an error"))
    }

    /// Takes a piece that is full. Call this until it returns `None` before packing another message.
    pub(crate) fn take_full(&mut self) -> Option<Bytes> {
        if self.full.is_none() && self.buffer.len() >= PACK {
            return self.flush();
        }
        self.full.take()
    }

    /// Continues after a stop. Returns whether all messages so far were small.
    pub(crate) fn go_on(&mut self) -> bool {
        let packed = self.buffer.len();
        self.mark = (packed + packed.min(STRIDE)).min(PACK);
        self.all_small
    }

    /// Stops packing after the next message.
    pub(crate) fn stop_at_next(&mut self) {
        self.mark = 0;
    }

    /// Takes the current piece, full or not.
    pub(crate) fn flush(&mut self) -> Option<Bytes> {
        self.mark = 0;
        (!self.buffer.is_empty()).then(|| self.buffer.split().freeze())
    }
}

/// The place of a message in a packer.
struct Place<'a> {
    packer: &'a mut Packer,
    packed: Packed,
}

impl Room for Place<'_> {
    fn make(&mut self, length: usize) -> Option<&mut BytesMut> {
        let Place { packer, packed } = self;
        // Check before anything changes: the messages packed so far must not be lost.
        if length > packer.limit {
            packer.fail(over(length, packer.limit));
            return None;
        }
        packer.last = length;
        *packed = packer.make_room(PREFIX + length);
        packer.buffer.extend_from_slice(&prefix(length));
        Some(&mut packer.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use crate::base::Raw;
    use crate::base::erasure::Typed;

    /// Packs a message of `length` bytes.
    fn push(packer: &mut Packer, length: usize) -> Packed {
        let mut message = Bytes::from(vec![7; length]);
        packer.push(&Typed::<_, Raw>::new(&mut message), Compression::Identity)
    }

    fn taken(packer: &mut Packer) -> Vec<usize> {
        std::iter::from_fn(|| packer.take_full().map(|piece| piece.len())).collect()
    }

    #[test]
    fn a_large_message_is_a_piece_as_soon_as_it_is_packed() {
        let mut packer = Packer::default();
        for _ in 0..3 {
            assert_eq!(push(&mut packer, 10), Packed::Stopped);
            packer.go_on();
            assert_eq!(push(&mut packer, 1 << 20), Packed::Stopped);
            assert_eq!(taken(&mut packer), [15, 5 + (1 << 20)]);
            assert!(!packer.go_on());
        }
        assert_eq!(packer.flush(), None);
    }

    #[test]
    fn row_50_it_is_known_whether_all_messages_were_small() {
        let mut packer = Packer::default();
        for length in [0, 10, STRIDE - PREFIX, 1, STRIDE - PREFIX] {
            push(&mut packer, length);
            assert!(packer.go_on());
        }
        assert_eq!(push(&mut packer, STRIDE), Packed::Stopped);
        assert!(!packer.go_on());
        push(&mut packer, 1);
        assert!(!packer.go_on());
    }

    #[test]
    fn small_messages_are_packed_until_a_piece_is_full() {
        let (mut packer, mut pieces) = (Packer::default(), Vec::new());
        for _ in 0..100 {
            if push(&mut packer, 1000) == Packed::Stopped {
                pieces.extend(taken(&mut packer));
                packer.go_on();
            }
        }
        assert_eq!(pieces, [16 * 1005; 6]);
        assert_eq!(packer.flush().unwrap().len(), 4 * 1005);
    }

    #[test]
    fn row_55_packing_stops_when_twice_as_much_is_packed() {
        let mut packer = Packer::default();
        let mut stops = Vec::new();
        for count in 1..=1000 {
            match push(&mut packer, 3) {
                Packed::Stopped => stops.push(count),
                packed => assert_eq!(packed, Packed::More),
            }
            if stops.last() == Some(&count) {
                packer.go_on();
            }
        }
        assert_eq!(stops, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768]);
        packer.stop_at_next();
        assert_eq!(push(&mut packer, 3), Packed::Stopped);
    }

    #[test]
    fn a_message_over_the_limit_takes_nothing_with_it() {
        let mut packer = Packer::new(100);
        assert_eq!(push(&mut packer, 100), Packed::Stopped);
        assert_eq!(push(&mut packer, 101), Packed::Failed);
        assert_eq!(packer.failure().code(), Code::ResourceExhausted);
        assert_eq!(packer.flush().unwrap().len(), 105);
    }
}
