//! Messages as interceptors meet them: of any type.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};

use crate::base::Codec;

/// A message of some type, as an interceptor meets it. [`downcast_ref`](trait.AnyMessage.html#method.downcast_ref) and
/// [`downcast_mut`](trait.AnyMessage.html#method.downcast_mut) give the message itself to who knows its type; `{:?}`
/// prints it for who does not.
pub trait AnyMessage: fmt::Debug {
    /// The message.
    fn as_any(&self) -> &dyn Any;

    /// The message, to be changed.
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// How many bytes the message has when it is encoded, without the five bytes of gRPC's prefix, and before compression.
    fn encoded_len(&self) -> usize;

    /// Writes the message as it is encoded behind what is in `buffer`, which had better have room for it.
    fn encode(&self, buffer: &mut BytesMut);
}

impl dyn AnyMessage + '_ {
    /// The message, if its type is `M`: the one that a servicer's method takes or gives.
    pub fn downcast_ref<M: 'static>(&self) -> Option<&M> {
        self.as_any().downcast_ref()
    }

    /// The message, to be changed, if its type is `M`.
    pub fn downcast_mut<M: 'static>(&mut self) -> Option<&mut M> {
        self.as_any_mut().downcast_mut()
    }

    /// The message as it is encoded.
    pub fn to_bytes(&self) -> Bytes {
        let mut buffer = BytesMut::with_capacity(self.encoded_len());
        self.encode(&mut buffer);
        buffer.freeze()
    }
}

/// A message and the codec that it is written with.
pub(crate) struct Known<'a, T, C> {
    message: &'a mut T,
    codec: PhantomData<C>,
}

impl<'a, T, C: Codec<T>> Known<'a, T, C> {
    pub(crate) fn new(message: &'a mut T) -> Known<'a, T, C> {
        Known {
            message,
            codec: PhantomData,
        }
    }
}

impl<T: fmt::Debug + 'static, C: Codec<T>> AnyMessage for Known<'_, T, C> {
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
}

impl<T: fmt::Debug, C> fmt::Debug for Known<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Prost;

    #[test]
    fn who_knows_the_type_reads_and_changes_the_message() {
        let mut text = String::from("abc");
        let message: &mut dyn AnyMessage = &mut Known::<_, Prost>::new(&mut text);
        assert_eq!(message.encoded_len(), 5);
        assert_eq!(message.to_bytes(), "\n\u{3}abc");
        assert_eq!(format!("{message:?}"), "\"abc\"");
        assert_eq!(message.downcast_ref::<u32>(), None);
        message.downcast_mut::<String>().unwrap().push('d');
        assert_eq!(message.downcast_ref::<String>().unwrap(), "abcd");
        assert_eq!(text, "abcd");
    }
}
