//! Reading of well-known types that have a JSON form of their own.

use std::borrow::Cow;

use super::{Parser, Result};
use crate::base::json::field_paths;
use crate::base::json::unique_keys::UniqueKeys;
use crate::message::{Form, Table, wire};

/// The member of an `Any` that names its type.
pub(super) const TYPE_URL: &str = "@type";

impl<'t> Parser<'t, '_> {
    /// Reads a time or a duration.
    pub(super) fn time(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<(i64, i32)>,
    ) -> Result {
        let text = self.lexer.string(name)?;
        let Some((seconds, nanos)) = parse(&text) else {
            return Err(self.not_a(text, name));
        };
        for (number, value) in [(1, seconds), (2, i64::from(nanos))] {
            if value != 0 {
                self.wire.key(number, wire::VARINT);
                self.wire.varint(value as u64);
            }
        }
        Ok(())
    }

    pub(super) fn field_mask(&mut self) -> Result {
        let text = self.lexer.string("the paths of fields")?;
        for path in text.split(',').filter(|path| !path.is_empty()) {
            let Some(path) = field_paths::to_snake(path) else {
                return Err(self.not_a(path.into(), "a path in lowerCamelCase"));
            };
            self.wire.key(1, wire::LENGTH);
            self.wire.text(&path);
        }
        Ok(())
    }

    /// Reads a `google.protobuf.Value`.
    pub(super) fn value_of_any_type(&mut self, table: &'static Table) -> Result {
        let number = match self.lexer.peek() {
            Some(b'n') => 1,
            Some(b'"') => 3,
            Some(b't' | b'f') => 4,
            Some(b'{') => 5,
            Some(b'[') => 6,
            Some(b'-' | b'0'..=b'9') => 2,
            _ => return Err(self.lexer.unexpected("a value")),
        };
        match table.by_number(number, 0) {
            Some((_, field)) => self.field(field).map(drop),
            None => self.lexer.skip(),
        }
    }

    /// Reads a `google.protobuf.Any`.
    pub(super) fn any(&mut self) -> Result {
        let Some(url) = self.type_url()? else {
            return Ok(());
        };
        let table = match self.types.find(&url) {
            Ok(table) => table,
            Err(error) => return Err(self.lexer.error(error)),
        };
        self.wire.key(1, wire::LENGTH);
        self.wire.text(&url);
        self.wire.packed += 1;
        self.wire.key(2, wire::LENGTH);
        let (length, start) = (self.wire.open(), self.wire.bytes.len());
        self.enter()?;
        match table.form {
            Form::Message => self.object(table, true)?,
            _ => self.payload(table)?,
        }
        self.depth.leave();
        let is_empty = self.wire.bytes.len() == start;
        self.wire.close(length);
        if is_empty {
            // An empty value is left out, with its key and its length.
            self.wire.back_to(self.wire.bytes.len() - 2);
        }
        self.wire.packed -= 1;
        Ok(())
    }

    /// Finds the type in an `Any`, whose members may come in any order. Returns `None` if the object is empty, which is then read.
    fn type_url(&mut self) -> Result<Option<Cow<'t, str>>> {
        let mut ahead = self.lexer.clone();
        ahead.expect(b'{', "an object")?;
        let mut is_first = true;
        while let Some(key) = ahead.key(&mut is_first)? {
            if key == TYPE_URL {
                return ahead.string("the URL of a type").map(Some);
            }
            ahead.skip()?;
        }
        if !is_first {
            return Err(self.lexer.error("an `Any` needs a member `@type`"));
        }
        self.lexer = ahead;
        Ok(None)
    }

    /// Reads an `Any` whose message has a form of its own: the member `value`.
    fn payload(&mut self, table: &'static Table) -> Result {
        self.lexer.expect(b'{', "an object")?;
        let mut is_first = true;
        let mut keys = UniqueKeys::default();
        let mut has_value = false;
        while let Some(key) = self.lexer.key(&mut is_first)? {
            keys.add(key.clone(), &self.lexer)?;
            match &*key {
                TYPE_URL => self.lexer.skip()?,
                "value" => {
                    has_value = true;
                    self.message(table)?;
                }
                _ => {
                    self.unknown(&key, table)?;
                    self.lexer.skip()?;
                }
            }
        }
        if !has_value {
            return Err(self
                .lexer
                .error("an `Any` of this type needs a member `value`"));
        }
        Ok(())
    }
}
