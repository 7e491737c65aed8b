//! The entries of a map, each key once.

use std::collections::HashSet;

use super::JsonError;
use super::fields::Found;
use crate::message::{RawField, RawFields, RawValue};

/// An entry of a map. A missing key or value is the default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Option<RawValue<'a>>,
    pub(super) value: Option<RawValue<'a>>,
}

/// Reads the entries of a map. Of entries with the same key, only the last is returned.
pub(super) fn entries<'a>(found: &[Found<'a>]) -> Result<Vec<Entry<'a>>, JsonError> {
    let mut entries = Vec::with_capacity(found.len());
    for found in found {
        let RawValue::Bytes(bytes) = found.value else {
            return Err(JsonError::new("the encoded value has another type"));
        };
        let mut entry = Entry {
            key: None,
            value: None,
        };
        let mut fields = RawFields::new(bytes);
        while let Some(RawField { number, value }) = fields.next()? {
            match number {
                1 => entry.key = Some(value),
                2 => entry.value = Some(value),
                _ => {}
            }
        }
        entries.push(entry);
    }
    let is_ascending = entries
        .iter()
        .zip(entries.iter().skip(1))
        .all(|(one, next)| one.key < next.key);
    if !is_ascending {
        let mut seen = HashSet::with_capacity(entries.len());
        entries.reverse();
        entries.retain(|entry| seen.insert(entry.key.filter(|key| !key.is_default())));
        entries.reverse();
    }
    Ok(entries)
}
