//! Reading of values, lists, maps and messages.

use super::error::Cause;
use super::kind::{Kind, Number};
use super::{Binary, Decode, DecodeError, Field, Fields, MapField, Reader};

/// The names and numbers of the fields of a map's entry. An entry is a message without a Rust type of its own.
static ENTRY: Fields = Fields {
    name: "map entry",
    fields: &[
        Field {
            number: 1,
            name: "key",
        },
        Field {
            number: 2,
            name: "value",
        },
    ],
};

impl<'a> Reader<'a> {
    /// Reads a whole message.
    ///
    /// # Errors
    /// Fails if the bytes are not a message of this type.
    pub fn read(mut self, message: &mut dyn Decode<'a>) -> Result<(), DecodeError> {
        let decoded = message.decode(&mut self);
        decoded.map_err(|error| error.inside(message.fields()))
    }

    /// Reads a value of this kind.
    ///
    /// # Errors
    /// Fails if the value is malformed.
    #[inline]
    pub fn value<T, K: Kind<'a, T>>(&mut self, _kind: K, into: &mut T) -> Result<(), DecodeError> {
        K::read(self, into)
    }

    /// Reads a value of this kind, and returns it.
    ///
    /// # Errors
    /// Fails if the value is malformed.
    #[inline]
    pub fn new_value<T: Default, K: Kind<'a, T>>(&mut self, _kind: K) -> Result<T, DecodeError> {
        let mut value = T::default();
        K::read(self, &mut value)?;
        Ok(value)
    }

    /// Reads a message in a box. Only a new box takes memory.
    ///
    /// # Errors
    /// Fails if the message is malformed, or the box needs too much memory.
    #[inline]
    pub fn boxed<M: Default, K: Kind<'a, Box<M>>>(
        &mut self,
        _kind: K,
        into: &mut Option<Box<M>>,
    ) -> Result<(), DecodeError> {
        if into.is_none() {
            self.charge(size_of::<M>())?;
        }
        K::read(self, into.get_or_insert_default())
    }

    /// Reads a message, and returns it in a new box.
    ///
    /// # Errors
    /// Fails if the message is malformed, or the box needs too much memory.
    #[inline]
    pub fn new_box<M: Default, K: Kind<'a, Box<M>>>(
        &mut self,
        kind: K,
    ) -> Result<Box<M>, DecodeError> {
        self.charge(size_of::<M>())?;
        self.new_value(kind)
    }

    /// Reads the message that follows with its length.
    #[inline]
    pub(super) fn message<M: Binary<'a>>(&mut self, message: &mut M) -> Result<(), DecodeError> {
        let outer = self.enter()?;
        if let Err(error) = message.merge(self) {
            return Err(error.inside(M::FIELDS));
        }
        self.leave(outer);
        self.shallower(1);
        Ok(())
    }

    /// Reads a group, after the key that starts it.
    #[inline]
    pub(super) fn group<M: Binary<'a>>(&mut self, message: &mut M) -> Result<(), DecodeError> {
        let outer = self.enter_group()?;
        if let Err(error) = message.merge(self) {
            return Err(error.inside(M::FIELDS));
        }
        self.leave_group(outer)
    }

    /// Reads a value, and appends it to a list. Goes on with the next field if it has the same key.
    ///
    /// # Errors
    /// Fails if the value is malformed, or the list needs too much memory.
    #[inline]
    pub fn element<T: Default, K: Kind<'a, T>>(
        &mut self,
        _kind: K,
        into: &mut Vec<T>,
    ) -> Result<(), DecodeError> {
        loop {
            self.room(into)?;
            K::read_element(self, into)?;
            if !self.same_key() {
                return Ok(());
            }
        }
    }

    /// Reads numbers that are packed into one field, and appends them to a list.
    ///
    /// # Errors
    /// Fails if a number is malformed, or the list needs too much memory.
    #[inline]
    pub fn packed<T, K: Number<T>>(
        &mut self,
        _kind: K,
        into: &mut Vec<T>,
    ) -> Result<(), DecodeError> {
        K::read_packed(self, into)
    }

    /// Reads an entry of a map. A missing key or value is the default.
    ///
    /// # Errors
    /// Fails if the entry is malformed, or the map needs too much memory.
    #[inline]
    pub fn map<M: MapField<Value: Default>, K: Kind<'a, M::Key>, V: Kind<'a, M::Value>>(
        &mut self,
        key: K,
        value: V,
        into: &mut M,
    ) -> Result<(), DecodeError> {
        self.map_with(key, value, M::Value::default(), into)
    }

    /// Reads an entry of a map. A missing key is the default, and a missing value is `value`.
    ///
    /// # Errors
    /// Fails if the entry is malformed, or the map needs too much memory.
    pub fn map_with<M: MapField, K: Kind<'a, M::Key>, V: Kind<'a, M::Value>>(
        &mut self,
        _key_kind: K,
        _value_kind: V,
        mut value: M::Value,
        into: &mut M,
    ) -> Result<(), DecodeError> {
        into.prepare(self)?;
        let outer = self.enter()?;
        let mut key = M::Key::default();
        loop {
            match self.key()? {
                0 => break,
                found if found == 1 << 3 | K::WIRE => K::read(self, &mut key)?,
                found if found == 2 << 3 | V::WIRE => V::read(self, &mut value)?,
                _ => drop(self.other(&ENTRY)?),
            }
        }
        self.leave(outer);
        self.shallower(1);
        into.add(key, value, self)
    }

    /// Reads integers of variable length until the field ends.
    #[inline]
    pub(super) fn packed_varints<T>(
        &mut self,
        into: &mut Vec<T>,
        convert: impl Fn(u64) -> T,
    ) -> Result<(), DecodeError> {
        let length = self.length()?;
        let Some(mut bytes) = self.whole(length) else {
            return self.split_packed(length, into, |reader| reader.varint().map(&convert));
        };
        // The last byte of each integer is less than 128.
        let count = bytes.iter().filter(|byte| **byte < 0x80).count();
        self.more_room(into, count)?;
        while let [first, rest @ ..] = bytes {
            if *first < 0x80 {
                into.push(convert(u64::from(*first)));
                bytes = rest;
            } else {
                match super::varint::read(bytes) {
                    Some((value, length)) => {
                        into.push(convert(value));
                        bytes = bytes.get(length..).unwrap_or_default();
                    }
                    None => return Err(self.error(Cause::Varint)),
                }
            }
        }
        Ok(())
    }

    /// Reads numbers of fixed length until the field ends.
    #[inline]
    pub(super) fn packed_fixed<T, const N: usize>(
        &mut self,
        into: &mut Vec<T>,
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<(), DecodeError> {
        let length = self.length()?;
        let Some(bytes) = self.whole(length) else {
            return self.split_packed(length, into, |reader| reader.array().map(&convert));
        };
        if length % N != 0 {
            return Err(self.error(Cause::Truncated));
        }
        self.more_room(into, length / N)?;
        into.extend(bytes.chunks_exact(N).map(|chunk| {
            let mut number = [0; N];
            number.copy_from_slice(chunk);
            convert(number)
        }));
        Ok(())
    }

    /// Reads packed numbers that lie in several pieces.
    #[cold]
    fn split_packed<T>(
        &mut self,
        length: usize,
        into: &mut Vec<T>,
        mut number: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<(), DecodeError> {
        let outer = self.within(length);
        while !self.is_at_end() {
            self.room(into)?;
            let number = number(self)?;
            into.push(number);
        }
        self.leave(outer);
        Ok(())
    }
}
