//! Messages that are encoded already.

use std::fmt;
use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};

use super::codec::{Codec, Prost, Protobuf};
use super::encoded::Encoded;
use super::erasure::{AnyMessage, Typed};
use super::received::Received;
use crate::Result;
use crate::message::{self, Encode, HasView, Message};

/// A message of type `M` that is encoded already, for example one from a cache, or one that a proxy passes on.
///
/// Servicers respond with encoded messages by the generator's option `encoded_responses`, and clients send them by
/// `encoded_requests`. The bytes are sent as they are. An interceptor that observes the call's messages still sees `M`: for it, the
/// message is decoded, and encoded again afterwards.
///
/// ```
/// use bytes::Bytes;
/// use stubwright::EncodedMessage;
/// use stubwright::prost_types::Duration;
///
/// let encoded = EncodedMessage::from(&Duration { seconds: 1, nanos: 0 });
/// assert_eq!(encoded.as_bytes(), &b"\x08\x01"[..]);
/// // Bytes that are not a message are only found out by whoever decodes them.
/// let unchecked = EncodedMessage::<Duration>::from(Bytes::from_static(b"\x08\x01"));
/// # drop(unchecked);
/// ```
pub struct EncodedMessage<M> {
    bytes: Bytes,
    message: PhantomData<fn() -> M>,
}

impl<M> EncodedMessage<M> {
    /// Returns the encoded message.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the encoded message.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    fn new(message: Encoded<'_>) -> EncodedMessage<M> {
        EncodedMessage::from(message.into_bytes())
    }

    fn encoded(&self) -> Encoded<'_> {
        Encoded::from(&self.bytes)
    }
}

impl<M: HasView> EncodedMessage<M> {
    /// Encodes a view.
    pub fn of_view(view: &M::View<'_>) -> EncodedMessage<M> {
        EncodedMessage::from(encoded(view))
    }
}

/// Encodes a message.
impl<M: Message> From<&M> for EncodedMessage<M> {
    fn from(message: &M) -> EncodedMessage<M> {
        EncodedMessage::from(encoded(message))
    }
}

/// Takes the encoded form of a message. The bytes are not checked.
impl<M> From<Bytes> for EncodedMessage<M> {
    fn from(bytes: Bytes) -> EncodedMessage<M> {
        EncodedMessage {
            bytes,
            message: PhantomData,
        }
    }
}

/// Passes a received message on.
impl<M> From<Received<M>> for EncodedMessage<M> {
    fn from(received: Received<M>) -> EncodedMessage<M> {
        EncodedMessage::from(received.into_bytes())
    }
}

impl<M> Clone for EncodedMessage<M> {
    fn clone(&self) -> EncodedMessage<M> {
        EncodedMessage::from(self.bytes.clone())
    }
}

/// The encoded default is empty.
impl<M> Default for EncodedMessage<M> {
    fn default() -> EncodedMessage<M> {
        EncodedMessage::from(Bytes::new())
    }
}

impl<M> fmt::Debug for EncodedMessage<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedMessage({} bytes)", self.bytes.len())
    }
}

fn encoded(message: &dyn Encode) -> Bytes {
    let mut bytes = BytesMut::new();
    message::encode_to(message, |length| {
        bytes.reserve(length);
        Some(&mut bytes)
    });
    bytes.freeze()
}

/// Passes an encoded message to `look` as interceptors see it: it is decoded, and encoded again afterwards.
fn show_decoded<M: Message + 'static>(
    message: Encoded<'_>,
    look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
) -> Result<Bytes> {
    let mut message: M = Protobuf::decode(message)?;
    look(&mut Typed::<M, Protobuf>::new(&mut message))?;
    Ok(encoded(&message))
}

/// Lets a codec leave an encoded message as it is.
macro_rules! leave_encoded {
    ($($message:ident for $codec:ident)*) => {$(
        impl<M: Message + 'static> Codec<$message<M>> for $codec {
            fn encoded_len(message: &$message<M>) -> usize {
                message.as_bytes().len()
            }

            fn encode(message: &$message<M>, buffer: &mut BytesMut) {
                buffer.extend_from_slice(message.as_bytes());
            }

            fn decode(message: Encoded<'_>) -> Result<$message<M>> {
                Ok($message::new(message))
            }

            fn show(
                message: &mut $message<M>,
                look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
            ) -> Result<()> {
                let memory = message.encoded().max_memory();
                let bytes = show_decoded::<M>(message.encoded(), look)?;
                *message = $message::new(Encoded::from(&bytes).memory(memory));
                Ok(())
            }
        }
    )*};
}

leave_encoded! {
    EncodedMessage for Protobuf
    EncodedMessage for Prost
    Received for Protobuf
    Received for Prost
}
