//! A message's bytes while they are written.

use prost::encoding::encode_varint;

/// The number of bytes of a length that is not known yet. So many bytes hold any length of a message.
const PADDED: usize = 5;

/// The bytes of a message.
///
/// The length of a nested message is written before the message is known: first as a number with zeros in front, which is then set.
/// So nothing is moved.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) bytes: Vec<u8>,
    /// The number of messages in a `google.protobuf.Any` that are open. What an `Any` holds is kept as bytes, so its lengths are
    /// written without zeros in front.
    pub(super) packed: u32,
}

/// The place of a length that is not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length(usize);

impl Wire {
    pub(super) fn key(&mut self, number: u32, wire_type: u32) {
        self.varint(u64::from(number << 3 | wire_type));
    }

    #[inline]
    pub(super) fn varint(&mut self, value: u64) {
        match value {
            0..=0x7f => self.bytes.push(value as u8),
            _ => encode_varint(value, &mut self.bytes),
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Begins a value whose length is not known yet.
    pub(super) fn open(&mut self) -> Length {
        let length = Length(self.bytes.len());
        self.bytes.extend_from_slice(&[0; PADDED]);
        length
    }

    /// Ends a value that was begun.
    pub(super) fn close(&mut self, Length(place): Length) {
        let start = place + PADDED;
        let length = self.bytes.len().saturating_sub(start) as u64;
        if self.packed > 0 {
            let mut exact = Vec::with_capacity(PADDED);
            encode_varint(length, &mut exact);
            self.bytes.splice(place..start, exact);
            return;
        }
        let padded = self.bytes.get_mut(place..start).unwrap_or_default();
        for (index, byte) in padded.iter_mut().enumerate() {
            let more = if index + 1 < PADDED { 0x80 } else { 0 };
            *byte = (length >> (7 * index)) as u8 & 0x7f | more;
        }
    }

    /// Removes what was written since there were `length` bytes.
    pub(super) fn back_to(&mut self, length: usize) {
        self.bytes.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{RawField, RawFields, RawValue};

    #[test]
    fn a_length_is_set_afterwards() {
        for packed in [0, 1] {
            for length in [0, 1, 127, 128, 20_000] {
                let mut wire = Wire {
                    packed,
                    ..Wire::default()
                };
                wire.key(1, 2);
                let place = wire.open();
                wire.bytes.extend(std::iter::repeat_n(7, length));
                wire.close(place);
                wire.key(2, 0);
                wire.varint(300);
                let mut fields = RawFields::new(&wire.bytes);
                let RawField { number, value } = fields.next().unwrap().unwrap();
                assert_eq!((number, value), (1, RawValue::Bytes(&vec![7; length])));
                let RawField { number, value } = fields.next().unwrap().unwrap();
                assert_eq!((number, value), (2, RawValue::Varint(300)));
                assert!(fields.next().unwrap().is_none());
            }
        }
    }
}
