//! The bridge to prost: its messages as fields of ours, and ours as messages of prost.

use std::cell::Cell;
use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{WireType, decode_varint, encode_varint};

use super::bytes_field::drain;
use super::error::Cause;
use super::kind::{Kind, Nested};
use super::reader::DEPTH;
use super::{DecodeError, Message, Reader, Sink, wire};

/// How many bytes of memory a message of prost is assumed to take for each encoded byte.
const MEMORY_PER_BYTE: usize = 16;

/// How many levels a message of prost counts as. prost starts its own count at each of its messages, so this limits how deep the
/// stack grows if its messages and ours contain each other.
const LEVELS: u32 = DEPTH / 4;

thread_local! {
    /// How many more messages may be entered and how much memory may be taken, while prost reads a message within one of ours.
    static ALLOWANCE: Cell<Option<(u32, usize)>> = const { Cell::new(None) };
}

/// A message of prost that Stubwright did not generate.
#[derive(Clone, Copy, Debug)]
pub struct Foreign;

impl<M: prost::Message> Kind<'_, M> for Foreign {
    const WIRE: u32 = wire::LENGTH;

    fn read(from: &mut Reader<'_>, into: &mut M) -> Result<(), DecodeError> {
        let length = from.length()?;
        from.charge(length.saturating_mul(MEMORY_PER_BYTE))?;
        from.deeper(LEVELS)?;
        let bytes = from.buffer_of(length)?;
        let outer = ALLOWANCE.replace(Some(from.allowance()));
        let merged = into.merge(bytes);
        if let Some((_, memory)) = ALLOWANCE.replace(outer) {
            from.set_memory(memory);
        }
        from.shallower(LEVELS);
        merged.map_err(|error| from.error(Cause::Foreign(error)))
    }

    fn write(key: u32, value: &M, to: &mut impl Sink) {
        to.foreign(key, value);
    }

    fn is_default(_value: &M) -> bool {
        false
    }
}

/// Finds the kind of a message that another crate defines: [`Nested`] if Stubwright generated it, otherwise `Foreign`.
///
/// The compiler decides: `(&Extern::<M>::new()).kind()` calls [`IsNested::kind`] if `M` is a [`Message`], and otherwise, with one
/// more reference, [`IsForeign::kind`].
#[derive(Debug)]
pub struct Extern<M>(PhantomData<M>);

impl<M> Extern<M> {
    /// Creates the value whose method returns the kind.
    #[expect(clippy::new_without_default, reason = "generated code needs only this")]
    pub fn new() -> Extern<M> {
        Extern(PhantomData)
    }
}

/// Implemented for messages that Stubwright generated.
pub trait IsNested {
    /// Returns the kind.
    fn kind(&self) -> Nested {
        Nested
    }
}

impl<M: Message> IsNested for Extern<M> {}

/// Implemented for all messages of prost.
pub trait IsForeign {
    /// Returns the kind.
    fn kind(&self) -> Foreign {
        Foreign
    }
}

impl<M: prost::Message> IsForeign for &Extern<M> {}

/// Reads a field for `prost::Message::merge_field`, which passes its key.
///
/// # Errors
/// Fails if the field is malformed.
pub fn decode_field<M: Message>(
    message: &mut M,
    number: u32,
    wire_type: WireType,
    buffer: &mut impl Buf,
) -> Result<(), prost::DecodeError> {
    let mut field = Vec::new();
    capture(number, wire_type, buffer, &mut field)?;
    decode_shared(message, Bytes::from(field))
}

/// Reads a whole message for `prost::Message::merge`.
///
/// # Errors
/// Fails if the bytes are not a message of this type.
pub fn decode_shared<M: Message>(
    message: &mut M,
    mut buffer: impl Buf,
) -> Result<(), prost::DecodeError> {
    let bytes = drain(&mut buffer);
    let mut reader = Reader::shared(&bytes, &bytes);
    let allowance = ALLOWANCE.get();
    if let Some((depth, memory)) = allowance {
        reader.set_depth(depth);
        reader.set_memory(memory);
    }
    let merged = message.merge(&mut reader);
    if let Some((depth, _)) = allowance {
        let (_, memory) = reader.allowance();
        ALLOWANCE.set(Some((depth, memory)));
    }
    merged.map_err(|error| error.inside(M::FIELDS).into())
}

/// Copies a field of any type from one buffer to another, with its key.
fn capture(
    number: u32,
    wire_type: WireType,
    from: &mut impl Buf,
    to: &mut Vec<u8>,
) -> Result<(), prost::DecodeError> {
    let (mut number, mut wire_type) = (number, wire_type);
    // The numbers of the groups that are open.
    let mut groups = Vec::new();
    loop {
        encode_varint(u64::from(number << 3) | wire_type as u64, to);
        match wire_type {
            WireType::Varint => encode_varint(decode_varint(from)?, to),
            WireType::ThirtyTwoBit => copy(4, from, to)?,
            WireType::SixtyFourBit => copy(8, from, to)?,
            WireType::LengthDelimited => {
                let length = decode_varint(from)?;
                encode_varint(length, to);
                copy(length, from, to)?;
            }
            WireType::StartGroup if groups.len() < DEPTH as usize => groups.push(number),
            WireType::StartGroup => return Err(malformed("groups are nested too deep")),
            WireType::EndGroup if groups.pop() == Some(number) => {}
            WireType::EndGroup => return Err(malformed("a group ends that has not begun")),
        }
        if groups.is_empty() {
            return Ok(());
        }
        (number, wire_type) = prost::encoding::decode_key(from)?;
    }
}

fn copy(length: u64, from: &mut impl Buf, to: &mut Vec<u8>) -> Result<(), prost::DecodeError> {
    match usize::try_from(length) {
        Ok(length) if length <= from.remaining() => {
            to.put(from.take(length));
            Ok(())
        }
        _ => Err(malformed("the message ends within a field")),
    }
}

#[allow(deprecated)]
fn malformed(text: &'static str) -> prost::DecodeError {
    prost::DecodeError::new(text)
}
