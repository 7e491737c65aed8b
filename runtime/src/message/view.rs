//! Views: messages whose texts and bytes borrow the bytes that they were read from.

use std::fmt::Debug;

use bytes::BufMut;

use super::{Binary, DecodeError, FieldView, Message, Reader, writer};

/// A view of a message: it has the same fields, but its texts are `&str` and its bytes `&[u8]`. The generator's option `views`
/// generates views.
///
/// A view that is decoded borrows the encoded message, so decoding it copies no text. A view may also borrow a message, by `From`,
/// or be created field by field. However it was created, it is encoded to the bytes of a message.
///
/// A list is a `Vec`, and a map is a [`MapView`](crate::MapView). A nested message is a view too. Well-known types other than the
/// wrappers of texts and bytes, messages of other crates, and unknown fields are held as the message holds them.
pub trait View<'a>:
    Binary<'a> + FieldView<'a, Self::Message> + Clone + Debug + PartialEq + Send + Sync
{
    /// The message whose view this is.
    type Message: HasView<View<'a> = Self>;

    /// Decodes a message.
    ///
    /// # Errors
    /// Fails if the bytes are not a message of this type, or need too much memory.
    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut view = Self::default();
        Reader::new(bytes).read(&mut view)?;
        Ok(view)
    }

    /// Copies the content to a message. (`to_owned` of [`ToOwned`] copies the view, because views can be cloned.)
    fn to_message(&self) -> Self::Message {
        self.to_field()
    }

    /// Returns the number of bytes of the encoded message.
    fn encoded_len(&self) -> usize {
        writer::encoded_len(self)
    }

    /// Appends the encoded message to a buffer.
    fn encode(&self, buffer: &mut impl BufMut) {
        writer::encode(self, buffer);
    }

    /// Returns the encoded message.
    fn encode_to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode(&mut bytes);
        bytes
    }
}

/// A message that has views.
pub trait HasView: Message + Clone + 'static {
    /// A view that borrows for `'a`. It is the message itself if there are no texts and no bytes in it.
    type View<'a>: View<'a, Message = Self>;
}

/// Implements the traits of a view that borrows.
#[doc(hidden)]
#[macro_export]
macro_rules! message_view {
    ($message:ty, $view:ident) => {
        impl<'a> $crate::message::View<'a> for $view<'a> {
            type Message = $message;
        }

        impl $crate::message::HasView for $message {
            type View<'a> = $view<'a>;
        }

        impl<'a> ::core::convert::From<&'a $message> for $view<'a> {
            fn from(message: &'a $message) -> $view<'a> {
                $crate::message::FieldView::of(message)
            }
        }
    };
}

/// Implements the traits of views for a message without texts and bytes, which is its own view.
#[doc(hidden)]
#[macro_export]
macro_rules! message_is_view {
    ($message:ty) => {
        impl $crate::message::View<'_> for $message {
            type Message = $message;
        }

        impl $crate::message::HasView for $message {
            type View<'a> = $message;
        }

        impl $crate::message::FieldView<'_, $message> for $message {
            fn of(message: &$message) -> $message {
                ::core::clone::Clone::clone(message)
            }

            fn to_field(&self) -> $message {
                ::core::clone::Clone::clone(self)
            }
        }
    };
}
