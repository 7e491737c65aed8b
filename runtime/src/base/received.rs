//! Messages that stay as they were received.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;

use super::codec::{Codec, Protobuf, read};
use super::encoded::Encoded;
use super::encoded_message::EncodedMessage;
use crate::Result;
use crate::message::{HasView, Message};

/// A received message of type `M`, which is not decoded yet. It owns its bytes, so it can outlive the call, go to another task, or be
/// passed on as it is.
///
/// Servicers receive such requests by the generator's option `received_requests`, and clients such responses by
/// `received_responses`. [`view`](Received::view) decodes the message without copying its texts, and
/// [`message`](Received::message) decodes it to the message itself. Bytes that are not a message are an error of these methods, and
/// not of the call. If an interceptor observes the messages of the call, the message was already decoded for it, and encoded again.
///
/// The bytes share the buffer into which the connection read them, of up to 64 KiB, and keep it in memory. Keep messages instead of
/// many small `Received`.
pub struct Received<M> {
    bytes: Bytes,
    /// The maximum memory of the decoded message, in bytes.
    memory: usize,
    message: PhantomData<fn() -> M>,
}

impl<M> Received<M> {
    /// Returns the encoded message.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the encoded message.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    pub(super) fn new(message: Encoded<'_>) -> Received<M> {
        Received {
            memory: message.max_memory(),
            bytes: message.into_bytes(),
            message: PhantomData,
        }
    }

    /// Returns the message for decoding, with its limit of memory.
    pub(super) fn encoded(&self) -> Encoded<'_> {
        Encoded::from(&self.bytes).memory(self.memory)
    }
}

impl<M: HasView> Received<M> {
    /// Decodes a view, which borrows the bytes.
    ///
    /// # Errors
    /// Returns INTERNAL if the bytes are not a message of this type, and RESOURCE_EXHAUSTED if it needs too much memory.
    pub fn view(&self) -> Result<M::View<'_>> {
        let mut view = M::View::default();
        match read(self.encoded(), &mut view) {
            Ok(()) => Ok(view),
            Err(status) => Err(status),
        }
    }
}

impl<M: Message> Received<M> {
    /// Decodes the message.
    ///
    /// # Errors
    /// Returns INTERNAL if the bytes are not a message of this type, and RESOURCE_EXHAUSTED if it needs too much memory.
    pub fn message(&self) -> Result<M> {
        Protobuf::decode(self.encoded())
    }
}

impl<M> From<Bytes> for Received<M> {
    fn from(bytes: Bytes) -> Received<M> {
        Received::new(Encoded::from(&bytes))
    }
}

/// Encodes a message, as if it had been received, for tests.
impl<M: Message> From<&M> for Received<M> {
    fn from(message: &M) -> Received<M> {
        Received::from(EncodedMessage::from(message))
    }
}

/// Receives an encoded message.
impl<M> From<EncodedMessage<M>> for Received<M> {
    fn from(encoded: EncodedMessage<M>) -> Received<M> {
        Received::from(encoded.into_bytes())
    }
}

impl<M> Clone for Received<M> {
    fn clone(&self) -> Received<M> {
        Received::new(self.encoded())
    }
}

/// The encoded default is empty.
impl<M> Default for Received<M> {
    fn default() -> Received<M> {
        Received::from(Bytes::new())
    }
}

impl<M> fmt::Debug for Received<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received({} bytes)", self.bytes.len())
    }
}
