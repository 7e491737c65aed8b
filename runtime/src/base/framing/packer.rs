//! Packing the messages of a stream.

use bytes::{Bytes, BytesMut};

use super::{LONGEST, PREFIX, compressed, framed_alone, over, prefix};
use crate::base::erasure::AnyMessage;
use crate::{Compression, Status};

/// How many bytes of messages are packed before they are handed on: what fits into one DATA frame.
pub(crate) const PACK: usize = 16 * 1024;

/// The room that is made for a first small message: others may follow it.
const FIRST_PACK: usize = 256;

/// How many bytes are packed at most before whoever packs looks at the time again.
const STRIDE: usize = 2 * 1024;

/// Packs small messages into pieces of [`PACK`] bytes. A message of that size or more is a piece of its own, and there as soon as
/// it is packed: at most `PACK` bytes wait here for messages to come.
#[derive(Debug)]
pub struct Packer {
    /// The piece that is being packed.
    buffer: BytesMut,
    /// The piece before it, which had no room for the last message.
    full: Option<Bytes>,
    /// Packing stops once the piece has so many bytes.
    mark: usize,
    /// The largest message, in bytes.
    limit: usize,
    /// No message has had more than [`STRIDE`] bytes.
    all_small: bool,
    /// Why the messages have come to an end.
    failure: Option<Status>,
}

/// What came of asking for a message and packing it. (It fits into a register, which the `Result` of it would not.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// It is packed, and packing goes on.
    More,
    /// It is packed, and packing stops: there are pieces to be taken, or it is time to look at the time.
    Stopped,
    /// There is no message yet.
    Pending,
    /// There is no message any more.
    Ended,
    /// There is none, or it cannot be sent; [`Packer::failure`] says why.
    Failed,
}

/// Messages may be as large as gRPC can say.
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
            all_small: true,
            failure: None,
        }
    }

    /// Adds a message. Packing stops behind the first message of a piece, when twice as many bytes are packed, and so on.
    pub(crate) fn push(&mut self, message: &dyn AnyMessage, compression: Compression) -> Packed {
        let length = message.encoded_len();
        // Before anything is taken out: it is not to be lost with the message that cannot be sent.
        if length > self.limit {
            return self.fail(over(length, self.limit));
        }
        if compression != Compression::Identity {
            return self.push_compressed(&framed_alone(message, length), compression);
        }
        let packed = self.make_room(PREFIX + length);
        self.buffer.extend_from_slice(&prefix(length));
        message.encode(&mut self.buffer);
        packed
    }

    /// Adds a framed message in its compressed form, if that is shorter. The room that it took before is not to wait with it.
    fn push_compressed(&mut self, message: &[u8], compression: Compression) -> Packed {
        let payload = message.get(PREFIX..).unwrap_or_default();
        let shorter = compressed(payload, compression);
        let message = shorter.as_deref().unwrap_or(message);
        let packed = self.make_room(message.len());
        self.buffer.extend_from_slice(message);
        packed
    }

    /// Makes room for so many bytes. Says whether packing stops behind them.
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

    /// Stops before a message of so many bytes is packed: always before one of more than a stride.
    #[cold]
    fn stop(&mut self, length: usize) -> Packed {
        self.all_small &= length <= STRIDE;
        if self.buffer.len() + length > PACK {
            self.full = self.flush();
        }
        Packed::Stopped
    }

    /// Keeps why there are no more messages.
    #[cold]
    pub(crate) fn fail(&mut self, status: Status) -> Packed {
        self.failure = Some(status);
        Packed::Failed
    }

    /// Why there are no more messages.
    pub(crate) fn failure(&mut self) -> Status {
        let failure = self.failure.take();
        failure.unwrap_or_else(|| Status::internal("the messages have failed without a reason"))
    }

    /// Takes a piece that takes no more messages. They all have to be taken before another message is added.
    pub(crate) fn take_full(&mut self) -> Option<Bytes> {
        if self.full.is_none() && self.buffer.len() >= PACK {
            return self.flush();
        }
        self.full.take()
    }

    /// Goes on after a stop; says whether all messages so far were small.
    pub(crate) fn go_on(&mut self) -> bool {
        let packed = self.buffer.len();
        self.mark = (packed + packed.min(STRIDE)).min(PACK);
        self.all_small
    }

    /// The stop after this is behind the next message.
    pub(crate) fn stop_at_next(&mut self) {
        self.mark = 0;
    }

    /// What there is.
    pub(crate) fn flush(&mut self) -> Option<Bytes> {
        self.mark = 0;
        (!self.buffer.is_empty()).then(|| self.buffer.split().freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use crate::base::Raw;
    use crate::base::erasure::Typed;

    /// Packs a message of so many bytes.
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
