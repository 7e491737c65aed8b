//! How a message becomes bytes and comes back.

use bytes::{Buf, Bytes, BytesMut};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key};

use crate::Result;

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

    /// Reads a whole message into the place where it is to stay, which is empty, and gives it there. A codec whose messages grow field
    /// by field moves them less if it has one of its own.
    ///
    /// # Errors
    /// As [`decode`](Codec::decode). What is in `place` then is dropped, and nobody sees it.
    fn decode_to<'a>(place: &'a mut Option<T>, message: Encoded<'_>) -> Result<&'a mut T> {
        Ok(place.insert(Self::decode(message)?))
    }
}

/// The bytes of a message where they lie: in a buffer that may hold others behind it. It is a [`Buf`]; what is copied out of it as
/// [`Bytes`] shares the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    buffer: &'a Bytes,
    /// What has not been read: a part of the buffer.
    rest: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// As many bytes at the front of the buffer as the message has.
    pub(crate) fn front(buffer: &'a Bytes, length: usize) -> Encoded<'a> {
        let rest = buffer.get(..length).unwrap_or(buffer);
        Encoded { buffer, rest }
    }

    /// All of it that has not been read.
    pub fn into_bytes(self) -> Bytes {
        self.buffer.slice_ref(self.rest)
    }
}

/// A buffer that is one message.
impl<'a> From<&'a Bytes> for Encoded<'a> {
    fn from(buffer: &'a Bytes) -> Encoded<'a> {
        Encoded {
            buffer,
            rest: buffer,
        }
    }
}

impl Buf for Encoded<'_> {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        self.buffer.slice_ref(taken)
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
        let mut decoded = T::default();
        merge(&mut decoded, message)?;
        Ok(decoded)
    }

    fn decode_to<'a>(place: &'a mut Option<T>, message: Encoded<'_>) -> Result<&'a mut T> {
        let decoded = place.insert(T::default());
        match merge(decoded, message) {
            Ok(()) => Ok(decoded),
            Err(status) => Err(status),
        }
    }
}

/// A message of any type, whose fields are read off a buffer. What else there is to decoding is compiled once.
trait MergeField {
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut Encoded<'_>,
    ) -> std::result::Result<(), DecodeError>;
}

impl<T: prost::Message> MergeField for T {
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut Encoded<'_>,
    ) -> std::result::Result<(), DecodeError> {
        prost::Message::merge_field(self, tag, wire_type, buffer, DecodeContext::default())
    }
}

fn merge(message: &mut dyn MergeField, mut encoded: Encoded<'_>) -> Result<()> {
    while encoded.has_remaining() {
        let (tag, wire_type) = decode_key(&mut encoded)?;
        message.merge_field(tag, wire_type, &mut encoded)?;
    }
    Ok(())
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
