//! A place for a message whose type is known where the call is made or served, and not on the way there.

use std::fmt;

use super::any_message::{AnyMessage, Known};
use crate::Result;
use crate::base::{Codec, Encoded};

/// Shows a message to who does not know its type.
pub(crate) type Show<T> =
    fn(&mut T, &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

/// Shows a message that is written with a codec.
pub(crate) fn show<T: fmt::Debug + 'static, C: Codec<T>>(
    message: &mut T,
    look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
) -> Result<()> {
    look(&mut Known::<T, C>::new(message))
}

/// Decodes a message into its place. It is compiled for each type: `?` would convert the error there, too.
fn decode<T, C: Codec<T>>(place: &mut Option<T>, message: Encoded<'_>) -> Result<()> {
    match C::decode_to(place, message) {
        Ok(_) => Ok(()),
        Err(status) => Err(status),
    }
}

/// Where a message is read to, for who does not know its type.
pub(crate) trait Held {
    /// Decodes a message into the place, which is empty. What is there after an error is no message.
    fn decode(&mut self, message: Encoded<'_>) -> Result<()>;

    /// Shows the message that is held.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    fn clear(&mut self);

    #[cfg(feature = "client")]
    fn is_some(&self) -> bool;
}

impl dyn Held + '_ {
    /// Reads a message, and holds it; there is none before. After an error none is held.
    pub(crate) fn read(&mut self, message: Encoded<'_>) -> Result<()> {
        let decoded = self.decode(message);
        if decoded.is_err() {
            self.clear();
        }
        decoded
    }
}

/// A message, once it has come, and how it is read.
pub(crate) struct Reading<T> {
    message: Option<T>,
    decode: fn(&mut Option<T>, Encoded<'_>) -> Result<()>,
    /// For calls with interceptors.
    show: Show<T>,
}

impl<T: fmt::Debug + 'static> Reading<T> {
    /// Messages that are read with a codec.
    pub(crate) fn of<C: Codec<T>>() -> Reading<T> {
        Reading {
            message: None,
            decode: decode::<T, C>,
            show: show::<T, C>,
        }
    }
}

impl<T> Reading<T> {
    pub(crate) fn take(&mut self) -> Option<T> {
        self.message.take()
    }
}

impl<T> Held for Reading<T> {
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
    use crate::base::Prost;

    /// Reads a string, as the message whose first field it is.
    fn read(held: &mut dyn Held, bytes: &'static [u8]) -> Result<()> {
        held.read(Encoded::from(&Bytes::from_static(bytes)))
    }

    #[test]
    fn what_could_not_be_read_to_its_end_is_not_held() {
        let mut held = Reading::<String>::of::<Prost>();
        read(&mut held, b"\n\x03abc").unwrap();
        assert_eq!(held.take().unwrap(), "abc");
        let error = read(&mut held, b"\n\x03abc\n\x05a").unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert_eq!(held.take(), None);
    }
}
