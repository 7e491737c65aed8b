//! The cursor over a message's bytes.

use std::mem;
use std::slice;

use bytes::{Buf, Bytes};

use super::error::Cause;
use super::shared::Shared;
use super::{DecodeError, Fields, varint, wire};

/// The largest number of messages and groups inside each other, as in other libraries for protobuf.
pub(super) const DEPTH: u32 = 100;

/// The default limit of a decoded message's memory: 32 MiB.
pub(crate) const MEMORY: usize = 32 << 20;

/// A cursor over the bytes of a message. The bytes may lie in several pieces.
///
/// A reader always stands in one message. Messages inside it are entered and left. A value that lies within one piece is read
/// fast. A value that goes on in the next piece is put together by slower functions.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The unread bytes of the current message in the current piece.
    here: &'a [u8],
    /// The number of bytes of the current message after `here`.
    beyond: usize,
    /// The bytes of the current piece after the message that crossed into it. Empty if that message goes on in the next piece.
    ahead: &'a [u8],
    /// The whole current piece.
    piece: &'a [u8],
    /// What fields share the memory of in the current piece.
    pub(super) shared: Shared<'a>,
    /// The pieces after the current one.
    more: slice::Iter<'a, Bytes>,
    /// The number of bytes before the current piece.
    before: usize,
    /// A part of the current piece that was found to be UTF-8 when a text in it was borrowed.
    pub(super) checked: &'a str,
    /// The key that was read last.
    key: u32,
    /// The key that ends the current group, or 0.
    end: u32,
    /// How many more messages may be entered.
    depth: u32,
    /// How much memory the message may still take, in bytes.
    memory: usize,
    /// The limit of `memory`.
    limit: usize,
}

/// What a reader returns to when it leaves a message.
#[derive(Debug)]
pub(super) struct Outer<'a> {
    /// The bytes after the message in the same piece. `None` if the message crossed into another piece.
    here: Option<&'a [u8]>,
    beyond: usize,
    /// The key of the message's field.
    key: u32,
    /// The key that ends the group around it.
    end: u32,
}

impl<'a> Reader<'a> {
    /// Creates a reader of the message in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            here: bytes,
            beyond: 0,
            ahead: &[],
            piece: bytes,
            shared: Shared::Nothing,
            more: [].iter(),
            before: 0,
            checked: "",
            key: 0,
            end: 0,
            depth: DEPTH,
            memory: MEMORY,
            limit: MEMORY,
        }
    }

    /// Creates a reader of the message in `bytes`, which lie in `buffer`. Fields may share its memory.
    pub fn shared(bytes: &'a [u8], buffer: &'a Bytes) -> Reader<'a> {
        Reader {
            shared: Shared::Undecided(buffer),
            ..Reader::new(bytes)
        }
    }

    /// Appends pieces with `length` further bytes of the message.
    #[cfg(test)]
    pub(crate) fn followed_by(self, more: &'a [Bytes], length: usize) -> Reader<'a> {
        Reader {
            more: more.iter(),
            beyond: length,
            ..self
        }
    }

    /// Sets the limit of the decoded message's memory, in bytes. The default is 32 MiB.
    pub(crate) fn memory(self, limit: usize) -> Reader<'a> {
        Reader {
            memory: limit,
            limit,
            ..self
        }
    }

    /// Reads the key of the next field. Returns 0 at the end of the message.
    ///
    /// # Errors
    /// Fails if the bytes end within the key, or it is not a key.
    #[inline(always)]
    pub fn key(&mut self) -> Result<u32, DecodeError> {
        match self.here {
            [] if self.beyond == 0 => return Ok(0),
            [key @ 1..=0x7f, rest @ ..] => {
                self.here = rest;
                self.key = u32::from(*key);
            }
            [low, high @ 1..=0x7f, rest @ ..] if *low >= 0x80 => {
                self.here = rest;
                self.key = u32::from(*low & 0x7f) | u32::from(*high) << 7;
            }
            _ => return self.rare_key(),
        }
        Ok(self.key)
    }

    /// Reads the key of the next field if it is that of the last one, and has one byte. Returns whether it is.
    #[inline(always)]
    pub(super) fn same_key(&mut self) -> bool {
        match self.here {
            [key @ 0..=0x7f, rest @ ..] if u32::from(*key) == self.key => {
                self.here = rest;
                true
            }
            _ => false,
        }
    }

    #[inline(never)]
    fn rare_key(&mut self) -> Result<u32, DecodeError> {
        if self.is_at_end() {
            return Ok(0);
        }
        self.key = 0;
        let key = self.varint()?;
        match u32::try_from(key) {
            Ok(narrow) if narrow >= 8 => self.key = narrow,
            _ => return Err(self.error(Cause::Key(key))),
        }
        Ok(self.key)
    }

    /// Handles a field that the message's code does not read: skips it if the message has no such field. Returns whether the field
    /// ends the group that is read.
    ///
    /// # Errors
    /// Fails if the message has a field with this number but another wire type, or the field is malformed.
    #[inline(never)]
    pub fn other(&mut self, fields: &'static Fields) -> Result<bool, DecodeError> {
        let ends = self.ends(fields)?;
        if !ends {
            self.skip()?;
        }
        Ok(ends)
    }

    /// Returns whether the key that was read last ends the group that is read. If not, the message has no such field.
    ///
    /// # Errors
    /// Fails if the message has such a field, of another type.
    #[inline]
    pub(super) fn ends(&mut self, fields: &'static Fields) -> Result<bool, DecodeError> {
        let key = self.key;
        if key == self.end {
            self.end = 0;
            return Ok(true);
        }
        if key >> 3 == 0 {
            return Err(self.error(Cause::Key(u64::from(key))));
        }
        if fields.by_number(key >> 3).is_some() && key & 7 != wire::END_GROUP {
            return Err(self.error(Cause::WireType(key & 7)));
        }
        Ok(false)
    }

    /// Skips the field whose key was read last.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        match self.key & 7 {
            wire::VARINT => self.varint().map(drop),
            wire::FIXED64 => self.advance(8),
            wire::FIXED32 => self.advance(4),
            wire::LENGTH => {
                let length = self.length()?;
                self.advance(length)
            }
            wire::START_GROUP => self.skip_group(),
            wire::END_GROUP => Err(self.error(Cause::EndGroup)),
            other => Err(self.error(Cause::UnknownWireType(other))),
        }
    }

    fn skip_group(&mut self) -> Result<(), DecodeError> {
        let start = self.key;
        let end = start - wire::START_GROUP + wire::END_GROUP;
        self.deeper(1)?;
        loop {
            match self.key()? {
                0 => return Err(self.error(Cause::Truncated)),
                key if key == end => break,
                key if key < 8 => return Err(self.error(Cause::Key(u64::from(key)))),
                _ => self.skip()?,
            }
        }
        self.shallower(1);
        self.key = start;
        Ok(())
    }

    /// Reads an integer of variable length.
    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.here {
            [byte @ 0..=0x7f, rest @ ..] => {
                self.here = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        if let Some((value, length)) = varint::read(self.here) {
            self.here.advance(length);
            return Ok(value);
        }
        if self.here.len() >= varint::LONGEST {
            return Err(self.error(Cause::Varint));
        }
        let mut bytes = [0; varint::LONGEST];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let [next] = self.array()?;
            *byte = next;
            if next < 0x80 {
                return match varint::read(bytes.get(..=index).unwrap_or_default()) {
                    Some((value, _)) => Ok(value),
                    None => Err(self.error(Cause::Varint)),
                };
            }
        }
        Err(self.error(Cause::Varint))
    }

    /// Reads the length of a value. The message has at least as many bytes.
    #[inline(always)]
    pub(super) fn length(&mut self) -> Result<usize, DecodeError> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => Ok(length),
            _ => Err(self.error(Cause::Truncated)),
        }
    }

    /// Reads `N` bytes.
    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.here.split_first_chunk() {
            Some((array, rest)) => {
                self.here = rest;
                Ok(*array)
            }
            None => self.split_array(),
        }
    }

    #[inline(never)]
    fn split_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        let mut rest = &mut array[..];
        while !rest.is_empty() {
            if self.is_at_end() {
                return Err(self.error(Cause::Truncated));
            }
            let part = self.part(rest.len());
            let (filled, unfilled) = mem::take(&mut rest).split_at_mut(part.len());
            filled.copy_from_slice(part);
            rest = unfilled;
        }
        Ok(array)
    }

    /// Returns the next `length` bytes if they lie in one piece.
    #[inline(always)]
    pub(super) fn whole(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.here.split_at_checked(length)?;
        self.here = rest;
        Some(bytes)
    }

    /// Returns up to `most` bytes, without crossing into another piece. Returns none at the end of the message.
    pub(super) fn part(&mut self, most: usize) -> &'a [u8] {
        if self.is_at_end() {
            return &[];
        }
        let (part, rest) = self.here.split_at(most.min(self.here.len()));
        self.here = rest;
        part
    }

    /// Returns the current piece, and its bytes that have not been read.
    pub(super) fn piece(&self) -> (&'a [u8], &'a [u8]) {
        let unread = self.piece.get(self.offset()..);
        (self.piece, unread.unwrap_or_default())
    }

    /// Returns the number of bytes of the current piece that have been read.
    fn offset(&self) -> usize {
        let offset = (self.here.as_ptr() as usize).saturating_sub(self.piece.as_ptr() as usize);
        offset.min(self.piece.len())
    }

    /// Returns the number of bytes of the current message that have not been read.
    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.here.len() + self.beyond
    }

    /// Returns a second reader that stands where this one does, and shares no memory.
    pub(super) fn probe(&self) -> Reader<'a> {
        Reader {
            shared: Shared::Nothing,
            more: self.more.clone(),
            ..*self
        }
    }

    fn advance(&mut self, mut count: usize) -> Result<(), DecodeError> {
        while count > 0 {
            let part = self.part(count).len();
            if part == 0 {
                return Err(self.error(Cause::Truncated));
            }
            count -= part;
        }
        Ok(())
    }

    /// Returns whether the current message has no more bytes. If there are more, `here` has the next ones afterwards.
    #[inline]
    pub(super) fn is_at_end(&mut self) -> bool {
        self.here.is_empty() && (self.beyond == 0 || !self.refill())
    }

    /// Moves on to the rest of the current piece, or else to the next piece. Returns whether there are more bytes.
    #[cold]
    fn refill(&mut self) -> bool {
        while self.ahead.is_empty() {
            let Some(next) = self.more.next() else {
                return false;
            };
            self.before += self.piece.len();
            self.ahead = next;
            self.piece = next;
            self.shared = Shared::Undecided(next);
        }
        let (here, ahead) = self.ahead.split_at(self.beyond.min(self.ahead.len()));
        self.here = here;
        self.ahead = ahead;
        self.beyond -= here.len();
        true
    }

    /// Reads the length of the message that follows, and enters it.
    #[inline(always)]
    pub(super) fn enter(&mut self) -> Result<Outer<'a>, DecodeError> {
        let length = self.length()?;
        self.deeper(1)?;
        Ok(self.within(length))
    }

    /// Limits the reader to the next `length` bytes, until [`leave`](Reader::leave). The message must have that many left.
    #[inline(always)]
    pub(super) fn within(&mut self, length: usize) -> Outer<'a> {
        let (key, end) = (self.key, mem::take(&mut self.end));
        let (here, beyond) = match self.here.split_at_checked(length) {
            Some((here, rest)) => {
                self.here = here;
                (Some(rest), mem::take(&mut self.beyond))
            }
            None => {
                let inner = length - self.here.len();
                let outer = self.beyond - inner;
                self.beyond = inner;
                (None, outer)
            }
        };
        Outer {
            here,
            beyond,
            key,
            end,
        }
    }

    /// Leaves a message that was read to its end.
    #[inline(always)]
    pub(super) fn leave(&mut self, outer: Outer<'a>) {
        self.here = outer.here.unwrap_or_default();
        self.beyond = outer.beyond;
        self.key = outer.key;
        self.end = outer.end;
    }

    /// Enters a group, after the key that starts it. Returns that key, and the key that ends the group around it.
    pub(super) fn enter_group(&mut self) -> Result<(u32, u32), DecodeError> {
        let key = self.key;
        let end = key - wire::START_GROUP + wire::END_GROUP;
        self.deeper(1)?;
        Ok((key, mem::replace(&mut self.end, end)))
    }

    /// Leaves a group after the key that ends it. A group without that key is an error.
    pub(super) fn leave_group(&mut self, (key, outer): (u32, u32)) -> Result<(), DecodeError> {
        if self.end != 0 {
            return Err(self.error(Cause::Truncated));
        }
        self.end = outer;
        self.key = key;
        self.shallower(1);
        Ok(())
    }

    /// Counts levels that are entered.
    #[inline(always)]
    pub(super) fn deeper(&mut self, levels: u32) -> Result<(), DecodeError> {
        match self.depth.checked_sub(levels) {
            Some(depth) => {
                self.depth = depth;
                Ok(())
            }
            None => Err(self.error(Cause::Depth)),
        }
    }

    /// Counts levels that are left.
    #[inline(always)]
    pub(super) fn shallower(&mut self, levels: u32) {
        self.depth += levels;
    }

    /// Counts memory that the message is about to take.
    #[inline(always)]
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.memory.checked_sub(bytes) {
            Some(memory) => {
                self.memory = memory;
                Ok(())
            }
            None => Err(self.error(Cause::Memory(self.limit))),
        }
    }

    /// Counts memory that was freed.
    pub(super) fn refund(&mut self, bytes: usize) {
        self.memory = (self.memory + bytes).min(self.limit);
    }

    /// Makes room for another element of a list.
    #[inline(always)]
    pub(super) fn room<T>(&mut self, list: &mut Vec<T>) -> Result<(), DecodeError> {
        if list.len() < list.capacity() {
            return Ok(());
        }
        let elements = match list.capacity() {
            0 => self.run(),
            elements => elements,
        };
        self.more_room(list, elements)
    }

    /// Estimates how many values with the key that was read last follow each other, including the one that is read next. Returns
    /// at least 1. Counts only values that begin with their length, and only in the current piece. For other values it returns 4.
    pub(super) fn run(&self) -> usize {
        match self.key {
            key if key & 7 != wire::LENGTH => 4,
            key @ 0..=0x7f => run(self.here, [key as u8]),
            key @ 0x80..=0x3fff => run(self.here, [key as u8 | 0x80, (key >> 7) as u8]),
            _ => 1,
        }
    }

    /// Makes room for `more` elements of a list. The old block and the new one exist at the same time.
    pub(super) fn more_room<T>(
        &mut self,
        list: &mut Vec<T>,
        more: usize,
    ) -> Result<(), DecodeError> {
        if list.capacity() - list.len() >= more {
            return Ok(());
        }
        // A list that grows at least doubles, or many small additions would move it as many times.
        let more = more.max(list.capacity());
        let old = list.capacity() * size_of::<T>();
        self.charge((list.len() + more).saturating_mul(size_of::<T>()))?;
        if old == 0 {
            *list = Vec::with_capacity(more);
        } else {
            list.reserve_exact(more);
            self.refund(old);
        }
        Ok(())
    }

    /// Returns how many more messages may be entered, and how much memory may be taken.
    pub(super) fn allowance(&self) -> (u32, usize) {
        (self.depth, self.memory)
    }

    /// Sets how many more messages may be entered.
    pub(super) fn set_depth(&mut self, depth: u32) {
        self.depth = depth;
    }

    /// Sets how much memory may be taken.
    pub(super) fn set_memory(&mut self, memory: usize) {
        self.memory = memory;
    }

    #[cold]
    #[inline(never)]
    pub(super) fn error(&self, cause: Cause) -> DecodeError {
        DecodeError::new(cause, self.before + self.offset(), self.key >> 3)
    }

    /// Returns the key that was read last.
    pub fn last_key(&self) -> u32 {
        self.key
    }
}

/// Returns how many values follow each other that begin with their length, after a key that was read. All have the same key.
fn run<const N: usize>(mut rest: &[u8], key: [u8; N]) -> usize {
    let mut count = 0;
    loop {
        let (length, after) = match rest {
            [length @ 0..=0x7f, after @ ..] => (usize::from(*length), after),
            _ => match long_length(rest) {
                Some(split) => split,
                None => break,
            },
        };
        count += 1;
        match after.get(length..).and_then(<[u8]>::split_first_chunk) {
            Some((next, values)) if *next == key => rest = values,
            _ => break,
        }
    }
    count.max(1)
}

/// Splits off a length of more than one byte.
#[inline(never)]
fn long_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, read) = varint::read(bytes)?;
    Some((usize::try_from(length).ok()?, bytes.get(read..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use prost_types::{ListValue, Struct, Value, value::Kind};

    use super::*;

    /// A value with numbers, texts, lists and maps up to a depth.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(Kind::NumberValue),
            any::<bool>().prop_map(Kind::BoolValue),
            "[a-z\u{fc}]{0,200}".prop_map(Kind::StringValue),
        ];
        let kind = leaf.prop_recursive(4, 40, 5, |inner| {
            let value = || inner.clone().prop_map(|kind| Value { kind: Some(kind) });
            prop_oneof![
                prop::collection::vec(value(), 0..5)
                    .prop_map(|values| Kind::ListValue(ListValue { values })),
                prop::collection::btree_map("[a-z]{0,9}", value(), 0..5)
                    .prop_map(|fields| Kind::StructValue(Struct { fields })),
            ]
        });
        kind.prop_map(|kind| Value { kind: Some(kind) })
    }

    fn read(pieces: &[Bytes]) -> Result<Value, DecodeError> {
        let mut decoded = Value::default();
        let (first, more) = pieces.split_first().unwrap();
        let beyond = more.iter().map(Bytes::len).sum();
        let reader = Reader::shared(first, first).followed_by(more, beyond);
        reader.read(&mut decoded)?;
        Ok(decoded)
    }

    proptest! {
        #[test]
        fn a_message_is_the_same_however_it_is_cut(
            value in value(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            damage: Option<(prop::sample::Index, u8)>,
        ) {
            let mut bytes = value.encode_to_vec();
            if let Some((place, byte)) = damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let whole = Bytes::from(bytes);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let pieces: Vec<Bytes> = cuts
                .windows(2)
                .map(|ends| whole.slice(ends[0]..ends[1]))
                .collect();
            let (cut, uncut) = (read(&pieces), read(std::slice::from_ref(&whole)));
            match (cut, uncut) {
                (Ok(cut), Ok(uncut)) => prop_assert_eq!(format!("{cut:?}"), format!("{uncut:?}")),
                (Err(cut), Err(uncut)) => prop_assert_eq!(cut.to_string(), uncut.to_string()),
                (cut, uncut) => prop_assert!(false, "{cut:?} and {uncut:?}"),
            }
        }
    }
}
