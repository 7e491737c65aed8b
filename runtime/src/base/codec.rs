//! Encoding and decoding of messages.

use bytes::{Bytes, BytesMut};

use super::encoded::Encoded;
use super::erasure::fields::merge;
use crate::Result;

/// Encodes and decodes messages of type `T`. [`Prost`] is the codec for prost's messages. [`Raw`] leaves messages as bytes.
pub trait Codec<T>: Copy + Send + Sync + 'static {
    /// Returns the number of bytes that [`encode`](Codec::encode) will write.
    fn encoded_len(message: &T) -> usize;

    /// Appends the encoded message to `buffer`, which has room for it.
    fn encode(message: &T, buffer: &mut BytesMut);

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
