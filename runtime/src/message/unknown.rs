//! The fields that a message's type does not have.

use std::fmt;

use super::{DecodeError, Fields, Reader, varint, wire};

/// The fields of a received message that its type does not have. They are written after the others, as they came.
///
/// A message has them if the generator's option `unknown_fields` says so. Extensions of proto2 are among them. The fields are bytes:
/// another type that has them reads them from [`as_bytes`](UnknownFields::as_bytes). Two values are equal if their bytes are.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct UnknownFields(Vec<u8>);

impl UnknownFields {
    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fields as an encoded message that has no others.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Prints the fields as a map from their numbers to their values.
impl fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

/// Encoded fields, up to their end or that of their group.
struct Shown<'a>(&'a [u8]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        let mut from = Reader::new(self.0);
        while let Ok(key) = from.key() {
            let (_, rest) = from.piece();
            if key == 0 || key & 7 == wire::END_GROUP || from.skip().is_err() {
                break;
            }
            let value = rest.get(..rest.len() - from.left()).unwrap_or_default();
            let integer = varint::read(value);
            map.key(&(key >> 3));
            match (key & 7, integer) {
                (wire::VARINT, Some((integer, _))) => map.value(&integer),
                (wire::LENGTH, Some((_, prefix))) => {
                    let bytes = value.get(prefix..).unwrap_or_default();
                    map.value(&format_args!("\"{}\"", bytes.escape_ascii()))
                }
                (wire::START_GROUP, _) => map.value(&Shown(value)),
                _ => map.value(&format_args!("0x{:x}", LittleEndian(value))),
            };
        }
        map.finish()
    }
}

/// A number of fixed length.
struct LittleEndian<'a>(&'a [u8]);

impl fmt::LowerHex for LittleEndian<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .rev()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Reader<'_> {
    /// Handles a field that the message's code does not read, like [`other`](Reader::other). Appends it to `kept` if the message has
    /// no such field.
    ///
    /// # Errors
    /// Fails like [`other`](Reader::other), or if the fields need too much memory.
    #[inline(never)]
    pub fn keep(
        &mut self,
        fields: &'static Fields,
        kept: &mut UnknownFields,
    ) -> Result<bool, DecodeError> {
        if self.ends(fields)? {
            return Ok(true);
        }
        let mut probe = self.probe();
        probe.skip()?;
        let length = self.left() - probe.left();
        let UnknownFields(kept) = kept;
        let mut key = [0; varint::LONGEST];
        let key_length = varint::write(u64::from(self.last_key()), &mut key);
        let needed = key_length + length;
        if kept.capacity() - kept.len() < needed {
            self.more_room(kept, needed)?;
        }
        kept.extend_from_slice(key.get(..key_length).unwrap_or_default());
        self.copy(length, kept)?;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NONE: Fields = Fields {
        name: "None",
        fields: &[],
    };

    /// Keeps all fields of a message that has none.
    fn kept(mut from: Reader<'_>) -> Result<UnknownFields, DecodeError> {
        let mut kept = UnknownFields::default();
        while from.key()? != 0 {
            from.keep(&NONE, &mut kept)?;
        }
        Ok(kept)
    }

    const FIELDS: [u8; 27] = [
        0x08, 0x96, 0x01, 0x12, 0x03, b'a', b'"', 0xff, 0x1d, 1, 2, 3, 0x80, 0x23, 0x2b, 0x08, 5,
        0x2c, 0x24, 0x29, 1, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn fields_are_kept_as_they_came_and_printed() {
        let mut bytes = FIELDS.to_vec();
        bytes.push(0x40);
        let fields = kept(Reader::new(&bytes)).unwrap();
        assert_eq!(fields.as_bytes(), bytes);
        assert_eq!(
            format!("{fields:?}"),
            r#"{1: 150, 2: "a\"\xff", 3: 0x80030201, 4: {5: {1: 5}}, 5: 0x4000000000000001}"#
        );
    }

    #[test]
    fn fields_are_kept_across_pieces() {
        let mut bytes = FIELDS.to_vec();
        bytes.push(0x40);
        for cut in 0..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let more = [bytes::Bytes::copy_from_slice(second)];
            let from = Reader::new(first).followed_by(&more, second.len());
            assert_eq!(kept(from).unwrap().as_bytes(), bytes, "{cut}");
        }
    }

    #[test]
    fn fields_count_against_the_limit_of_memory() {
        let bytes = [0x08, 1].repeat(1000);
        assert!(kept(Reader::new(&bytes).memory(8000)).is_ok());
        let error = kept(Reader::new(&bytes).memory(1500)).unwrap_err();
        assert!(error.is_over_budget());
    }
}
