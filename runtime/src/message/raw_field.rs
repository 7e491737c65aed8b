//! Fields as they lie in a message's bytes, for code that knows a message by its table only.

use super::{Type, varint, wire};

/// A cursor over the fields of a message whose bytes lie in one piece. It knows nothing about their types, so it is smaller than a
/// [`Reader`](super::Reader).
#[derive(Clone, Debug)]
pub(crate) struct RawFields<'a> {
    rest: &'a [u8],
}

/// A field without a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawField<'a> {
    pub(crate) number: u32,
    pub(crate) value: RawValue<'a>,
}

/// The value of a field without a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RawValue<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// What follows a length.
    Bytes(&'a [u8]),
    /// What lies between the two keys of a group.
    Group(&'a [u8]),
}

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Malformed;

impl<'a> RawValue<'a> {
    /// Returns the default value of a type.
    pub(crate) fn default_of(kind: Type) -> RawValue<'a> {
        match kind.wire_type() {
            wire::FIXED64 => RawValue::Fixed64(0),
            wire::FIXED32 => RawValue::Fixed32(0),
            wire::LENGTH => RawValue::Bytes(&[]),
            wire::START_GROUP => RawValue::Group(&[]),
            _ => RawValue::Varint(0),
        }
    }

    /// Returns whether this is the default value of its type.
    pub(crate) fn is_default(self) -> bool {
        match self {
            RawValue::Varint(bits) | RawValue::Fixed64(bits) => bits == 0,
            RawValue::Fixed32(bits) => bits == 0,
            RawValue::Bytes(bytes) | RawValue::Group(bytes) => bytes.is_empty(),
        }
    }

    /// Returns the wire type.
    pub(crate) fn wire_type(self) -> u32 {
        match self {
            RawValue::Varint(_) => wire::VARINT,
            RawValue::Fixed64(_) => wire::FIXED64,
            RawValue::Fixed32(_) => wire::FIXED32,
            RawValue::Bytes(_) => wire::LENGTH,
            RawValue::Group(_) => wire::START_GROUP,
        }
    }

    /// Returns the bytes of a text, of bytes or of a message. Numbers have none.
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            RawValue::Bytes(bytes) | RawValue::Group(bytes) => bytes,
            _ => &[],
        }
    }
}

impl<'a> RawFields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> RawFields<'a> {
        RawFields { rest: bytes }
    }

    /// Reads the next field. Returns `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<RawField<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.key()?;
        Ok(Some(RawField {
            number: key >> 3,
            value: self.value(key)?,
        }))
    }

    /// Reads the next number of a packed list. Returns `None` at the end.
    #[inline(always)]
    pub(crate) fn next_element(
        &mut self,
        wire_type: u32,
    ) -> Result<Option<RawValue<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.value(wire_type).map(Some)
    }

    #[inline(always)]
    fn key(&mut self) -> Result<u32, Malformed> {
        match u32::try_from(self.varint()?) {
            Ok(key) if key >= 8 => Ok(key),
            _ => Err(Malformed),
        }
    }

    #[inline(always)]
    fn value(&mut self, key: u32) -> Result<RawValue<'a>, Malformed> {
        Ok(match key & 7 {
            wire::LENGTH => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
                self.rest = rest;
                RawValue::Bytes(bytes)
            }
            wire::VARINT => RawValue::Varint(self.varint()?),
            wire::FIXED64 => RawValue::Fixed64(u64::from_le_bytes(self.array()?)),
            wire::FIXED32 => RawValue::Fixed32(u32::from_le_bytes(self.array()?)),
            wire::START_GROUP => RawValue::Group(self.group(key)?),
            _ => return Err(Malformed),
        })
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Malformed> {
        if let [byte @ 0..=0x7f, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        let (value, length) = varint::read(self.rest).ok_or(Malformed)?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok(value)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Reads what lies between the keys of a group. Groups in it are read without recursion, so they may be nested to any depth.
    #[cold]
    fn group(&mut self, start: u32) -> Result<&'a [u8], Malformed> {
        let group = self.rest;
        let mut open = vec![start];
        loop {
            let length = group.len() - self.rest.len();
            let key = self.key()?;
            match key & 7 {
                wire::START_GROUP => open.push(key),
                wire::END_GROUP if open.pop() == Some(key - 1) => {
                    if open.is_empty() {
                        return Ok(group.get(..length).unwrap_or_default());
                    }
                }
                _ => drop(self.value(key)?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_to_their_end() {
        // Group 1 with field 2 and a group 3; and field 4.
        let mut fields = RawFields::new(&[11, 16, 1, 27, 16, 2, 28, 12, 32, 3]);
        let group = fields.next().unwrap().unwrap();
        assert_eq!(group.value, RawValue::Group(&[16, 1, 27, 16, 2, 28]));
        assert_eq!(fields.next().unwrap().unwrap().value, RawValue::Varint(3));
        assert!(fields.next().unwrap().is_none());
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let many = [11].repeat(1_000_000);
        for bytes in [
            &[11, 16, 1][..],
            &[11, 20],
            &[12],
            &[11, 27, 12],
            &[8],
            &[8, 0x80],
            &[10, 1],
            &[9, 0],
            &[13, 0],
            &[14, 0],
            &[0, 0],
            &[7],
            &[10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &many,
        ] {
            assert_eq!(
                RawFields::new(bytes).next().unwrap_err(),
                Malformed,
                "{bytes:?}"
            );
        }
    }
}
