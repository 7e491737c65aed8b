//! gRPC's length-prefixed messages: a flag byte, four bytes of length, and the message.

mod packer;

use bytes::{Bytes, BytesMut};

use crate::base::erasure::AnyMessage;
use crate::base::{Chunks, Encoded, Room};
use crate::{Compression, Result, Status};

pub use self::packer::{Packed, Packer};

/// The length of the prefix, in bytes.
pub(crate) const PREFIX: usize = 5;

/// The default limit of a received message, in bytes: gRPC's 4 MiB.
pub(crate) const MAX_RECEIVE_MESSAGE_LENGTH: usize = 4 << 20;

/// The largest buffer that is allocated for a message before its bytes arrive.
const FIRST_ROOM: usize = 64 * 1024;

/// The longest message that the prefix can announce: 4 GiB.
const LONGEST: usize = u32::MAX as usize;

/// The flag byte of a compressed message.
const COMPRESSED: u8 = 1;

/// Encodes a message with its prefix.
///
/// # Errors
/// Returns RESOURCE_EXHAUSTED if the message exceeds `limit` or 4 GiB.
#[cfg(feature = "server")]
pub(crate) fn framed(message: &dyn AnyMessage, limit: usize) -> Result<Bytes> {
    Ok(framed_alone(message, limit.min(LONGEST))?.freeze())
}

/// Encodes a message with its prefix, in a buffer of exactly that size. A message over `limit` is an error.
fn framed_alone(message: &dyn AnyMessage, limit: usize) -> Result<BytesMut> {
    let mut alone = Alone {
        limit,
        buffer: BytesMut::new(),
        over: None,
    };
    message.encode_to(&mut alone);
    match alone.over {
        Some(length) => Err(over(length, limit)),
        None => Ok(alone.buffer),
    }
}

/// A buffer for one message and its prefix.
struct Alone {
    limit: usize,
    buffer: BytesMut,
    /// The length of the message, if it exceeds the limit.
    over: Option<usize>,
}

impl Room for Alone {
    fn make(&mut self, length: usize) -> Option<&mut BytesMut> {
        if length > self.limit {
            self.over = Some(length);
            return None;
        }
        self.buffer.reserve(PREFIX + length);
        self.buffer.extend_from_slice(&prefix(length));
        Some(&mut self.buffer)
    }
}

/// Returns the prefix of an uncompressed message of at most [`LONGEST`] bytes.
#[inline]
fn prefix(length: usize) -> [u8; PREFIX] {
    let [.., a, b, c, d] = length.to_be_bytes();
    [0, a, b, c, d]
}

/// Compresses a framed message if that makes it shorter.
pub(crate) fn compress(message: Bytes, compression: Compression) -> Bytes {
    let payload = message.get(PREFIX..).unwrap_or_default();
    match compressed(payload, compression) {
        Some(mut shorter) => {
            // The message may have to wait until it is sent. It must not keep the memory of the uncompressed message
            // meanwhile.
            shorter.shrink_to_fit();
            shorter.into()
        }
        None => message,
    }
}

/// Returns the message compressed and with its prefix, or `None` if it would not become shorter.
fn compressed(message: &[u8], compression: Compression) -> Option<Vec<u8>> {
    if compression == Compression::Identity || message.is_empty() {
        return None;
    }
    // The capacity leaves no room for a message that isn't shorter.
    let mut output = Vec::with_capacity(PREFIX + message.len() - 1);
    output.extend([COMPRESSED, 0, 0, 0, 0]);
    if !compression.compress(message, &mut output) {
        return None;
    }
    let length = u32::try_from(output.len().checked_sub(PREFIX)?).ok()?;
    output
        .get_mut(1..PREFIX)?
        .copy_from_slice(&length.to_be_bytes());
    Some(output)
}

/// A message that was found in chunks.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The message is the first `usize` bytes of the chunks.
    Front(usize),
    /// The message had to be put together or decompressed.
    Apart(Bytes),
}

impl Cut {
    /// Reads the message, and removes it from `chunks`, in which it was found.
    pub(crate) fn read<T>(self, chunks: &mut Chunks, read: impl FnOnce(Encoded<'_>) -> T) -> T {
        match self {
            Cut::Front(length) => {
                let value = read(Encoded::front(chunks.front(), length));
                chunks.skip(length);
                value
            }
            Cut::Apart(bytes) => read(Encoded::from(&bytes)),
        }
    }

    /// Returns the message's bytes, and removes them from `chunks`, in which it was found.
    pub(crate) fn take(self, chunks: &mut Chunks) -> Bytes {
        match self {
            Cut::Front(length) => chunks.take(length),
            Cut::Apart(bytes) => bytes,
        }
    }
}

/// Finds the messages in the chunks that a transport delivers.
///
/// A message within one chunk stays there. Only a message that is spread over several chunks is copied.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    prefix: [u8; PREFIX],
    prefix_len: usize,
    /// The current message, once its prefix is complete.
    message: Option<Partial>,
    /// The compression of the messages with the compressed flag.
    pub(crate) compression: Compression,
    /// Set if the last message was compressed.
    pub(crate) was_compressed: bool,
}

#[derive(Debug)]
struct Partial {
    length: usize,
    is_compressed: bool,
    bytes: BytesMut,
}

impl Deframer {
    /// Creates a deframer for messages that may be compressed with `compression`.
    #[cfg(feature = "server")]
    pub(crate) fn new(compression: Compression) -> Deframer {
        Deframer {
            compression,
            ..Deframer::default()
        }
    }

    /// Returns the next message, or `None` if `chunks` doesn't have all of it yet. The message must be read or taken off the
    /// chunks before the next call.
    ///
    /// # Errors
    /// Returns INTERNAL for an invalid flag byte, for compression that was not announced, and for a message that cannot be
    /// decompressed. Returns RESOURCE_EXHAUSTED for a message over `limit`. This is known from the prefix, or after
    /// decompression.
    #[inline]
    pub(crate) fn next(&mut self, chunks: &mut Chunks, limit: usize) -> Result<Option<Cut>> {
        // The common case: the whole message is in one piece, uncompressed.
        if self.is_at_boundary() {
            if let Some(([0, length @ ..], rest)) = chunks.front().split_first_chunk::<PREFIX>() {
                let length = message_length(*length, limit)?;
                if length <= rest.len() {
                    chunks.skip(PREFIX);
                    self.was_compressed = false;
                    return Ok(Some(Cut::Front(length)));
                }
            }
        }
        if chunks.is_empty() {
            return Ok(None);
        }
        self.next_part(chunks, limit)
    }

    /// Returns the next message if it is compressed, spread over pieces, or incomplete.
    #[cold]
    fn next_part(&mut self, chunks: &mut Chunks, limit: usize) -> Result<Option<Cut>> {
        if self.message.is_none() {
            while self.prefix_len < PREFIX {
                let part = chunks.take(PREFIX - self.prefix_len);
                if part.is_empty() {
                    return Ok(None);
                }
                let end = self.prefix_len + part.len();
                if let Some(room) = self.prefix.get_mut(self.prefix_len..end) {
                    room.copy_from_slice(&part);
                }
                self.prefix_len = end;
            }
            let is_compressed = self.is_compressed()?;
            let [_, length @ ..] = self.prefix;
            let length = message_length(length, limit)?;
            self.prefix_len = 0;
            if chunks.front().len() >= length {
                self.was_compressed = is_compressed;
                return if is_compressed {
                    self.decompressed(&chunks.take(length), limit)
                } else {
                    Ok(Some(Cut::Front(length)))
                };
            }
            self.message = Some(Partial {
                length,
                is_compressed,
                bytes: BytesMut::with_capacity(length.min(FIRST_ROOM)),
            });
        }
        let Some(message) = &mut self.message else {
            return Ok(None);
        };
        while message.bytes.len() < message.length {
            let part = chunks.take(message.length - message.bytes.len());
            if part.is_empty() {
                return Ok(None);
            }
            message.bytes.extend_from_slice(&part);
        }
        let is_compressed = message.is_compressed;
        let bytes = std::mem::take(&mut message.bytes).freeze();
        self.message = None;
        self.was_compressed = is_compressed;
        if is_compressed {
            self.decompressed(&bytes, limit)
        } else {
            Ok(Some(Cut::Apart(bytes)))
        }
    }

    /// Returns the number of bytes that are held of an incomplete message.
    pub(crate) fn kept(&self) -> usize {
        let message = self.message.as_ref();
        message.map_or(self.prefix_len, |message| PREFIX + message.bytes.len())
    }

    /// Returns the number of bytes that complete the prefix, or the message.
    pub(crate) fn missing(&self) -> usize {
        match &self.message {
            Some(message) => message.length - message.bytes.len(),
            None => PREFIX - self.prefix_len,
        }
    }

    /// Returns whether the chunks so far ended with a complete message.
    pub(crate) fn is_at_boundary(&self) -> bool {
        self.prefix_len == 0 && self.message.is_none()
    }

    /// Reads the flag byte of the prefix.
    fn is_compressed(&self) -> Result<bool> {
        match self.prefix {
            [0, ..] => Ok(false),
            // Don't wait for a message that cannot be decompressed.
            [COMPRESSED, ..] if self.compression == Compression::Identity => {
                self.compression.decompress(&[], 0).map(|_| true)
            }
            [COMPRESSED, ..] => Ok(true),
            [other, ..] => Err(Status::internal(format!(
                "a message has the flag byte {other}; gRPC defines only 0 and 1"
            ))),
        }
    }

    fn decompressed(&self, bytes: &[u8], limit: usize) -> Result<Option<Cut>> {
        let message = self.compression.decompress(bytes, limit)?;
        Ok(Some(Cut::Apart(message)))
    }
}

/// Reads the length of a prefix, and checks it against the limit.
fn message_length(length: [u8; 4], limit: usize) -> Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(over(length, limit));
    }
    Ok(length)
}

fn over(length: usize, limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "a message of {length} bytes is over the limit of {limit}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use bytes::Buf;
    use proptest::prelude::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(message);
        bytes
    }

    fn first(bytes: &[u8], limit: usize) -> Result<Option<Cut>> {
        Deframer::default().next(&mut Chunks::from(Bytes::copy_from_slice(bytes)), limit)
    }

    /// Takes the next message.
    fn next(deframer: &mut Deframer, chunks: &mut Chunks) -> Option<Bytes> {
        let cut = deframer.next(chunks, 1000).unwrap();
        cut.map(|cut| cut.take(chunks))
    }

    #[test]
    fn a_prefix_that_breaks_a_rule_is_an_error_at_once() {
        for (bytes, limit, code) in [
            ([2, 0, 0, 0, 0], 10, Code::Internal),
            ([255, 0, 0, 0, 0], 10, Code::Internal),
            ([1, 0, 0, 0, 0], 10, Code::Internal),
            ([0, 0, 0, 0, 11], 10, Code::ResourceExhausted),
            ([0, 255, 255, 255, 255], 4 << 20, Code::ResourceExhausted),
        ] {
            assert_eq!(first(&bytes, limit).unwrap_err().code(), code, "{bytes:?}");
        }
    }

    #[test]
    fn a_message_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from(framed(b"hello"));
        let mut chunks = Chunks::from(chunk.clone());
        let message = next(&mut Deframer::default(), &mut chunks).unwrap();
        assert_eq!(message.as_ptr(), chunk[PREFIX..].as_ptr());
    }

    #[test]
    fn a_message_is_read_where_it_lies_and_its_rest_skipped() {
        let wire: Vec<u8> = [&b"hello"[..], b"world"].map(framed).concat();
        let mut chunks = Chunks::from(Bytes::from(wire));
        let mut deframer = Deframer::default();
        let cut = deframer.next(&mut chunks, 10).unwrap().unwrap();
        let two = cut.read(&mut chunks, |mut message| {
            assert_eq!(message.remaining(), 5);
            assert_eq!(message.chunk(), b"hello");
            message.copy_to_bytes(2)
        });
        assert_eq!(two, "he");
        assert_eq!(next(&mut deframer, &mut chunks).unwrap(), "world");
        assert!(chunks.is_empty());
    }

    #[test]
    fn an_end_inside_a_message_is_seen() {
        let mut deframer = Deframer::default();
        assert!(deframer.is_at_boundary());
        for bytes in [&[0][..], &[0, 0, 0, 2], &[7]] {
            let mut chunks = Chunks::from(Bytes::copy_from_slice(bytes));
            assert_eq!(next(&mut deframer, &mut chunks), None);
            assert!(!deframer.is_at_boundary());
        }
        let mut chunks = Chunks::from(Bytes::from_static(&[8]));
        assert_eq!(next(&mut deframer, &mut chunks).unwrap(), [7, 8][..]);
        assert!(deframer.is_at_boundary());
    }

    proptest! {
        #[test]
        fn messages_come_back_however_they_are_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in proptest::collection::vec(1_usize..20, 0..40),
        ) {
            let mut wire: Bytes = messages.iter().flat_map(|message| framed(message)).collect();
            let mut cuts = cuts.into_iter();
            let mut deframer = Deframer::default();
            let mut read = Vec::new();
            while !wire.is_empty() {
                let cut = cuts.next().unwrap_or(wire.len()).min(wire.len());
                let mut chunks = Chunks::from(wire.split_to(cut));
                while let Some(message) = next(&mut deframer, &mut chunks) {
                    read.push(message.to_vec());
                }
                prop_assert!(chunks.is_empty());
            }
            prop_assert!(deframer.is_at_boundary());
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn anything_is_messages_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut chunks = Chunks::from(Bytes::from(bytes));
            let mut deframer = Deframer::default();
            while let Ok(Some(cut)) = deframer.next(&mut chunks, 32) {
                cut.take(&mut chunks);
            }
        }
    }
}
