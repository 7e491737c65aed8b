//! Encoding and decoding of messages.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};

use super::encoded::Encoded;
use super::erasure::{AnyMessage, Typed};
use crate::Result;
#[cfg(feature = "json")]
use crate::message::TableOf;
use crate::message::{self, Decode, Encode, Message};

/// Encodes and decodes messages of type `T`. [`Prost`] is the codec for prost's messages. [`Raw`] leaves messages as bytes.
pub trait Codec<T>: Copy + Send + Sync + 'static {
    /// Returns the number of bytes that [`encode`](Codec::encode) will write.
    fn encoded_len(message: &T) -> usize;

    /// Appends the encoded message to `buffer`, which has room for it.
    fn encode(message: &T, buffer: &mut BytesMut);

    /// Encodes the message into the buffer that `room` makes for it. The default implementation calls
    /// [`encoded_len`](Codec::encoded_len) and [`encode`](Codec::encode). A codec that has to measure a message in order to encode
    /// it can override this method to measure it once.
    fn encode_to(message: &T, room: &mut dyn Room) {
        if let Some(buffer) = room.make(Self::encoded_len(message)) {
            Self::encode(message, buffer);
        }
    }

    /// Decodes a whole message.
    ///
    /// # Errors
    /// Returns INTERNAL if the bytes are not a message of this type.
    fn decode(message: Encoded<'_>) -> Result<T>;

    /// Decodes a whole message into `place`, which is empty, and returns a reference to it. The default implementation calls
    /// [`decode`](Codec::decode). A codec that fills its messages field by field can override it to avoid moving the message.
    ///
    /// # Errors
    /// Fails like [`decode`](Codec::decode). The content of `place` is then dropped without being read.
    fn decode_to<'a>(place: &'a mut Option<T>, message: Encoded<'_>) -> Result<&'a mut T> {
        Ok(place.insert(Self::decode(message)?))
    }

    /// Returns the table of the message, by which it is converted to JSON, if it has one.
    #[cfg(feature = "json")]
    #[doc(hidden)]
    fn table() -> Option<TableOf> {
        None
    }

    /// Passes a message to `look` in the form in which interceptors see it. The default implementation passes it as it is. For
    /// [`EncodedMessage`](crate::EncodedMessage) and [`Received`](crate::Received), [`Protobuf`] and [`Prost`] decode the message
    /// first, and encode it again afterwards. It is only called if an interceptor observes messages.
    ///
    /// # Errors
    /// Returns the error of `look`, or INTERNAL if the message cannot be decoded.
    fn show(message: &mut T, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>
    where
        T: Debug + 'static,
    {
        look(&mut Typed::<T, Self>::new(message))
    }
}

/// A place for an encoded message, whose length is known before its bytes.
pub trait Room {
    /// Returns a buffer with room for `length` bytes. Returns `None` if the message is too long to be sent.
    fn make(&mut self, length: usize) -> Option<&mut BytesMut>;
}

/// The codec of messages that Stubwright generated.
#[derive(Clone, Copy, Debug)]
pub struct Protobuf;

impl<T: Message> Codec<T> for Protobuf {
    fn encoded_len(message: &T) -> usize {
        message::encoded_len(message)
    }

    fn encode(message: &T, buffer: &mut BytesMut) {
        encode(message, buffer);
    }

    fn encode_to(message: &T, room: &mut dyn Room) {
        encode_to(message, room);
    }

    fn decode(message: Encoded<'_>) -> Result<T> {
        let mut decoded = T::default();
        match read(message, &mut decoded) {
            Ok(()) => Ok(decoded),
            Err(status) => Err(status),
        }
    }

    fn decode_to<'a>(place: &'a mut Option<T>, message: Encoded<'_>) -> Result<&'a mut T> {
        let decoded = place.insert(T::default());
        match read(message, decoded) {
            Ok(()) => Ok(decoded),
            Err(status) => Err(status),
        }
    }

    #[cfg(feature = "json")]
    fn table() -> Option<TableOf> {
        T::TABLE
    }
}

/// Encodes a message of any type into a buffer with room for it.
fn encode(message: &dyn Encode, buffer: &mut BytesMut) {
    message::encode_to(message, |_| Some(buffer));
}

/// Encodes a message of any type.
fn encode_to(message: &dyn Encode, room: &mut dyn Room) {
    message::encode_to(message, |length| room.make(length));
}

/// Reads a message of any type, or a view.
pub(super) fn read<'a>(message: Encoded<'a>, into: &mut dyn Decode<'a>) -> Result<()> {
    Ok(message.reader().read(into)?)
}

/// The codec of all messages of prost. [`Protobuf`] is faster for messages that Stubwright generated.
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
        Ok(T::decode(message)?)
    }

    fn decode_to<'a>(place: &'a mut Option<T>, message: Encoded<'_>) -> Result<&'a mut T> {
        let decoded = place.insert(T::default());
        match decoded.merge(message) {
            Ok(()) => Ok(decoded),
            Err(error) => Err(error.into()),
        }
    }
}

/// The codec that leaves messages as bytes, for programs that have no types for their messages. In gRPC Python, a serializer of
/// `None` does the same.
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
