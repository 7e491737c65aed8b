//! Views of the wrappers of texts and bytes. A view of a message holds all other well-known types as the message does.

use super::view_prelude::*;

/// Implements [`Binary`] for a borrowed value of a wrapper.
macro_rules! borrowed_wrapper {
    ($type:ty, $owned:ty, $kind:expr) => {
        impl<'a> Binary<'a> for $type {
            const FIELDS: &'static Fields = <$owned as Message>::FIELDS;

            fn merge(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError> {
                loop {
                    match from.key()? {
                        0 => return Ok(()),
                        0xa => from.value($kind, self)?,
                        _ => {
                            if from.other(Self::FIELDS)? {
                                return Ok(());
                            }
                        }
                    }
                }
            }

            fn write(&self, to: &mut impl Sink) {
                to.plain($kind, 0xa, self);
            }
        }
    };
}

borrowed_wrapper! { &'a str, String, Text }
borrowed_wrapper! { &'a [u8], Vec<u8>, Octets }
