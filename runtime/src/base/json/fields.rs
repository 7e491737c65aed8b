//! The fields of a message, found in its bytes.

use std::collections::BTreeMap;

use super::JsonError;
use crate::message::{Label, RawFields, RawValue, Table, TableField};

/// A field that was found in a message's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    /// The field's index in the message's table.
    pub(super) index: usize,
    pub(super) value: RawValue<'a>,
}

/// Finds the fields of a message that its table knows, and appends them to `all` in the order of the table.
///
/// Bytes that were not written by this process may have fields in any order, and fields without lists more than once.
pub(super) fn find<'a>(
    table: &'static Table,
    bytes: &'a [u8],
    all: &mut Vec<Found<'a>>,
) -> Result<(), JsonError> {
    let start = all.len();
    let mut fields = RawFields::new(bytes);
    let mut last = 0;
    let (mut is_sorted, mut members) = (true, 0);
    while let Some(field) = fields.next()? {
        let Some((index, known)) = table.by_number(field.number, last) else {
            continue;
        };
        if !known.has_wire_type(field.value.wire_type()) {
            return Err(JsonError::new("the encoded value has another type").inside(table, known));
        }
        if is_empty_list(known, field.value) {
            continue;
        }
        is_sorted &= index >= last;
        last = index;
        members += u32::from(matches!(known.label, Label::Member(_)));
        all.push(Found {
            index,
            value: field.value,
        });
    }
    if members > 1 {
        keep_last_members(table, all, start);
    }
    if !is_sorted {
        let found = all.get_mut(start..).unwrap_or_default();
        found.sort_by_key(|found| found.index);
    }
    Ok(())
}

/// Returns whether a field is a packed list without numbers, which says as much as no field.
#[inline]
pub(super) fn is_empty_list(field: &TableField, value: RawValue<'_>) -> bool {
    let is_list = matches!(field.label, Label::List | Label::Unpacked);
    is_list && value == RawValue::Bytes(&[]) && field.kind.is_packable()
}

/// Removes members of oneofs that a later member of the same oneof replaces.
fn keep_last_members(table: &'static Table, all: &mut Vec<Found<'_>>, start: usize) {
    let found = all.get(start..).unwrap_or_default();
    // The last member of each oneof, and where its last uninterrupted run begins.
    let mut runs: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for (place, found) in found.iter().enumerate() {
        if let Some(oneof) = oneof(table, found.index) {
            let run = runs.entry(oneof).or_insert((found.index, place));
            if run.0 != found.index {
                *run = (found.index, place);
            }
        }
    }
    let mut place = 0;
    let kept = all.split_off(start).into_iter().filter(|found| {
        let run = oneof(table, found.index).and_then(|oneof| runs.get(&oneof));
        place += 1;
        run.is_none_or(|(_, first)| place > *first)
    });
    all.extend(kept);
}

fn oneof(table: &'static Table, index: usize) -> Option<u32> {
    match table.fields.get(index)?.label {
        Label::Member(oneof) => Some(oneof),
        _ => None,
    }
}
