//! Source positions and comments of the elements of a file.

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;
use prost_types::source_code_info::Location;

use crate::docs;
use crate::error::Place;

/// Field numbers of `descriptor.proto` that make up the path of an element.
pub(crate) mod number {
    pub(crate) const FILE_PACKAGE: i32 = 2;
    pub(crate) const FILE_DEPENDENCY: i32 = 3;
    pub(crate) const FILE_MESSAGE: i32 = 4;
    pub(crate) const FILE_ENUM: i32 = 5;
    pub(crate) const FILE_SERVICE: i32 = 6;
    pub(crate) const FILE_SOURCE_INFO: u32 = 9;
    pub(crate) const FILE_SYNTAX: i32 = 12;
    pub(crate) const MESSAGE_FIELD: i32 = 2;
    pub(crate) const MESSAGE_NESTED: i32 = 3;
    pub(crate) const MESSAGE_ENUM: i32 = 4;
    pub(crate) const MESSAGE_ONEOF: i32 = 8;
    pub(crate) const ENUM_VALUE: i32 = 2;
    pub(crate) const SERVICE_METHOD: i32 = 2;
}

/// Returns the children under field `number` of the element at `path`, with their paths.
pub(crate) fn children<'c, T>(
    path: &'c [i32],
    number: i32,
    children: &'c [T],
) -> impl Iterator<Item = (Vec<i32>, &'c T)> {
    (0..).zip(children).map(move |(index, child)| {
        let mut path = path.to_vec();
        path.extend([number, index]);
        (path, child)
    })
}

/// Joins a name to its package or message. The outermost scope is empty.
pub(crate) fn full_name(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// Source positions and comments of one file, by the path of the element in the descriptor.
pub(crate) struct Source<'a> {
    file: &'a str,
    locations: BTreeMap<&'a [i32], &'a Location>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a FileDescriptorProto) -> Self {
        let mut locations = BTreeMap::new();
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            // If a path appears twice (an option, say, or an extend block), the first position counts.
            locations
                .entry(location.path.as_slice())
                .or_insert(location);
        }
        Self {
            file: file.name(),
            locations,
        }
    }

    /// Returns the position of the element, or of the nearest enclosing element that has one.
    pub(crate) fn place(&self, path: &[i32]) -> Place {
        let location = (0..=path.len())
            .rev()
            .filter_map(|length| self.locations.get(path.get(..length)?))
            .find(|location| !location.path.is_empty());
        Place {
            file: self.file.to_owned(),
            position: location.and_then(|location| position(&location.span)),
        }
    }

    /// Returns the comments before and after the element, as lines for rustdoc.
    pub(crate) fn docs(&self, path: &[i32]) -> Vec<String> {
        let Some(location) = self.locations.get(path) else {
            return Vec::new();
        };
        let mut lines = docs::lines(location.leading_comments());
        let trailing = docs::lines(location.trailing_comments());
        if !lines.is_empty() && !trailing.is_empty() {
            lines.push(String::new());
        }
        lines.extend(trailing);
        lines
    }
}

/// Returns the line and the column, both counted from one. Descriptors count from zero.
fn position(span: &[i32]) -> Option<(u32, u32)> {
    let one_based = |number: i32| u32::try_from(number).ok()?.checked_add(1);
    match span {
        [line, column, ..] => Some((one_based(*line)?, one_based(*column)?)),
        _ => None,
    }
}
