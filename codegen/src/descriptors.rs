//! Descriptors as they came, for server reflection: prost drops what it does not know, and custom options are that.

use std::collections::{BTreeMap, BTreeSet};

use prost::encoding::{DecodeContext, decode_key, skip_field};
use prost::{DecodeError, Message};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::editions;
use crate::error::Error;
use crate::model::{Embedded, Package};
use crate::source::number;

/// Files as prost reads them, and as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descriptors {
    pub(crate) files: Vec<FileDescriptorProto>,
    pub(crate) raw: Raw,
}

/// Files as they came, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw(BTreeMap<String, RawFile>);

#[derive(Clone, Debug)]
struct RawFile {
    /// The encoded descriptor, without comments and places.
    bytes: Vec<u8>,
    imports: Vec<String>,
}

impl Descriptors {
    /// Those of an encoded `google.protobuf.FileDescriptorSet`.
    pub(crate) fn of_set(set: &[u8]) -> Result<Self, Error> {
        let read = || {
            Self::new(
                FileDescriptorSet::decode(set)?.file,
                RawSet::decode(set)?.file,
            )
        };
        read().map_err(|error| Error::Descriptors(error.to_string()))
    }

    /// Those of a plugin's request. `files` are in it, and `request` is all of it.
    pub(crate) fn of_request(
        files: Vec<FileDescriptorProto>,
        request: &[u8],
    ) -> Result<Self, DecodeError> {
        Self::new(files, RawRequest::decode(request)?.proto_file)
    }

    fn new(mut files: Vec<FileDescriptorProto>, raw: Vec<Vec<u8>>) -> Result<Self, DecodeError> {
        let mut by_name = BTreeMap::new();
        for (file, bytes) in files.iter_mut().zip(raw) {
            if editions::has_edition(file) {
                editions::lower(file, &bytes)?;
            }
            let raw = RawFile {
                bytes: without_source_info(&bytes)?,
                imports: file.dependency.clone(),
            };
            by_name.insert(file.name().to_owned(), raw);
        }
        let raw = Raw(by_name);
        Ok(Self { files, raw })
    }
}

/// The names of the files in an encoded `google.protobuf.FileDescriptorSet`.
pub(crate) fn names_of_set(set: &[u8]) -> Result<Vec<String>, Error> {
    let set = NamedSet::decode(set).map_err(|error| Error::Descriptors(error.to_string()))?;
    Ok(set.file.into_iter().map(|file| file.name).collect())
}

impl Raw {
    /// Files as prost reads them, which knows no editions: those with one have been lowered. An enum whose first value is not
    /// zero, as one of an edition may be, makes its file one of proto2: who reads descriptors checks that.
    pub(crate) fn lowered(files: &[FileDescriptorProto]) -> Raw {
        let raw = |file: &FileDescriptorProto| {
            let mut lowered = FileDescriptorProto {
                source_code_info: None,
                ..file.clone()
            };
            if begins_elsewhere(file) {
                lowered.syntax = None;
            }
            RawFile {
                bytes: lowered.encode_to_vec(),
                imports: file.dependency.clone(),
            }
        };
        let files = files.iter().map(|file| (file.name().to_owned(), raw(file)));
        Raw(files.collect())
    }

    /// Gives each module the descriptors that its messages know themselves by.
    pub(crate) fn reflect(&self, packages: &mut BTreeMap<Vec<String>, Package>) {
        let all: Vec<Vec<String>> = packages.keys().cloned().collect();
        self.give(all, packages, |package| &mut package.reflected);
    }

    /// Gives each module that a service needs the descriptors of its files.
    pub(crate) fn embed(&self, packages: &mut BTreeMap<Vec<String>, Package>) {
        let wanted = packages
            .iter()
            .filter(|(_, package)| !package.services.is_empty())
            .map(|(module, _)| module.clone())
            .collect();
        self.give(wanted, packages, |package| &mut package.embedded);
    }

    /// Gives modules the descriptors of their files. Those of imports are in the modules that are generated for them, which are
    /// named and given theirs; imports that no module is generated for are embedded with the files.
    fn give(
        &self,
        mut wanted: Vec<Vec<String>>,
        packages: &mut BTreeMap<Vec<String>, Package>,
        place: fn(&mut Package) -> &mut Option<Embedded>,
    ) {
        let mut homes = BTreeMap::new();
        for (module, package) in packages.iter() {
            homes.extend(
                package
                    .files
                    .iter()
                    .map(|file| (file.clone(), module.clone())),
            );
        }
        while let Some(module) = wanted.pop() {
            let Some(package) = packages.get_mut(&module) else {
                continue;
            };
            if place(package).is_none() {
                let (files, imports) = self.split(&module, &package.files, &homes);
                *place(package) = Some(Embedded {
                    set: self.set(&files),
                    imports: imports.iter().map(|other| path(&module, other)).collect(),
                });
                wanted.extend(imports);
            }
        }
    }

    /// The files that a module embeds, and the modules that have the rest of what they import.
    fn split(
        &self,
        module: &Vec<String>,
        files: &[String],
        homes: &BTreeMap<String, Vec<String>>,
    ) -> (BTreeSet<String>, BTreeSet<Vec<String>>) {
        let mut embedded = BTreeSet::new();
        let mut modules = BTreeSet::new();
        let mut left = files.to_vec();
        while let Some(name) = left.pop() {
            match homes.get(&name) {
                Some(home) if home != module => {
                    modules.insert(home.clone());
                }
                _ => {
                    let imports = self.0.get(&name).map(|file| file.imports.clone());
                    if embedded.insert(name) {
                        left.extend(imports.unwrap_or_default());
                    }
                }
            }
        }
        (embedded, modules)
    }

    /// An encoded `FileDescriptorSet` of these files.
    fn set(&self, names: &BTreeSet<String>) -> Vec<u8> {
        let files = names.iter().filter_map(|name| self.0.get(name));
        let file = files.map(|file| file.bytes.clone()).collect();
        RawSet { file }.encode_to_vec()
    }
}

/// A `google.protobuf.FileDescriptorSet` whose files are left encoded.
#[derive(Clone, PartialEq, Message)]
struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// A `google.protobuf.FileDescriptorSet` of which only the names are of interest.
#[derive(Clone, PartialEq, Message)]
struct NamedSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// A `google.protobuf.compiler.CodeGeneratorRequest` whose files are left encoded.
#[derive(Clone, PartialEq, Message)]
struct RawRequest {
    #[prost(bytes = "vec", repeated, tag = "15")]
    proto_file: Vec<Vec<u8>>,
}

/// Whether a file has an enum whose first value is not zero.
fn begins_elsewhere(file: &FileDescriptorProto) -> bool {
    let mut enums: Vec<_> = file.enum_type.iter().collect();
    let mut messages: Vec<_> = file.message_type.iter().collect();
    while let Some(message) = messages.pop() {
        enums.extend(&message.enum_type);
        messages.extend(&message.nested_type);
    }
    let mut first = enums.iter().filter_map(|known| known.value.first());
    first.any(|value| value.number() != 0)
}

/// An encoded file descriptor without its comments and places, which are most of it.
fn without_source_info(file: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut kept = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let field = rest;
        let (tag, wire_type) = decode_key(&mut rest)?;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
        if tag != number::FILE_SOURCE_INFO {
            kept.extend_from_slice(field.get(..field.len() - rest.len()).unwrap_or_default());
        }
    }
    Ok(kept)
}

/// The path from one module to another: up to what they have in common, then down.
fn path(here: &[String], there: &[String]) -> String {
    let common = here.iter().zip(there).take_while(|(a, b)| a == b).count();
    let up = here.iter().skip(common).map(|_| "super::");
    let down = there.iter().skip(common).flat_map(|module| [module, "::"]);
    up.chain(down).collect()
}
