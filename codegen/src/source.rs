//! Where the elements of a file stand, and what their comments say.

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;
use prost_types::source_code_info::Location;

use crate::docs;
use crate::error::Place;

/// The field numbers of `descriptor.proto` that make up the path of an element, by what contains it.
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

/// The paths of the children of the element at `path` that are kept under `number`.
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

/// A name below a package or a message; the outermost scope is empty.
pub(crate) fn full_name(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// The source positions and comments of one file, by the path of the element in the descriptor.
pub(crate) struct Source<'a> {
    file: &'a str,
    locations: BTreeMap<&'a [i32], &'a Location>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a FileDescriptorProto) -> Self {
        let mut locations = BTreeMap::new();
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            // A path that appears twice (an option, say, or an extend block) means its first place.
            locations
                .entry(location.path.as_slice())
                .or_insert(location);
        }
        Self {
            file: file.name(),
            locations,
        }
    }

    /// The place of the element, or of the nearest element around it that has one.
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

    /// The comment above the element and the one behind it, as lines for rustdoc.
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

/// Line and column counted from one; descriptors count from zero.
fn position(span: &[i32]) -> Option<(u32, u32)> {
    let one_based = |number: i32| u32::try_from(number).ok()?.checked_add(1);
    match span {
        [line, column, ..] => Some((one_based(*line)?, one_based(*column)?)),
        _ => None,
    }
}
