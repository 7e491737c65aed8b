//! Decoding: the loop over the fields of a message.

use bytes::Buf;
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key};

use crate::Result;
use crate::base::encoded::Encoded;

/// A message that can read one of its fields.
pub(crate) trait MergeField {
    /// Reads the value of the field with this tag from the buffer.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut Encoded<'_>,
    ) -> std::result::Result<(), DecodeError>;
}

impl<T: prost::Message> MergeField for T {
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut Encoded<'_>,
    ) -> std::result::Result<(), DecodeError> {
        prost::Message::merge_field(self, tag, wire_type, buffer, DecodeContext::default())
    }
}

/// Reads all fields of a message. The loop is compiled once, and the code that reads a field is compiled for each type.
pub(crate) fn merge(message: &mut dyn MergeField, mut encoded: Encoded<'_>) -> Result<()> {
    while encoded.has_remaining() {
        let (tag, wire_type) = decode_key(&mut encoded)?;
        message.merge_field(tag, wire_type, &mut encoded)?;
    }
    Ok(())
}
