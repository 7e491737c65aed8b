//! What the descriptors of a server declare, and where.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use crate::private::Descriptors;

/// Files, which are known by their places here, and what they declare.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The full names of the services, in alphabetical order.
    pub(super) services: Vec<&'static str>,
    files: Vec<File>,
    /// Files by their names.
    by_name: HashMap<String, usize>,
    /// The file of everything that has a full name.
    symbols: HashMap<String, usize>,
    /// The extensions of each message by their numbers, with their files. Every message is here.
    extensions: HashMap<String, BTreeMap<i32, usize>>,
}

#[derive(Debug)]
struct File {
    /// The encoded `google.protobuf.FileDescriptorProto`.
    bytes: Bytes,
    imports: Vec<String>,
}

impl Index {
    /// The index of these services. Where two have different files of one name, the first file counts.
    pub(super) fn new(services: &BTreeMap<&'static str, Option<&'static Descriptors>>) -> Index {
        let mut index = Index {
            services: services.keys().copied().collect(),
            ..Index::default()
        };
        let mut seen = BTreeSet::new();
        let mut left: VecDeque<&Descriptors> = services.values().copied().flatten().collect();
        while let Some(descriptors) = left.pop_front() {
            if seen.insert(std::ptr::from_ref(descriptors)) {
                index.add_set(descriptors.set);
                left.extend(descriptors.imports);
            }
        }
        index
    }

    pub(super) fn file(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The file that declares the full name of a message, a field, an enum, a value, a service, a method or an extension.
    pub(super) fn file_of_symbol(&self, name: &str) -> Option<usize> {
        self.symbols.get(name).copied()
    }

    pub(super) fn file_of_extension(&self, message: &str, number: i32) -> Option<usize> {
        self.extensions.get(message)?.get(&number).copied()
    }

    /// The numbers of the extensions of a message, ascending; `None` if there is no such message.
    pub(super) fn extension_numbers(&self, message: &str) -> Option<Vec<i32>> {
        let extensions = self.extensions.get(message)?;
        Some(extensions.keys().copied().collect())
    }

    /// A file, and what it imports as far as it is not in `sent` already.
    pub(super) fn with_imports(&self, file: usize, sent: &mut BTreeSet<usize>) -> Vec<Bytes> {
        // What was asked for is sent again if it is asked for again.
        sent.remove(&file);
        let mut files = Vec::new();
        let mut left = VecDeque::from([file]);
        while let Some(place) = left.pop_front() {
            let Some(file) = self.files.get(place) else {
                continue;
            };
            if sent.insert(place) {
                files.push(file.bytes.clone());
                let imports = file.imports.iter();
                left.extend(imports.filter_map(|name| self.file(name)));
            }
        }
        files
    }

    fn add_set(&mut self, set: &'static [u8]) {
        // The generator has read what it wrote, so that there is nobody to tell of a mistake.
        let set = RawSet::decode(Bytes::from_static(set)).unwrap_or_default();
        for bytes in set.file {
            if let Ok(file) = FileDescriptorProto::decode(bytes.clone()) {
                self.add_file(&file, bytes);
            }
        }
    }

    fn add_file(&mut self, file: &FileDescriptorProto, bytes: Bytes) {
        if self.by_name.contains_key(file.name()) {
            return;
        }
        let place = self.files.len();
        self.by_name.insert(file.name().to_owned(), place);
        self.files.push(File {
            bytes,
            imports: file.dependency.clone(),
        });
        let mut declared = Declared { index: self, place };
        let package = file.package();
        for message in &file.message_type {
            declared.message(package, message);
        }
        for enumeration in &file.enum_type {
            declared.enumeration(package, enumeration);
        }
        for extension in &file.extension {
            declared.extension(package, extension);
        }
        for service in &file.service {
            let name = declared.symbol(package, service.name());
            for method in &service.method {
                declared.symbol(&name, method.name());
            }
        }
    }
}

/// A `google.protobuf.FileDescriptorSet` whose files are left encoded.
#[derive(Clone, PartialEq, Message)]
struct RawSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

/// Adds what one file declares.
struct Declared<'a> {
    index: &'a mut Index,
    place: usize,
}

impl Declared<'_> {
    /// Adds a name, and returns it in full.
    fn symbol(&mut self, scope: &str, name: &str) -> String {
        let name = if scope.is_empty() {
            name.to_owned()
        } else {
            format!("{scope}.{name}")
        };
        self.index.symbols.insert(name.clone(), self.place);
        name
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = self.symbol(scope, message.name());
        self.index.extensions.entry(name.clone()).or_default();
        for field in &message.field {
            self.symbol(&name, field.name());
        }
        for oneof in &message.oneof_decl {
            self.symbol(&name, oneof.name());
        }
        for extension in &message.extension {
            self.extension(&name, extension);
        }
        for nested in &message.nested_type {
            self.message(&name, nested);
        }
        for nested in &message.enum_type {
            self.enumeration(&name, nested);
        }
    }

    fn enumeration(&mut self, scope: &str, enumeration: &EnumDescriptorProto) {
        self.symbol(scope, enumeration.name());
        for value in &enumeration.value {
            // Values are named beside their enum, as in C++.
            self.symbol(scope, value.name());
        }
    }

    fn extension(&mut self, scope: &str, extension: &FieldDescriptorProto) {
        self.symbol(scope, extension.name());
        let message = extension.extendee().trim_start_matches('.');
        let extensions = self.index.extensions.entry(message.to_owned());
        extensions
            .or_default()
            .insert(extension.number(), self.place);
    }
}
