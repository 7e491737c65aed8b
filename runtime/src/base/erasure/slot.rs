//! A place for a received message. The type of the message is known at the ends of a call, but not in between.

use std::fmt;

use super::any_message::{AnyMessage, Typed};
use crate::Result;
use crate::base::codec::Codec;
use crate::base::encoded::Encoded;

/// A function that passes a message to code that does not know its type.
pub(crate) type ShowFn<T> =
    fn(&mut T, &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

/// Passes a message with its codec to `look`.
pub(crate) fn show<T: fmt::Debug + 'static, C: Codec<T>>(
    message: &mut T,
    look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
) -> Result<()> {
    look(&mut Typed::<T, C>::new(message))
}

/// Decodes a message into its place. It does not use `?`, because the conversion of the error would be compiled for each type
/// too.
fn decode<T, C: Codec<T>>(place: &mut Option<T>, message: Encoded<'_>) -> Result<()> {
    match C::decode_to(place, message) {
        Ok(_) => Ok(()),
        Err(status) => Err(status),
    }
}

/// A [`Slot`] of any type.
pub(crate) trait AnySlot {
    /// Decodes a message into the slot, which must be empty. After an error the slot may hold a part of a message.
    fn decode(&mut self, message: Encoded<'_>) -> Result<()>;

    /// Passes the message in the slot to `look`. Does nothing if there is none.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    /// Drops the message in the slot.
    fn clear(&mut self);

    /// Returns whether the slot holds a message.
    #[cfg(feature = "client")]
    fn is_some(&self) -> bool;
}

impl dyn AnySlot + '_ {
    /// Decodes a message into the slot, which must be empty. After an error the slot is empty.
    pub(crate) fn read(&mut self, message: Encoded<'_>) -> Result<()> {
        let decoded = self.decode(message);
        if decoded.is_err() {
            self.clear();
        }
        decoded
    }
}

/// A place for one message, with the functions of its type.
pub(crate) struct Slot<T> {
    message: Option<T>,
    decode: fn(&mut Option<T>, Encoded<'_>) -> Result<()>,
    /// Passes the message to interceptors.
    show: ShowFn<T>,
}

impl<T: fmt::Debug + 'static> Slot<T> {
    /// Creates an empty slot for messages of a codec.
    pub(crate) fn of<C: Codec<T>>() -> Slot<T> {
        Slot {
            message: None,
            decode: decode::<T, C>,
            show: show::<T, C>,
        }
    }
}

impl<T> Slot<T> {
    /// Takes the message out of the slot.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.message.take()
    }
}

impl<T> AnySlot for Slot<T> {
    fn decode(&mut self, message: Encoded<'_>) -> Result<()> {
        (self.decode)(&mut self.message, message)
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        match &mut self.message {
            Some(message) => (self.show)(message, look),
            None => Ok(()),
        }
    }

    fn clear(&mut self) {
        self.message = None;
    }

    #[cfg(feature = "client")]
    fn is_some(&self) -> bool {
        self.message.is_some()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Code;
    use crate::base::codec::Prost;

    /// Decodes a string, as a message in which it is the first field.
    fn read(slot: &mut dyn AnySlot, bytes: &'static [u8]) -> Result<()> {
        slot.read(Encoded::from(&Bytes::from_static(bytes)))
    }

    #[test]
    fn a_message_that_cannot_be_decoded_is_not_kept() {
        let mut slot = Slot::<String>::of::<Prost>();
        read(&mut slot, b"\n\x03abc").unwrap();
        assert_eq!(slot.take().unwrap(), "abc");
        let error = read(&mut slot, b"\n\x03abc\n\x05a").unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert_eq!(slot.take(), None);
    }
}
