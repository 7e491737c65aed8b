//! A message of any type.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};

use crate::Result;
use crate::base::codec::{Codec, Room};
#[cfg(feature = "json")]
use crate::message::TableOf;

/// A message of any type, as interceptors see it. [`downcast_ref`](trait.AnyMessage.html#method.downcast_ref) and
/// [`downcast_mut`](trait.AnyMessage.html#method.downcast_mut) return the message itself if its type is known. `{:?}` prints a
/// message of any type.
pub trait AnyMessage: fmt::Debug {
    /// Returns the message.
    fn as_any(&self) -> &dyn Any;

    /// Returns the message for modification.
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// Returns the length of the encoded message in bytes, without gRPC's prefix of five bytes and before compression.
    fn encoded_len(&self) -> usize;

    /// Appends the encoded message to `buffer`. Reserve room for [`encoded_len`](AnyMessage::encoded_len) bytes in the buffer
    /// first.
    fn encode(&self, buffer: &mut BytesMut);

    /// Encodes the message into the buffer that `room` makes for it.
    fn encode_to(&self, room: &mut dyn Room);

    /// Passes the message to `look` in the form in which interceptors see it: a message that is left encoded is decoded, and
    /// encoded again afterwards.
    #[doc(hidden)]
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    /// Returns the table of the message, by which it is converted to JSON, if it has one.
    #[cfg(feature = "json")]
    #[doc(hidden)]
    fn table(&self) -> Option<TableOf> {
        None
    }
}

impl dyn AnyMessage + '_ {
    /// Returns the message if its type is `M`. The message has the request or response type of the method.
    pub fn downcast_ref<M: 'static>(&self) -> Option<&M> {
        self.as_any().downcast_ref()
    }

    /// Returns the message for modification if its type is `M`.
    pub fn downcast_mut<M: 'static>(&mut self) -> Option<&mut M> {
        self.as_any_mut().downcast_mut()
    }

    /// Encodes the message.
    pub fn to_bytes(&self) -> Bytes {
        let mut buffer = BytesMut::with_capacity(self.encoded_len());
        self.encode(&mut buffer);
        buffer.freeze()
    }
}

/// A message with the codec that encodes it.
pub(crate) struct Typed<'a, T, C> {
    message: &'a mut T,
    codec: PhantomData<C>,
}

impl<'a, T, C: Codec<T>> Typed<'a, T, C> {
    pub(crate) fn new(message: &'a mut T) -> Typed<'a, T, C> {
        Typed {
            message,
            codec: PhantomData,
        }
    }
}

impl<T: fmt::Debug + 'static, C: Codec<T>> AnyMessage for Typed<'_, T, C> {
    fn as_any(&self) -> &dyn Any {
        self.message
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self.message
    }

    fn encoded_len(&self) -> usize {
        C::encoded_len(self.message)
    }

    fn encode(&self, buffer: &mut BytesMut) {
        C::encode(self.message, buffer);
    }

    fn encode_to(&self, room: &mut dyn Room) {
        C::encode_to(self.message, room);
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        C::show(self.message, look)
    }

    #[cfg(feature = "json")]
    fn table(&self) -> Option<TableOf> {
        C::table()
    }
}

impl<T: fmt::Debug, C> fmt::Debug for Typed<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::Prost;

    #[test]
    fn a_message_is_read_and_changed_by_its_type() {
        let mut text = String::from("abc");
        let message: &mut dyn AnyMessage = &mut Typed::<_, Prost>::new(&mut text);
        assert_eq!(message.encoded_len(), 5);
        assert_eq!(message.to_bytes(), "\n\u{3}abc");
        assert_eq!(format!("{message:?}"), "\"abc\"");
        assert_eq!(message.downcast_ref::<u32>(), None);
        message.downcast_mut::<String>().unwrap().push('d');
        assert_eq!(message.downcast_ref::<String>().unwrap(), "abcd");
        assert_eq!(text, "abcd");
    }
    #[cfg(feature = "json")]
    #[test]
    fn a_message_is_written_as_json_if_it_has_a_table() {
        use crate::base::codec::{Protobuf, Raw};
        use crate::json::JsonFormat;

        let mut wait = prost_types::Duration {
            seconds: 2,
            nanos: 0,
        };
        let format = JsonFormat::new();
        let message: &dyn AnyMessage = &Typed::<_, Protobuf>::new(&mut wait);
        assert_eq!(format.any_to_json(message).unwrap(), "\"2s\"");
        let message: &dyn AnyMessage = &Typed::<_, Prost>::new(&mut wait);
        assert!(format.any_to_json(message).is_err());
        let mut bytes = Bytes::from_static(b"abc");
        let message: &dyn AnyMessage = &Typed::<_, Raw>::new(&mut bytes);
        assert!(format.any_to_json(message).is_err());
    }
}
