//! What generated code implements for a message, a view, and a oneof.

use std::fmt::Debug;

use super::{DecodeError, Fields, Reader, Sink, TableOf};

/// A message that Stubwright generated, or a well-known type. It also implements [`prost::Message`].
pub trait Message: Debug + Default + Send + Sync {
    /// Names and numbers of the fields.
    const FIELDS: &'static Fields;

    /// The table, if the message has one.
    const TABLE: Option<TableOf> = None;

    /// Reads fields until the message ends, and merges them into this message: lists grow, messages are merged, and other values
    /// are replaced.
    ///
    /// # Errors
    /// Fails if the bytes are not a message of this type, or need more memory than the reader allows.
    fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError>;

    /// Writes all fields.
    fn write(&self, to: &mut impl Sink);
}

/// What is read from the bytes of a message and written as such: a [`Message`], or a view of one, which borrows the bytes.
pub trait Binary<'a>: Default {
    /// Names and numbers of the fields.
    const FIELDS: &'static Fields;

    /// Reads fields until the message ends, and merges them into this message.
    ///
    /// # Errors
    /// Fails if the bytes are not a message of this type, or need more memory than the reader allows.
    fn merge(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError>;

    /// Writes all fields.
    fn write(&self, to: &mut impl Sink);
}

impl<'a, M: Message> Binary<'a> for M {
    const FIELDS: &'static Fields = M::FIELDS;

    #[inline]
    fn merge(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError> {
        Message::merge(self, from)
    }

    #[inline]
    fn write(&self, to: &mut impl Sink) {
        Message::write(self, to);
    }
}

/// A message or a view of any type that can be decoded. Functions that take a `&mut dyn Decode` are compiled once for all types.
pub trait Decode<'a> {
    /// Reads fields until the message ends.
    ///
    /// # Errors
    /// Fails if the bytes are not a message of this type.
    fn decode(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError>;

    /// Returns the names and numbers of the fields.
    fn fields(&self) -> &'static Fields;
}

impl<'a, M: Binary<'a>> Decode<'a> for M {
    fn decode(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError> {
        self.merge(from)
    }

    fn fields(&self) -> &'static Fields {
        M::FIELDS
    }
}

/// The enum of a oneof. It may borrow from bytes that live for `'a`.
pub trait Oneof<'a>: Sized {
    /// Reads the member whose key was read last. It replaces the value in `place`. If both are messages of the same member, it is
    /// merged into that value instead.
    ///
    /// # Errors
    /// Fails if the value is malformed, or needs too much memory.
    fn merge(place: &mut Option<Self>, from: &mut Reader<'a>) -> Result<(), DecodeError>;

    /// Writes the member.
    fn write(&self, to: &mut impl Sink);
}

/// A boxed message, which may contain itself. The reader counts the box where it makes one.
impl<M: Message> Message for Box<M> {
    const FIELDS: &'static Fields = M::FIELDS;
    const TABLE: Option<TableOf> = M::TABLE;

    fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        Message::merge(&mut **self, from)
    }

    fn write(&self, to: &mut impl Sink) {
        Message::write(&**self, to);
    }
}
