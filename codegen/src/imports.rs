//! Checks that all imported files exist and that imports form no cycle.

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;

use crate::error::SchemaError;
use crate::source::{Source, number};

/// Reports each import of a missing file, and each import that closes a cycle.
pub(crate) fn faults(files: &[FileDescriptorProto]) -> Vec<SchemaError> {
    let indexes: BTreeMap<&str, usize> = files
        .iter()
        .enumerate()
        .map(|(index, file)| (file.name(), index))
        .collect();
    let mut search = Search {
        files,
        indexes,
        states: vec![State::Unseen; files.len()],
        errors: Vec::new(),
    };
    for root in 0..files.len() {
        search.from(root);
    }
    search.errors
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    /// On the current path from the root.
    Open,
    Done,
}

struct Search<'a> {
    files: &'a [FileDescriptorProto],
    indexes: BTreeMap<&'a str, usize>,
    /// One entry for each file.
    states: Vec<State>,
    errors: Vec<SchemaError>,
}

impl Search<'_> {
    /// Follows all imports from a file. Its stack is explicit, because a chain of files can be long.
    fn from(&mut self, root: usize) {
        let mut way = vec![(root, 0)];
        while let Some((index, import)) = way.pop() {
            let Some(file) = self.files.get(index) else {
                continue;
            };
            if import == 0 {
                if self.states.get(index) != Some(&State::Unseen) {
                    continue;
                }
                self.set(index, State::Open);
            }
            let Some(name) = file.dependency.get(import) else {
                self.set(index, State::Done);
                continue;
            };
            way.push((index, import + 1));
            let Some(&other) = self.indexes.get(name.as_str()) else {
                self.fault(index, import, "is in none of the files".to_owned());
                continue;
            };
            if self.states.get(other) == Some(&State::Open) {
                let start = way.iter().position(|(on, _)| *on == other).unwrap_or(0);
                let circle = way.iter().skip(start).map(|(on, _)| *on).chain([other]);
                let circle: Vec<&str> = circle
                    .filter_map(|index| self.files.get(index))
                    .map(|file| file.name())
                    .collect();
                self.fault(
                    index,
                    import,
                    format!("files import each other: {}", circle.join(" -> ")),
                );
            } else {
                way.push((other, 0));
            }
        }
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(slot) = self.states.get_mut(index) {
            *slot = state;
        }
    }

    fn fault(&mut self, index: usize, import: usize, problem: String) {
        let Some(file) = self.files.get(index) else {
            return;
        };
        let path = [
            number::FILE_DEPENDENCY,
            i32::try_from(import).unwrap_or(i32::MAX),
        ];
        let name = file.dependency.get(import).map_or("", String::as_str);
        self.errors.push(SchemaError {
            place: Source::new(file).place(&path),
            element: format!("import `{name}`"),
            problem,
            remedy: crate::check::REMEDY.to_owned(),
        });
    }
}
