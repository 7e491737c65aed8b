//! Reading of JSON: a text becomes the bytes of a message, by the message's table.

mod well_known;

use std::borrow::Cow;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

use super::JsonError;
use super::decimal::Decimal;
use super::depth::Depth;
use super::known_types::KnownTypes;
use super::lexer::Lexer;
use super::options::Options;
use super::seen::Seen;
use super::times;
use super::unique_keys::{UniqueKeys, repeated};
use super::wire::Wire;
use crate::message::{Form, Label, Table, TableField, Type, wire};

type Result<T = ()> = std::result::Result<T, JsonError>;

const BASE64: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, BASE64);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, BASE64);

/// Converts a text to the bytes of a message.
pub(super) fn parse(text: &str, table: &'static Table, options: &Options) -> Result<Vec<u8>> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        wire: Wire::default(),
        ignores_unknown: options.ignore_unknown_fields,
        types: KnownTypes::new(table, &options.types),
        depth: Depth::new(),
    };
    parser.wire.bytes.reserve(text.len());
    parser.message(table)?;
    parser.lexer.end()?;
    Ok(parser.wire.bytes)
}

struct Parser<'t, 'f> {
    lexer: Lexer<'t>,
    wire: Wire,
    ignores_unknown: bool,
    types: KnownTypes<'f>,
    depth: Depth,
}

impl<'t> Parser<'t, '_> {
    /// Reads a message. Its bytes are written without a length.
    fn message(&mut self, table: &'static Table) -> Result {
        let first = table.fields.first();
        match (table.form, first) {
            (Form::Message, _) => self.object(table, false),
            (Form::Any, _) => self.any(),
            (Form::Timestamp, _) => self.time("a time", times::parse_timestamp),
            (Form::Duration, _) => self.time("a duration", times::parse_duration),
            (Form::FieldMask, _) => self.field_mask(),
            (Form::Value, _) => self.value_of_any_type(table),
            (Form::Wrapper | Form::Struct | Form::ListValue, Some(field)) => {
                self.field(field).map(drop)
            }
            (Form::Wrapper | Form::Struct | Form::ListValue, None) => self.lexer.skip(),
        }
    }

    /// Reads an object with a member for each field. In an `Any`, it names its type too.
    fn object(&mut self, table: &'static Table, is_in_any: bool) -> Result {
        self.lexer.expect(b'{', "an object")?;
        let mut is_first = true;
        let (mut fields, mut oneofs) = (Seen::default(), Seen::default());
        let mut others = UniqueKeys::default();
        let mut near = 0;
        while let Some(key) = self.lexer.key(&mut is_first)? {
            if let Some((index, field)) = table.by_name(&key, near) {
                near = index + 1;
                if fields.add(index as u32) {
                    return Err(repeated(&key, &self.lexer));
                }
                let is_set = self
                    .member(field)
                    .map_err(|error| error.inside(table, field))?;
                if let Label::Member(oneof) = field.label {
                    if is_set && oneofs.add(oneof) {
                        let problem = "another field of the same oneof is set";
                        return Err(self.lexer.error(problem).inside(table, field));
                    }
                }
            } else {
                others.add(key.clone(), &self.lexer)?;
                if !(is_in_any && key == well_known::TYPE_URL) {
                    self.unknown(&key, table)?;
                }
                self.lexer.skip()?;
            }
        }
        Ok(())
    }

    fn unknown(&self, key: &str, table: &'static Table) -> Result {
        if self.ignores_unknown {
            return Ok(());
        }
        Err(self
            .lexer
            .error(format_args!("`{}` has no field `{key}`", table.name)))
    }

    /// Reads the value of a field that may be null. Returns whether the field is set.
    fn member(&mut self, field: &TableField) -> Result<bool> {
        let is_null = self.lexer.peek() == Some(b'n');
        if is_null && !(field.label.is_single() && takes_null(field.kind)) {
            return match self.lexer.word("null") {
                true => Ok(false),
                false => Err(self.lexer.unexpected("a value")),
            };
        }
        self.field(field)
    }

    /// Reads the value of a field. Returns whether the field is set.
    fn field(&mut self, field: &TableField) -> Result<bool> {
        match field.label {
            Label::Plain => {
                let start = self.wire.bytes.len();
                self.wire.key(field.number, field.kind.wire_type());
                let value = self.wire.bytes.len();
                let is_set = self.value(field.number, field.kind)?;
                let written = self.wire.bytes.get(value..).unwrap_or_default();
                // A default value is left out.
                if !is_set || written.iter().all(|byte| *byte == 0) {
                    self.wire.back_to(start);
                }
                Ok(is_set)
            }
            Label::Optional | Label::Member(_) => self.keyed(field.number, field.kind),
            Label::List if field.kind.is_packable() => self.numbers(field),
            Label::List | Label::Unpacked => {
                self.lexer.expect(b'[', "a list")?;
                let mut is_first = true;
                while self.lexer.next(b']', &mut is_first)? {
                    self.keyed(field.number, field.kind)?;
                }
                Ok(true)
            }
            Label::Map(keys) => self.map(field, keys),
        }
    }

    /// Reads a list of numbers, which is written as one field.
    fn numbers(&mut self, field: &TableField) -> Result<bool> {
        self.lexer.expect(b'[', "a list")?;
        let start = self.wire.bytes.len();
        self.wire.key(field.number, wire::LENGTH);
        let length = self.wire.open();
        let (empty, mut is_first) = (self.wire.bytes.len(), true);
        while self.lexer.next(b']', &mut is_first)? {
            self.value(field.number, field.kind)?;
        }
        if self.wire.bytes.len() == empty {
            self.wire.back_to(start);
        } else {
            self.wire.close(length);
        }
        Ok(true)
    }

    fn map(&mut self, field: &TableField, keys: Type) -> Result<bool> {
        self.lexer.expect(b'{', "an object")?;
        let mut is_first = true;
        let mut seen = UniqueKeys::default();
        while let Some(key) = self.lexer.key(&mut is_first)? {
            let start = self.wire.bytes.len();
            self.wire.key(field.number, wire::LENGTH);
            let length = self.wire.open();
            self.enter()?;
            self.wire.key(1, keys.wire_type());
            self.map_key(keys, &key)?;
            seen.add(key, &self.lexer)?;
            let is_set = self.keyed(2, field.kind)?;
            self.depth.leave();
            if is_set {
                self.wire.close(length);
            } else {
                self.wire.back_to(start);
            }
        }
        Ok(true)
    }

    fn map_key(&mut self, kind: Type, key: &str) -> Result {
        match kind {
            Type::String => self.wire.text(key),
            Type::Bool => match key {
                "true" => self.wire.varint(1),
                "false" => self.wire.varint(0),
                _ => return Err(self.lexer.error("a Boolean is expected as the key")),
            },
            _ => match Decimal::parse(key) {
                Some(number) => self.integer(kind, number)?,
                None => return Err(self.lexer.error("an integer is expected as the key")),
            },
        }
        Ok(())
    }

    /// Reads a value, and writes it with its key. Returns whether there is one.
    fn keyed(&mut self, number: u32, kind: Type) -> Result<bool> {
        let start = self.wire.bytes.len();
        self.wire.key(number, kind.wire_type());
        let is_set = self.value(number, kind)?;
        if !is_set {
            self.wire.back_to(start);
        }
        Ok(is_set)
    }

    /// Reads a value, and writes it without its key. Returns `false` for an unknown value of an enum that is ignored.
    fn value(&mut self, number: u32, kind: Type) -> Result<bool> {
        match kind {
            Type::Message(table) => {
                let length = self.wire.open();
                self.enter()?;
                self.message(table())?;
                self.depth.leave();
                self.wire.close(length);
            }
            Type::Group(table) => {
                self.enter()?;
                self.message(table())?;
                self.depth.leave();
                self.wire.key(number, wire::END_GROUP);
            }
            Type::String => self.string()?,
            Type::Bytes => self.bytes()?,
            Type::Bool => {
                let value = self.lexer.boolean()?;
                self.wire.varint(u64::from(value));
            }
            Type::Double | Type::Float => self.float(kind)?,
            Type::Enum(table) => return self.enumeration(|name| table().number_of(name)),
            Type::Null => {
                if !self.lexer.word("null") {
                    return self.enumeration(|name| (name == "NULL_VALUE").then_some(0));
                }
                self.wire.varint(0);
            }
            _ => {
                let number = if self.lexer.peek() == Some(b'"') {
                    let text = self.lexer.string("an integer")?;
                    match Decimal::parse(&text) {
                        Some(number) => return self.integer(kind, number).map(|()| true),
                        None => return Err(self.not_a(text, "an integer")),
                    }
                } else {
                    self.lexer.number("an integer")?
                };
                self.integer(kind, number)?;
            }
        }
        Ok(true)
    }

    fn integer(&mut self, kind: Type, number: Decimal<'_>) -> Result {
        let integer = number.integer();
        // Each type is checked by its own range, and written in its own way.
        let written = integer.and_then(|integer| {
            match kind {
                Type::Int32 => self
                    .wire
                    .varint(i64::from(i32::try_from(integer).ok()?) as u64),
                Type::Int64 => self.wire.varint(i64::try_from(integer).ok()? as u64),
                Type::Uint32 => self.wire.varint(u64::from(u32::try_from(integer).ok()?)),
                Type::Uint64 => self.wire.varint(u64::try_from(integer).ok()?),
                Type::Sint32 => {
                    let integer = i32::try_from(integer).ok()?;
                    self.wire
                        .varint(u64::from((integer << 1 ^ integer >> 31) as u32));
                }
                Type::Sint64 => {
                    let integer = i64::try_from(integer).ok()?;
                    self.wire.varint((integer << 1 ^ integer >> 63) as u64);
                }
                Type::Fixed32 => self.fixed(u32::try_from(integer).ok()?.to_le_bytes()),
                Type::Fixed64 => self.fixed(u64::try_from(integer).ok()?.to_le_bytes()),
                Type::Sfixed32 => self.fixed(i32::try_from(integer).ok()?.to_le_bytes()),
                Type::Sfixed64 => self.fixed(i64::try_from(integer).ok()?.to_le_bytes()),
                _ => return None,
            }
            Some(())
        });
        written.ok_or_else(|| {
            let text = number.text();
            self.lexer.error(format_args!(
                "{text} is not an integer of this field's type"
            ))
        })
    }

    fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        self.wire.bytes.extend_from_slice(&bytes);
    }

    fn float(&mut self, kind: Type) -> Result {
        if self.lexer.peek() != Some(b'"') {
            let number = self.lexer.number("a number")?;
            return self.finite(kind, number);
        }
        let text = self.lexer.string("a number")?;
        if let Some(number) = Decimal::parse(&text) {
            return self.finite(kind, number);
        }
        // Rust parses the names in any case.
        let named = text.parse().ok().filter(|number: &f64| !number.is_finite());
        match (named, kind) {
            (Some(number), Type::Float) => self.fixed((number as f32).to_le_bytes()),
            (Some(number), _) => self.fixed(number.to_le_bytes()),
            (None, _) => return Err(self.not_a(text, "a number")),
        }
        Ok(())
    }

    fn finite(&mut self, kind: Type, number: Decimal<'_>) -> Result {
        let written = match kind {
            Type::Float => number
                .float()
                .map(|number| self.fixed(number.to_le_bytes())),
            _ => number
                .double()
                .map(|number| self.fixed(number.to_le_bytes())),
        };
        written.ok_or_else(|| {
            self.lexer
                .error(format_args!("{} is out of range", number.text()))
        })
    }

    fn string(&mut self) -> Result {
        let text = self.lexer.string("a string")?;
        self.wire.text(&text);
        Ok(())
    }

    fn bytes(&mut self) -> Result {
        let text = self.lexer.string("a string of base64")?;
        let engine = if text.contains(['-', '_']) {
            URL_SAFE
        } else {
            STANDARD
        };
        let length = self.wire.open();
        engine
            .decode_vec(&*text, &mut self.wire.bytes)
            .map_err(|error| {
                self.lexer
                    .error(format_args!("this is not base64: {error}"))
            })?;
        self.wire.close(length);
        Ok(())
    }

    /// Reads a value of an enum. Returns `false` for an unknown name that is ignored.
    fn enumeration(&mut self, number_of: impl FnOnce(&str) -> Option<i32>) -> Result<bool> {
        let number = if self.lexer.peek() == Some(b'"') {
            let name = self.lexer.string("a value of an enum")?;
            match number_of(&name) {
                Some(number) => number,
                None if self.ignores_unknown => return Ok(false),
                None => return Err(self.not_a(name, "a value of the enum")),
            }
        } else {
            let number = self.lexer.number("a value of an enum")?;
            let integer = number
                .integer()
                .and_then(|integer| i32::try_from(integer).ok());
            integer.ok_or_else(|| {
                let text = number.text();
                self.lexer
                    .error(format_args!("{text} is not the number of an enum's value"))
            })?
        };
        self.wire.varint(i64::from(number) as u64);
        Ok(true)
    }

    fn enter(&mut self) -> Result {
        let entered = self.depth.enter();
        entered.map_err(|error| self.lexer.error(error))
    }

    #[cold]
    fn not_a(&self, text: Cow<'_, str>, expected: &str) -> JsonError {
        self.lexer.error(format_args!("{text:?} is not {expected}"))
    }
}

/// Returns whether null is a value of the type.
fn takes_null(kind: Type) -> bool {
    match kind {
        Type::Null => true,
        Type::Message(table) => table().form == Form::Value,
        _ => false,
    }
}
