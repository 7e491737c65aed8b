//! A place for a message whose type is known where the call is made or served, and not on the way there.

use std::fmt;

use super::any_message::{AnyMessage, Known};
use crate::Result;
use crate::codec::{Codec, Encoded};

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

/// Where a message is read to, for who does not know its type.
pub(crate) trait Held {
    /// Reads a message, and holds it. What it holds after an error is no message: it has to be cleared.
    fn read(&mut self, message: Encoded<'_>) -> Result<()>;

    /// Shows the message that is held.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    fn clear(&mut self);

    #[cfg(feature = "client")]
    fn is_some(&self) -> bool;
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
            decode: C::decode_to,
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
    fn read(&mut self, message: Encoded<'_>) -> Result<()> {
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
