//! How a message becomes bytes and comes back.

use bytes::{Bytes, BytesMut};

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
    fn decode(bytes: Bytes) -> Result<T>;
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

    fn decode(bytes: Bytes) -> Result<T> {
        T::decode(bytes).map_err(Status::from)
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

    fn decode(bytes: Bytes) -> Result<Bytes> {
        Ok(bytes)
    }
}
