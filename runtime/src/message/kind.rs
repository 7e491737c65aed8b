//! The types of protobuf. Each is an empty struct, which reads and writes one value.

use bytes::Bytes;
#[cfg(feature = "shared-strings")]
use bytestring::ByteString;

use super::{Binary, DecodeError, Reader, Sink, wire};

/// A type of protobuf, for values of type `T`. They may borrow from bytes that live for `'a`.
pub trait Kind<'a, T>: Copy {
    /// The wire type, the lowest three bits of a key.
    const WIRE: u32;

    /// Reads a value into `into`. A message is merged into the one that is there. Other values replace it.
    ///
    /// # Errors
    /// Fails if the value is malformed, or needs too much memory.
    fn read(from: &mut Reader<'a>, into: &mut T) -> Result<(), DecodeError>;

    /// Reads a value, and appends it to a list that has room for it.
    ///
    /// # Errors
    /// Fails if the value is malformed, or needs too much memory.
    #[inline]
    fn read_element(from: &mut Reader<'a>, into: &mut Vec<T>) -> Result<(), DecodeError>
    where
        T: Default,
    {
        let mut value = T::default();
        Self::read(from, &mut value)?;
        into.push(value);
        Ok(())
    }

    /// Writes a key and a value.
    fn write(key: u32, value: &T, to: &mut impl Sink);

    /// Returns whether a field without presence is omitted, because this is its default value.
    fn is_default(value: &T) -> bool;
}

/// A type whose lists can be packed into one field.
pub trait Number<T>: for<'a> Kind<'a, T> {
    /// Reads numbers until the field ends, and appends them.
    ///
    /// # Errors
    /// Fails if a number is malformed, or the list needs too much memory.
    fn read_packed(from: &mut Reader<'_>, into: &mut Vec<T>) -> Result<(), DecodeError>;

    /// Writes numbers without a key or a length.
    fn write_packed(values: &[T], to: &mut impl Sink);
}

/// Implements kinds for integers of variable length. Takes the kind, the type of its values, and how a value is converted to 64
/// bits and back.
macro_rules! varints {
    ($($(#[$doc:meta])* $kind:ident($type:ty), |$value:ident| $to:expr, |$bits:ident| $from:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $kind;

        impl Kind<'_, $type> for $kind {
            const WIRE: u32 = wire::VARINT;

            #[inline(always)]
            fn read(from: &mut Reader<'_>, into: &mut $type) -> Result<(), DecodeError> {
                let $bits = from.varint()?;
                *into = $from;
                Ok(())
            }

            #[inline(always)]
            fn write(key: u32, $value: &$type, to: &mut impl Sink) {
                to.varint(key, $to);
            }

            #[inline(always)]
            fn is_default(value: &$type) -> bool {
                *value == <$type>::default()
            }
        }

        impl Number<$type> for $kind {
            fn read_packed(from: &mut Reader<'_>, into: &mut Vec<$type>) -> Result<(), DecodeError> {
                from.packed_varints(into, |$bits| $from)
            }

            #[inline]
            fn write_packed(values: &[$type], to: &mut impl Sink) {
                to.varints(values.iter().map(|$value| $to));
            }
        }
    )*};
}

varints! {
    /// `uint32`.
    Uint32(u32), |value| u64::from(*value), |bits| bits as u32;
    /// `uint64`.
    Uint64(u64), |value| *value, |bits| bits;
    /// `int32`. Negative numbers take ten bytes.
    Int32(i32), |value| i64::from(*value) as u64, |bits| bits as i32;
    /// `int64`. Negative numbers take ten bytes.
    Int64(i64), |value| *value as u64, |bits| bits as i64;
    /// `sint32`, whose lowest bit is the sign.
    Sint32(i32), |value| u64::from((*value << 1 ^ *value >> 31) as u32),
        |bits| (bits as u32 >> 1) as i32 ^ -((bits as u32 & 1) as i32);
    /// `sint64`, whose lowest bit is the sign.
    Sint64(i64), |value| (*value << 1 ^ *value >> 63) as u64,
        |bits| (bits >> 1) as i64 ^ -((bits & 1) as i64);
    /// `bool`.
    Bool(bool), |value| u64::from(*value), |bits| bits != 0;
    /// An enum, as its number.
    Enum(i32), |value| i64::from(*value) as u64, |bits| bits as i32;
}

/// Implements kinds for numbers of fixed length.
macro_rules! fixed {
    ($($(#[$doc:meta])* $kind:ident($type:ty, $wire:ident);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $kind;

        impl Kind<'_, $type> for $kind {
            const WIRE: u32 = wire::$wire;

            #[inline(always)]
            fn read(from: &mut Reader<'_>, into: &mut $type) -> Result<(), DecodeError> {
                *into = <$type>::from_le_bytes(from.array()?);
                Ok(())
            }

            #[inline(always)]
            fn write(key: u32, value: &$type, to: &mut impl Sink) {
                to.fixed(key, value.to_le_bytes());
            }

            #[inline(always)]
            fn is_default(value: &$type) -> bool {
                // Not by comparison: -0.0 is not the default.
                value.to_le_bytes() == [0; size_of::<$type>()]
            }
        }

        impl Number<$type> for $kind {
            fn read_packed(from: &mut Reader<'_>, into: &mut Vec<$type>) -> Result<(), DecodeError> {
                from.packed_fixed(into, <$type>::from_le_bytes)
            }

            #[inline]
            fn write_packed(values: &[$type], to: &mut impl Sink) {
                to.fixed_numbers(values.iter().map(|value| value.to_le_bytes()));
            }
        }
    )*};
}

fixed! {
    /// `fixed32`.
    Fixed32(u32, FIXED32);
    /// `sfixed32`.
    Sfixed32(i32, FIXED32);
    /// `float`.
    Float(f32, FIXED32);
    /// `fixed64`.
    Fixed64(u64, FIXED64);
    /// `sfixed64`.
    Sfixed64(i64, FIXED64);
    /// `double`.
    Double(f64, FIXED64);
}

/// `string`.
#[derive(Clone, Copy, Debug)]
pub struct Text;

impl Kind<'_, String> for Text {
    const WIRE: u32 = wire::LENGTH;

    fn read(from: &mut Reader<'_>, into: &mut String) -> Result<(), DecodeError> {
        from.text(into)
    }

    #[inline(always)]
    fn write(key: u32, value: &String, to: &mut impl Sink) {
        to.bytes(key, value.as_bytes());
    }

    #[inline(always)]
    fn is_default(value: &String) -> bool {
        value.is_empty()
    }
}

#[cfg(feature = "shared-strings")]
impl Kind<'_, ByteString> for Text {
    const WIRE: u32 = wire::LENGTH;

    fn read(from: &mut Reader<'_>, into: &mut ByteString) -> Result<(), DecodeError> {
        *into = from.shared_text()?;
        Ok(())
    }

    #[inline(always)]
    fn write(key: u32, value: &ByteString, to: &mut impl Sink) {
        to.bytes(key, value.as_bytes());
    }

    #[inline(always)]
    fn is_default(value: &ByteString) -> bool {
        value.is_empty()
    }
}

/// `bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Octets;

impl Kind<'_, Vec<u8>> for Octets {
    const WIRE: u32 = wire::LENGTH;

    fn read(from: &mut Reader<'_>, into: &mut Vec<u8>) -> Result<(), DecodeError> {
        from.octets(into)
    }

    #[inline(always)]
    fn write(key: u32, value: &Vec<u8>, to: &mut impl Sink) {
        to.bytes(key, value);
    }

    #[inline(always)]
    fn is_default(value: &Vec<u8>) -> bool {
        value.is_empty()
    }
}

impl Kind<'_, Bytes> for Octets {
    const WIRE: u32 = wire::LENGTH;

    fn read(from: &mut Reader<'_>, into: &mut Bytes) -> Result<(), DecodeError> {
        *into = from.shared_octets()?;
        Ok(())
    }

    #[inline(always)]
    fn write(key: u32, value: &Bytes, to: &mut impl Sink) {
        to.bytes(key, value);
    }

    #[inline(always)]
    fn is_default(value: &Bytes) -> bool {
        value.is_empty()
    }
}

/// A text that borrows.
impl<'a> Kind<'a, &'a str> for Text {
    const WIRE: u32 = wire::LENGTH;

    #[inline(always)]
    fn read(from: &mut Reader<'a>, into: &mut &'a str) -> Result<(), DecodeError> {
        *into = from.borrowed_text()?;
        Ok(())
    }

    #[inline(always)]
    fn write(key: u32, value: &&'a str, to: &mut impl Sink) {
        to.bytes(key, value.as_bytes());
    }

    #[inline(always)]
    fn is_default(value: &&'a str) -> bool {
        value.is_empty()
    }
}

/// Bytes that borrow.
impl<'a> Kind<'a, &'a [u8]> for Octets {
    const WIRE: u32 = wire::LENGTH;

    #[inline(always)]
    fn read(from: &mut Reader<'a>, into: &mut &'a [u8]) -> Result<(), DecodeError> {
        *into = from.borrowed_octets()?;
        Ok(())
    }

    #[inline(always)]
    fn write(key: u32, value: &&'a [u8], to: &mut impl Sink) {
        to.bytes(key, value);
    }

    #[inline(always)]
    fn is_default(value: &&'a [u8]) -> bool {
        value.is_empty()
    }
}

/// A [`Message`](super::Message) or a view of one, written after its length.
#[derive(Clone, Copy, Debug)]
pub struct Nested;

impl<'a, M: Binary<'a>> Kind<'a, M> for Nested {
    const WIRE: u32 = wire::LENGTH;

    #[inline]
    fn read(from: &mut Reader<'a>, into: &mut M) -> Result<(), DecodeError> {
        from.message(into)
    }

    /// Reads the message in its place in the list, so that it need not be moved there.
    #[inline]
    fn read_element(from: &mut Reader<'a>, into: &mut Vec<M>) -> Result<(), DecodeError> {
        into.push(M::default());
        match into.last_mut() {
            Some(last) => from.message(last),
            None => Ok(()),
        }
    }

    #[inline]
    fn write(key: u32, value: &M, to: &mut impl Sink) {
        to.delimited(key, |to| value.write(to));
    }

    /// Messages have presence.
    #[inline]
    fn is_default(_value: &M) -> bool {
        false
    }
}

/// A group of proto2: a message between two keys.
#[derive(Clone, Copy, Debug)]
pub struct Group;

impl<'a, M: Binary<'a>> Kind<'a, M> for Group {
    const WIRE: u32 = wire::START_GROUP;

    #[inline]
    fn read(from: &mut Reader<'a>, into: &mut M) -> Result<(), DecodeError> {
        from.group(into)
    }

    #[inline]
    fn write(key: u32, value: &M, to: &mut impl Sink) {
        to.key(key);
        value.write(to);
        to.key(key - wire::START_GROUP + wire::END_GROUP);
    }

    /// Groups have presence.
    #[inline]
    fn is_default(_value: &M) -> bool {
        false
    }
}

/// A message in a box, of a kind of its own. The reader counts the box where it makes one.
#[derive(Clone, Copy, Debug)]
pub struct Boxed<K>(pub K);

impl<'a, M: Default, K: Kind<'a, M>> Kind<'a, Box<M>> for Boxed<K> {
    const WIRE: u32 = K::WIRE;

    #[inline]
    fn read(from: &mut Reader<'a>, into: &mut Box<M>) -> Result<(), DecodeError> {
        K::read(from, into)
    }

    #[inline]
    fn write(key: u32, value: &Box<M>, to: &mut impl Sink) {
        K::write(key, value, to);
    }

    /// Messages have presence.
    #[inline]
    fn is_default(_value: &Box<M>) -> bool {
        false
    }
}
