//! What a message is written to.

use super::kind::Number;
use super::{Kind, MapField, Oneof};

/// What a message is written to. [`Sizes`](super::Sizes) counts the bytes, and [`Writer`](super::Writer) writes them.
pub trait Sink: Sized {
    /// Writes a key.
    fn key(&mut self, key: u32);

    /// Writes a key and an integer of variable length.
    fn varint(&mut self, key: u32, value: u64);

    /// Writes a key and bytes as they are.
    fn fixed<const N: usize>(&mut self, key: u32, bytes: [u8; N]);

    /// Writes a key, the length of `bytes`, and the bytes.
    fn bytes(&mut self, key: u32, bytes: &[u8]);

    /// Writes a key, the number of bytes that `write` writes, and those bytes.
    fn delimited(&mut self, key: u32, write: impl FnOnce(&mut Self));

    /// Writes a key, the length of a message of prost, and the message.
    fn foreign(&mut self, key: u32, message: &impl prost::Message);

    /// Writes integers of variable length, without keys.
    fn varints(&mut self, values: impl Iterator<Item = u64>);

    /// Writes numbers of fixed length, without keys.
    fn fixed_numbers<const N: usize>(&mut self, values: impl ExactSizeIterator<Item = [u8; N]>);

    /// Writes encoded fields as they are.
    fn raw(&mut self, fields: &[u8]);

    /// Writes a field without presence, unless it has the default value.
    #[inline]
    fn plain<'a, T, K: Kind<'a, T>>(&mut self, kind: K, key: u32, value: &T) {
        if !K::is_default(value) {
            self.required(kind, key, value);
        }
    }

    /// Writes a field.
    #[inline]
    fn required<'a, T, K: Kind<'a, T>>(&mut self, _kind: K, key: u32, value: &T) {
        K::write(key, value, self);
    }

    /// Writes a field that may have a value.
    #[inline]
    fn optional<'a, T, K: Kind<'a, T>>(&mut self, kind: K, key: u32, value: &Option<T>) {
        if let Some(value) = value {
            self.required(kind, key, value);
        }
    }

    /// Writes each value of a list as a field of its own.
    #[inline]
    fn list<'a, T, K: Kind<'a, T>>(&mut self, kind: K, key: u32, values: &[T]) {
        for value in values {
            self.required(kind, key, value);
        }
    }

    /// Writes all numbers of a list as one field.
    #[inline]
    fn packed<T, K: Number<T>>(&mut self, _kind: K, key: u32, values: &[T]) {
        if !values.is_empty() {
            self.delimited(key, |to| K::write_packed(values, to));
        }
    }

    /// Writes a oneof, if it has a value.
    #[inline]
    fn oneof<'a>(&mut self, value: &Option<impl Oneof<'a>>) {
        if let Some(value) = value {
            value.write(self);
        }
    }

    /// Writes each entry of a map as a field of its own.
    #[inline]
    fn map<'a, M: MapField, K: Kind<'a, M::Key>, V: Kind<'a, M::Value>>(
        &mut self,
        key_kind: K,
        value_kind: V,
        key: u32,
        map: &M,
    ) {
        map.each(|name, value| {
            self.delimited(key, |to| {
                to.required(key_kind, 1 << 3 | K::WIRE, name);
                to.required(value_kind, 2 << 3 | V::WIRE, value);
            });
        });
    }
}
