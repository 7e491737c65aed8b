//! Writing of well-known types that have a JSON form of their own.

use std::ops::Range;

use super::{Result, Stack, Writer, integer};
use crate::base::json::{JsonError, field_paths};
use crate::message::{Form, RawValue, Table};

impl Writer<'_> {
    /// Writes a time or a duration.
    pub(super) fn time(
        &mut self,
        name: &str,
        format: impl FnOnce(i64, i32) -> Option<String>,
        found: Range<usize>,
        stack: &Stack<'_>,
    ) -> Result {
        let seconds = integer(of_field(0, &found, stack)) as i64;
        let nanos = integer(of_field(1, &found, stack)) as i32;
        match format(seconds, nanos) {
            Some(text) => self.text.quoted(&text),
            None => {
                return Err(JsonError::new(format_args!(
                    "a {name} of {seconds} s and {nanos} ns is out of range or not normalized"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn field_mask(&mut self, found: Range<usize>, stack: &Stack<'_>) -> Result {
        let mut text = String::new();
        for (place, path) in stack.get(found).unwrap_or_default().iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            let path = String::from_utf8_lossy(path.value.bytes());
            field_paths::to_camel(&path, &mut text).ok_or_else(|| {
                JsonError::new(format_args!("the path `{path}` is not in snake_case"))
            })?;
        }
        self.text.string(text.as_bytes());
        Ok(())
    }

    /// Writes a `google.protobuf.Value`.
    pub(super) fn value_of_any_type<'a>(
        &mut self,
        table: &'static Table,
        found: Range<usize>,
        stack: &mut Stack<'a>,
    ) -> Result {
        // All fields are members of one oneof, so all that was found is one field.
        let last = stack
            .get(found.clone())
            .and_then(|found| found.last().copied());
        let field = last.and_then(|last| table.fields.get(last.index));
        match (field, last.map(|last| last.value)) {
            (None, _) => {
                self.text.bare("null");
                Ok(())
            }
            (_, Some(RawValue::Fixed64(bits))) if !f64::from_bits(bits).is_finite() => Err(
                JsonError::new("JSON has no form of an infinite `google.protobuf.Value`"),
            ),
            (Some(field), _) => self.field(field, found, stack),
        }
    }

    pub(super) fn any(&mut self, found: Range<usize>, stack: &mut Stack<'_>) -> Result {
        let url = of_field(0, &found, stack).map(RawValue::bytes);
        let bytes = of_field(1, &found, stack)
            .map(RawValue::bytes)
            .unwrap_or_default();
        let url = std::str::from_utf8(url.unwrap_or_default())
            .map_err(|_| JsonError::new("the type URL is not UTF-8"))?;
        self.text.open(b'{');
        if !url.is_empty() || !bytes.is_empty() {
            let table = self.types.find(url)?;
            self.text.name("@type");
            self.text.string(url.as_bytes());
            self.depth.enter()?;
            if table.form == Form::Message {
                self.fields(table, bytes, stack)?;
            } else {
                self.text.name("value");
                self.message(table, bytes, stack)?;
            }
            self.depth.leave();
        }
        self.text.close(b'}');
        Ok(())
    }
}

/// Returns the last value of the field with an index.
fn of_field<'a>(index: usize, found: &Range<usize>, stack: &Stack<'a>) -> Option<RawValue<'a>> {
    let found = stack.get(found.clone())?;
    let found = found.iter().rev().find(|found| found.index == index)?;
    Some(found.value)
}
