//! Writing of JSON: the bytes of a message become a text, by the message's table.

mod well_known;

use std::ops::Range;

use super::JsonError;
use super::depth::Depth;
use super::entries::{Entry, entries};
use super::fields::{Found, find, is_empty_list};
use super::known_types::KnownTypes;
use super::options::Options;
use super::seen::Seen;
use super::text::Text;
use super::times;
use crate::message::{Form, Label, RawField, RawFields, RawValue, Table, TableField, Type};

type Result<T = ()> = std::result::Result<T, JsonError>;

/// Converts the bytes of a message to a text.
pub(super) fn write(bytes: &[u8], table: &'static Table, options: &Options) -> Result<String> {
    let mut writer = Writer {
        text: Text::new(options.pretty, bytes.len()),
        types: KnownTypes::new(table, &options.types),
        options,
        is_ordered: !options.always_print_fields_with_no_presence,
        depth: Depth::new(),
    };
    writer.message(table, bytes, &mut Vec::new())?;
    let text = writer.text.finish();
    text.map_err(|_| JsonError::new("a text in the message is not UTF-8"))
}

struct Writer<'f> {
    text: Text,
    types: KnownTypes<'f>,
    options: &'f Options,
    /// Whether the messages so far had their fields in order, and absent fields are not written. Such messages are written as they are
    /// read. Messages of other processes may have fields in any order.
    is_ordered: bool,
    depth: Depth,
}

/// The fields that were found in the messages that are being written, from the outermost.
type Stack<'a> = Vec<Found<'a>>;

impl Writer<'_> {
    /// Writes a message.
    fn message<'a>(
        &mut self,
        table: &'static Table,
        bytes: &'a [u8],
        stack: &mut Stack<'a>,
    ) -> Result {
        if table.form == Form::Message {
            self.text.open(b'{');
            self.fields(table, bytes, stack)?;
            self.text.close(b'}');
            return Ok(());
        }
        let start = stack.len();
        find(table, bytes, stack)?;
        let found = start..stack.len();
        match table.form {
            Form::Any => self.any(found, stack)?,
            Form::Timestamp => self.time("time", times::timestamp, found, stack)?,
            Form::Duration => self.time("duration", times::duration, found, stack)?,
            Form::FieldMask => self.field_mask(found, stack)?,
            Form::Value => self.value_of_any_type(table, found, stack)?,
            Form::Message | Form::Wrapper | Form::Struct | Form::ListValue => {
                if let Some(field) = table.fields.first() {
                    self.field(field, found, stack)?;
                }
            }
        }
        stack.truncate(start);
        Ok(())
    }

    /// Writes the fields of a message as members of an object.
    fn fields<'a>(
        &mut self,
        table: &'static Table,
        bytes: &'a [u8],
        stack: &mut Stack<'a>,
    ) -> Result {
        let length = self.text.length();
        if self.is_ordered && self.fields_in_order(table, bytes, stack)? {
            return Ok(());
        }
        // From here on all fields are found first, so that nothing is written more than twice.
        self.is_ordered = false;
        self.text.back_to(length);
        let start = stack.len();
        find(table, bytes, stack)?;
        self.found_fields(table, start..stack.len(), stack)?;
        stack.truncate(start);
        Ok(())
    }

    /// Writes fields as they are read. Returns `false` if they are not in the order of the table, or not each once.
    fn fields_in_order<'a>(
        &mut self,
        table: &'static Table,
        bytes: &'a [u8],
        stack: &mut Stack<'a>,
    ) -> Result<bool> {
        let mut fields = RawFields::new(bytes);
        let mut oneofs = Seen::default();
        let mut next = 0;
        let mut read = fields.next()?;
        while let Some(RawField { number, value }) = read {
            let Some((index, field)) = table.by_number(number, next) else {
                read = fields.next()?;
                continue;
            };
            if index < next || !is_plausible(field, value) {
                return Ok(false);
            }
            next = index + 1;
            match field.label {
                Label::Plain if value.is_default() => {
                    read = fields.next()?;
                    continue;
                }
                Label::Member(oneof) if oneofs.add(oneof) => return Ok(false),
                _ => {}
            }
            self.name(field);
            let written = if field.label.is_single() {
                read = fields.next()?;
                self.value(field.kind, Some(value), stack)
            } else {
                let start = stack.len();
                stack.push(Found { index, value });
                loop {
                    read = fields.next()?;
                    match read {
                        Some(more) if more.number == number && is_plausible(field, more.value) => {
                            stack.push(Found {
                                index,
                                value: more.value,
                            });
                        }
                        _ => break,
                    }
                }
                let written = self.field(field, start..stack.len(), stack);
                stack.truncate(start);
                written
            };
            written.map_err(|error| error.inside(table, field))?;
        }
        Ok(true)
    }

    fn name(&mut self, field: &TableField) {
        self.text.name(if self.options.preserving_proto_field_name {
            field.name
        } else {
            field.json_name
        });
    }

    /// Writes the fields that were found in a message.
    fn found_fields<'a>(
        &mut self,
        table: &'static Table,
        found: Range<usize>,
        stack: &mut Stack<'a>,
    ) -> Result {
        let all = self.options.always_print_fields_with_no_presence;
        let mut next = found.start;
        for (index, field) in table.fields.iter().enumerate() {
            let start = next;
            while next < found.end && stack.get(next).is_some_and(|found| found.index == index) {
                next += 1;
            }
            let is_written = match field.label {
                Label::Optional | Label::Member(_) => start < next,
                Label::List | Label::Unpacked | Label::Map(_) => all || start < next,
                Label::Plain => {
                    let value = last(start..next, stack);
                    all || value.is_some_and(|value| !value.is_default())
                }
            };
            if is_written {
                self.name(field);
                let written = self.field(field, start..next, stack);
                written.map_err(|error| error.inside(table, field))?;
            } else if next == found.end && !all {
                break;
            }
        }
        Ok(())
    }

    /// Writes the value of a field, or its default if it was not found.
    fn field<'a>(
        &mut self,
        field: &TableField,
        found: Range<usize>,
        stack: &mut Stack<'a>,
    ) -> Result {
        match field.label {
            Label::List | Label::Unpacked => self.list(field, found, stack),
            Label::Map(keys) => self.map(keys, field.kind, found, stack),
            _ => match (field.kind, found.len()) {
                // Parts of a message may come one after another.
                (Type::Message(table) | Type::Group(table), 2..) => {
                    let parts = stack.get(found).unwrap_or_default();
                    let parts: Vec<&[u8]> = parts.iter().map(|part| part.value.bytes()).collect();
                    self.nested(table(), &parts.concat(), &mut Vec::new())
                }
                _ => self.value(field.kind, last(found, stack), stack),
            },
        }
    }

    fn list<'a>(
        &mut self,
        field: &TableField,
        found: Range<usize>,
        stack: &mut Stack<'a>,
    ) -> Result {
        self.text.open(b'[');
        for place in found {
            let Some(Found { value, .. }) = stack.get(place).copied() else {
                break;
            };
            match value {
                RawValue::Bytes(packed) if field.kind.is_packable() => {
                    let mut packed = RawFields::new(packed);
                    while let Some(value) = packed.next_element(field.kind.wire_type())? {
                        self.text.next();
                        self.value(field.kind, Some(value), stack)?;
                    }
                }
                _ => {
                    self.text.next();
                    self.value(field.kind, Some(value), stack)?;
                }
            }
        }
        self.text.close(b']');
        Ok(())
    }

    fn map<'a>(
        &mut self,
        keys: Type,
        values: Type,
        found: Range<usize>,
        stack: &mut Stack<'a>,
    ) -> Result {
        self.text.open(b'{');
        for Entry { key, value } in entries(stack.get(found).unwrap_or_default())? {
            self.text.next();
            match keys {
                Type::String => self.value(keys, key, stack)?,
                Type::Bool => self.text.quoted(if truth(key) { "true" } else { "false" }),
                Type::Int64 | Type::Sint64 | Type::Sfixed64 | Type::Uint64 | Type::Fixed64 => {
                    self.value(keys, key, stack)?;
                }
                _ => {
                    // The numbers of 32 bits have no quotes as values.
                    self.text.bare("\"");
                    self.value(keys, key, stack)?;
                    self.text.bare("\"");
                }
            }
            self.text.colon();
            self.depth.enter()?;
            self.value(values, value, stack)?;
            self.depth.leave();
        }
        self.text.close(b'}');
        Ok(())
    }

    /// Writes a value of a field, or the default of its type.
    fn value<'a>(
        &mut self,
        kind: Type,
        value: Option<RawValue<'a>>,
        stack: &mut Stack<'a>,
    ) -> Result {
        match (kind, value.unwrap_or_else(|| RawValue::default_of(kind))) {
            (Type::Message(table), RawValue::Bytes(bytes))
            | (Type::Group(table), RawValue::Group(bytes)) => {
                return self.nested(table(), bytes, stack);
            }
            (Type::String, RawValue::Bytes(bytes)) => self.text.string(bytes),
            (Type::Bytes, RawValue::Bytes(bytes)) => self.text.base64(bytes),
            (Type::Bool, RawValue::Varint(bits)) => {
                self.text.bare(if bits != 0 { "true" } else { "false" });
            }
            (Type::Enum(table), RawValue::Varint(bits)) => {
                let number = bits as i32;
                match table().name_of(number) {
                    Some(name) if !self.options.use_integers_for_enums => self.text.quoted(name),
                    _ => self.text.signed(number.into()),
                }
            }
            (Type::Null, RawValue::Varint(_)) => self.text.bare("null"),
            (Type::Int32, RawValue::Varint(bits)) => self.text.signed((bits as i32).into()),
            (Type::Uint32, RawValue::Varint(bits)) => self.text.unsigned((bits as u32).into()),
            (Type::Sint32, RawValue::Varint(bits)) => {
                let bits = bits as u32;
                self.text
                    .signed(((bits >> 1) as i32 ^ -((bits & 1) as i32)).into());
            }
            (Type::Int64, RawValue::Varint(bits)) => self.text.quoted_signed(bits as i64),
            (Type::Uint64, RawValue::Varint(bits)) => self.text.quoted_unsigned(bits),
            (Type::Sint64, RawValue::Varint(bits)) => {
                self.text
                    .quoted_signed((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
            (Type::Fixed32, RawValue::Fixed32(bits)) => self.text.unsigned(bits.into()),
            (Type::Sfixed32, RawValue::Fixed32(bits)) => self.text.signed((bits as i32).into()),
            (Type::Fixed64, RawValue::Fixed64(bits)) => self.text.quoted_unsigned(bits),
            (Type::Sfixed64, RawValue::Fixed64(bits)) => self.text.quoted_signed(bits as i64),
            (Type::Float, RawValue::Fixed32(bits)) => self.text.float(f32::from_bits(bits)),
            (Type::Double, RawValue::Fixed64(bits)) => self.text.double(f64::from_bits(bits)),
            _ => return Err(JsonError::new("the encoded value has another type")),
        }
        Ok(())
    }

    /// Writes a message within another one.
    fn nested<'a>(
        &mut self,
        table: &'static Table,
        bytes: &'a [u8],
        stack: &mut Stack<'a>,
    ) -> Result {
        self.depth.enter()?;
        self.message(table, bytes, stack)?;
        self.depth.leave();
        Ok(())
    }
}

/// Returns whether a field was perhaps encoded as this one, and is not a packed list without numbers.
#[inline]
fn is_plausible(field: &TableField, value: RawValue<'_>) -> bool {
    field.has_wire_type(value.wire_type()) && !is_empty_list(field, value)
}

/// Returns the last value that was found.
fn last<'a>(found: Range<usize>, stack: &Stack<'a>) -> Option<RawValue<'a>> {
    let found = stack.get(found)?.last()?;
    Some(found.value)
}

fn integer(value: Option<RawValue<'_>>) -> u64 {
    match value {
        Some(RawValue::Varint(bits)) => bits,
        _ => 0,
    }
}

fn truth(key: Option<RawValue<'_>>) -> bool {
    integer(key) != 0
}
