//! Descriptors in their original encoding, for server reflection. prost drops unknown fields, and custom options are
//! unknown fields.

use std::collections::{BTreeMap, BTreeSet};

use prost::encoding::{DecodeContext, decode_key, skip_field};
use prost::{DecodeError, Message};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::editions;
use crate::error::Error;
use crate::model::{Embedded, Package};
use crate::source::number;

/// Files as prost decodes them, and in their original encoding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descriptors {
    pub(crate) files: Vec<FileDescriptorProto>,
    pub(crate) raw: Raw,
}

/// Files in their original encoding, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw(BTreeMap<String, RawFile>);

#[derive(Clone, Debug)]
struct RawFile {
    /// Encoded descriptor, without source information.
    bytes: Vec<u8>,
    imports: Vec<String>,
}

impl Descriptors {
    /// Decodes an encoded `google.protobuf.FileDescriptorSet`.
    pub(crate) fn of_set(set: &[u8]) -> Result<Self, Error> {
        let read = || {
            Self::new(
                FileDescriptorSet::decode(set)?.file,
                RawSet::decode(set)?.file,
            )
        };
        read().map_err(|error| Error::Descriptors(error.to_string()))
    }

    /// Collects the files of a plugin request. `request` is the encoded request that `files` were decoded from.
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

/// Returns the names of the files in an encoded `google.protobuf.FileDescriptorSet`.
pub(crate) fn names_of_set(set: &[u8]) -> Result<Vec<String>, Error> {
    let set = NamedSet::decode(set).map_err(|error| Error::Descriptors(error.to_string()))?;
    Ok(set.file.into_iter().map(|file| file.name).collect())
}

impl Raw {
    /// Encodes `files` for `prost-reflect`, which does not support editions. Files of an edition have been lowered
    /// before.
    ///
    /// An edition allows an enum whose first value is not zero. `prost-reflect` refuses such an enum in proto3, so
    /// its file is declared as proto2.
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

    /// Embeds in each module the descriptors of its messages.
    pub(crate) fn reflect(&self, packages: &mut BTreeMap<Vec<String>, Package>) {
        let all: Vec<Vec<String>> = packages.keys().cloned().collect();
        self.give(all, packages, |package| &mut package.reflected);
    }

    /// Embeds in each module that has services the descriptors of its files.
    pub(crate) fn embed(&self, packages: &mut BTreeMap<Vec<String>, Package>) {
        let wanted = packages
            .iter()
            .filter(|(_, package)| !package.services.is_empty())
            .map(|(module, _)| module.clone())
            .collect();
        self.give(wanted, packages, |package| &mut package.embedded);
    }

    /// Embeds descriptors in modules.
    ///
    /// A module names the modules of its imports, which are given their own descriptors. Imports for which no module
    /// is generated are embedded with the files that import them.
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

    /// Returns the files that a module embeds, and the modules that embed its other imports.
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

    /// Encodes a `FileDescriptorSet` of these files.
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

/// A `google.protobuf.FileDescriptorSet` of which only the files' names are decoded.
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

/// Returns whether a file has an enum whose first value is not zero.
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

/// Removes the source information, which is most of an encoded file descriptor.
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

/// Returns the path from one module to another: up to the common ancestor, then down.
fn path(here: &[String], there: &[String]) -> String {
    let common = here.iter().zip(there).take_while(|(a, b)| a == b).count();
    let up = here.iter().skip(common).map(|_| "super::");
    let down = there.iter().skip(common).flat_map(|module| [module, "::"]);
    up.chain(down).collect()
}
