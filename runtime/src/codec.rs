//! How a message becomes bytes and comes back.

use bytes::{Buf, Bytes, BytesMut};

use crate::{Result, Status};

/// Turns messages of one library into bytes and back. [`Prost`] is for prost's, [`Raw`] for those that stay bytes.
pub trait Codec<T>: Copy + Send + Sync + 'static {
    /// How many bytes `encode` will write.
    fn encoded_len(message: &T) -> usize;

    /// Writes the message behind what is in `buffer`, which has room for it.
    fn encode(message: &T, buffer: &mut BytesMut);

    /// Reads a whole message.
    ///
    /// # Errors
    /// INTERNAL when the bytes are not a message of this type.
    fn decode(message: Encoded<'_>) -> Result<T>;
}

/// The bytes of a message where they lie: in a buffer that may hold others behind it. It is a [`Buf`]; what is copied out of it as
/// [`Bytes`] shares the buffer.
#[derive(Debug)]
pub struct Encoded<'a> {
    buffer: &'a mut Bytes,
    left: usize,
}

impl<'a> Encoded<'a> {
    /// As many bytes of the buffer as the message has.
    pub(crate) fn front(buffer: &'a mut Bytes, length: usize) -> Encoded<'a> {
        let left = length.min(buffer.len());
        Encoded { buffer, left }
    }

    /// All of it that has not been read.
    pub fn into_bytes(self) -> Bytes {
        self.buffer.split_to(self.left)
    }
}

/// A buffer that is one message.
impl<'a> From<&'a mut Bytes> for Encoded<'a> {
    fn from(buffer: &'a mut Bytes) -> Encoded<'a> {
        let left = buffer.len();
        Encoded { buffer, left }
    }
}

impl Buf for Encoded<'_> {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.buffer.get(..self.left).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.left, "a message does not go on so far");
        self.buffer.advance(count);
        self.left -= count;
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        assert!(count <= self.left, "a message does not go on so far");
        self.left -= count;
        self.buffer.split_to(count)
    }
}

/// The codec of prost's messages.
#[derive(Clone, Copy, Debug)]
pub struct Prost;

impl<T: prost::Message + Default> Codec<T> for Prost {
    fn encoded_len(message: &T) -> usize {
        message.encoded_len()
    }

    fn encode(message: &T, buffer: &mut BytesMut) {
        message.encode_raw(buffer);
    }

    fn decode(message: Encoded<'_>) -> Result<T> {
        T::decode(message).map_err(Status::from)
    }
}

/// The codec of messages that stay bytes: whoever calls or serves with it has, or needs, no types for them. gRPC Python has
/// it where a serializer is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Raw;

impl Codec<Bytes> for Raw {
    fn encoded_len(message: &Bytes) -> usize {
        message.len()
    }

    fn encode(message: &Bytes, buffer: &mut BytesMut) {
        buffer.extend_from_slice(message);
    }

    fn decode(message: Encoded<'_>) -> Result<Bytes> {
        Ok(message.into_bytes())
    }
}
