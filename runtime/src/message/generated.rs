//! What generated code implements for a message and for a oneof.

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

/// A message of any type that can be decoded. Functions that take a `&mut dyn Decode` are compiled once for all types.
pub trait Decode {
    /// Reads fields until the message ends.
    ///
    /// # Errors
    /// Fails if the bytes are not a message of this type.
    fn decode(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError>;

    /// Returns the names and numbers of the fields.
    fn fields(&self) -> &'static Fields;
}

impl<M: Message> Decode for M {
    fn decode(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.merge(from)
    }

    fn fields(&self) -> &'static Fields {
        M::FIELDS
    }
}

/// The enum of a oneof.
pub trait Oneof: Sized {
    /// Reads the member whose key was read last. It replaces the value in `place`. If both are messages of the same member, it is
    /// merged into that value instead.
    ///
    /// # Errors
    /// Fails if the value is malformed, or needs too much memory.
    fn merge(place: &mut Option<Self>, from: &mut Reader<'_>) -> Result<(), DecodeError>;

    /// Writes the member.
    fn write(&self, to: &mut impl Sink);
}

/// A boxed message, which may contain itself. The reader counts the box where it makes one.
impl<M: Message> Message for Box<M> {
    const FIELDS: &'static Fields = M::FIELDS;
    const TABLE: Option<TableOf> = M::TABLE;

    fn merge(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        (**self).merge(from)
    }

    fn write(&self, to: &mut impl Sink) {
        (**self).write(to);
    }
}
