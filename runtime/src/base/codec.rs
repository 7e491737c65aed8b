//! How a message becomes bytes and comes back.

use bytes::{Bytes, BytesMut};

use super::encoded::Encoded;
use super::erasure::fields::merge;
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
