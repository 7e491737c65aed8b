//! What the descriptors of a server declare, and where.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use crate::private::Descriptors;

/// Files, which are known by their places here, and what they declare. Two services may come with different files of one name:
/// what a file imports is looked for where it comes from.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The full names of the services, in alphabetical order.
    pub(super) services: Vec<&'static str>,
    files: Vec<File>,
    modules: Vec<Module>,
    /// Files by their names.
    by_name: HashMap<String, Vec<usize>>,
    /// The files of everything that has a full name: one, unless names are in conflict or modules have copies of a file.
    symbols: HashMap<String, Vec<usize>>,
    /// The extensions of each message by their numbers, with their files. Every message is here.
    extensions: HashMap<String, BTreeMap<i32, Vec<usize>>>,
}

#[derive(Debug)]
struct File {
    name: String,
    /// The encoded `google.protobuf.FileDescriptorProto`.
    bytes: Bytes,
    /// The place of the first file of this name and these bytes: copies are one file to clients.
    original: usize,
    module: usize,
    /// The names of what it imports, and their places.
    dependencies: Vec<String>,
    imports: Vec<usize>,
}

/// What one module of generated code has: a set of files, and other modules with what they import.
#[derive(Debug)]
struct Module {
    /// A service that it comes with, for messages.
    service: &'static str,
    files: HashMap<String, usize>,
    imports: Vec<usize>,
}

/// What one client has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The originals of the files that were sent.
    sent: BTreeSet<usize>,
    /// Where the last file that was sent comes from. What is asked for by a name that several have is looked for there first.
    module: Option<usize>,
}

impl Index {
    pub(super) fn new(services: &BTreeMap<&'static str, Option<&'static Descriptors>>) -> Index {
        let mut index = Index {
            services: services.keys().copied().collect(),
            ..Index::default()
        };
        let mut places = HashMap::new();
        for (name, descriptors) in services {
            if let Some(descriptors) = descriptors {
                index.add_modules(name, descriptors, &mut places);
            }
        }
        index.resolve_imports();
        index
    }

    /// The file of this name.
    pub(super) fn file(&self, told: &Told, name: &str) -> Option<usize> {
        self.nearest(told, self.by_name.get(name)?)
    }

    /// The file that declares the full name of a message, a field, an enum, a value, a service, a method or an extension.
    pub(super) fn file_of_symbol(&self, told: &Told, name: &str) -> Option<usize> {
        self.nearest(told, self.symbols.get(name)?)
    }

    pub(super) fn file_of_extension(
        &self,
        told: &Told,
        message: &str,
        number: i32,
    ) -> Option<usize> {
        self.nearest(told, self.extensions.get(message)?.get(&number)?)
    }

    /// The numbers of the extensions of a message, ascending; `None` if there is no such message.
    pub(super) fn extension_numbers(&self, message: &str) -> Option<Vec<i32>> {
        let extensions = self.extensions.get(message)?;
        Some(extensions.keys().copied().collect())
    }

    /// A file, and what it imports as far as a client has not been told of it.
    pub(super) fn with_imports(&self, file: usize, told: &mut Told) -> Vec<Bytes> {
        if let Some(asked) = self.files.get(file) {
            // What was asked for is sent again if it is asked for again.
            told.sent.remove(&asked.original);
            told.module = Some(asked.module);
        }
        let mut files = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left = VecDeque::from([file]);
        while let Some(place) = left.pop_front() {
            let Some(file) = self.files.get(place).filter(|_| seen.insert(place)) else {
                continue;
            };
            if told.sent.insert(file.original) {
                files.push(file.bytes.clone());
            }
            left.extend(&file.imports);
        }
        files
    }

    /// Which names mean two things here, in sentences. Within each service everything has one meaning.
    pub(super) fn conflicts(&self) -> BTreeSet<String> {
        let mut conflicts = BTreeSet::new();
        for (name, places) in &self.by_name {
            if let Some((one, other)) = self.different(places) {
                conflicts.insert(format!(
                    "{} and {} have different files that are called {name}",
                    self.service_of(one),
                    self.service_of(other)
                ));
            }
        }
        for (name, places) in &self.symbols {
            if let Some((one, other)) = self.different(places) {
                // Fields and values are in conflict with what they are in.
                let scope = name.rsplit_once('.').map_or("", |(scope, _)| scope);
                let is_inner = self.symbols.get(scope).is_some_and(|outer| outer.len() > 1);
                if !is_inner {
                    conflicts.insert(format!(
                        "{} and {} have different files that declare {name}: {} and {}",
                        self.service_of(one),
                        self.service_of(other),
                        one.name,
                        other.name
                    ));
                }
            }
        }
        conflicts
    }

    /// The first of several files, each with the first of those that are another file.
    fn different<'a>(&'a self, places: &'a [usize]) -> Option<(&'a File, &'a File)> {
        let mut files = places.iter().filter_map(|place| self.files.get(*place));
        let first = files.next()?;
        let other = files.find(|file| file.original != first.original)?;
        Some((first, other))
    }

    fn service_of(&self, file: &File) -> &'static str {
        self.modules
            .get(file.module)
            .map_or("", |module| module.service)
    }

    /// Of several files the one that is in the module of the last answer or in what it imports, else the first.
    fn nearest(&self, told: &Told, places: &[usize]) -> Option<usize> {
        let first = places.first().copied();
        let (Some(module), true) = (told.module, places.len() > 1) else {
            return first;
        };
        let is_of = |place: &usize, module| {
            let file = self.files.get(*place);
            file.is_some_and(|file| file.module == module)
        };
        let near = self.reachable(module).into_iter();
        let mut near = near.filter_map(|module| places.iter().find(|place| is_of(place, module)));
        near.next().copied().or(first)
    }

    /// A module and all that it imports, the nearest first.
    fn reachable(&self, module: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left = VecDeque::from([module]);
        while let Some(module) = left.pop_front() {
            if seen.insert(module) {
                found.push(module);
                let module = self.modules.get(module);
                left.extend(module.into_iter().flat_map(|module| &module.imports));
            }
        }
        found
    }

    /// Adds the module of a service and those that it imports, each once.
    fn add_modules(
        &mut self,
        service: &'static str,
        descriptors: &'static Descriptors,
        places: &mut HashMap<*const Descriptors, usize>,
    ) {
        let mut left = VecDeque::from([descriptors]);
        while let Some(descriptors) = left.pop_front() {
            if places.contains_key(&std::ptr::from_ref(descriptors)) {
                continue;
            }
            let place = self.modules.len();
            places.insert(std::ptr::from_ref(descriptors), place);
            self.modules.push(Module {
                service,
                files: HashMap::new(),
                imports: Vec::new(),
            });
            self.add_set(place, descriptors.set);
            left.extend(descriptors.imports);
        }
        // All of them have places now.
        let mut left = vec![descriptors];
        while let Some(descriptors) = left.pop() {
            let place = |of: &&Descriptors| places.get(&std::ptr::from_ref(*of)).copied();
            let module = place(&descriptors).and_then(|place| self.modules.get_mut(place));
            if let Some(module) = module.filter(|module| module.imports.is_empty()) {
                module.imports = descriptors.imports.iter().filter_map(place).collect();
                left.extend(descriptors.imports);
            }
        }
    }

    fn add_set(&mut self, module: usize, set: &'static [u8]) {
        // The generator has read what it wrote, so that there is nobody to tell of a mistake.
        let set = RawSet::decode(Bytes::from_static(set)).unwrap_or_default();
        for bytes in set.file {
            if let Ok(file) = FileDescriptorProto::decode(bytes.clone()) {
                self.add_file(module, &file, bytes);
            }
        }
    }

    fn add_file(&mut self, module: usize, file: &FileDescriptorProto, bytes: Bytes) {
        let place = self.files.len();
        let namesakes = self.by_name.entry(file.name().to_owned()).or_default();
        let is_copy = |other: &&usize| {
            self.files
                .get(**other)
                .is_some_and(|other| other.bytes == bytes)
        };
        let original = namesakes.iter().find(is_copy).copied().unwrap_or(place);
        namesakes.push(place);
        if let Some(module) = self.modules.get_mut(module) {
            module.files.insert(file.name().to_owned(), place);
        }
        self.files.push(File {
            name: file.name().to_owned(),
            bytes,
            original,
            module,
            dependencies: file.dependency.clone(),
            imports: Vec::new(),
        });
        let mut declared = Declared { index: self, place };
        declared.file(file);
    }

    /// Finds what each file imports, in its own module or in those that it imports.
    fn resolve_imports(&mut self) {
        let modules = 0..self.modules.len();
        let reachable: Vec<Vec<usize>> = modules.map(|module| self.reachable(module)).collect();
        for place in 0..self.files.len() {
            let Some(file) = self.files.get(place) else {
                continue;
            };
            let near = reachable.get(file.module).map_or(&[][..], Vec::as_slice);
            let find = |name: &String| {
                let mut modules = near.iter().filter_map(|module| self.modules.get(*module));
                modules.find_map(|module| module.files.get(name)).copied()
            };
            let imports = file.dependencies.iter().filter_map(find).collect();
            if let Some(file) = self.files.get_mut(place) {
                file.imports = imports;
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
    fn file(&mut self, file: &FileDescriptorProto) {
        let package = file.package();
        for message in &file.message_type {
            self.message(package, message);
        }
        for enumeration in &file.enum_type {
            self.enumeration(package, enumeration);
        }
        for extension in &file.extension {
            self.extension(package, extension);
        }
        for service in &file.service {
            let name = self.symbol(package, service.name());
            for method in &service.method {
                self.symbol(&name, method.name());
            }
        }
    }

    /// Adds a name, and returns it in full.
    fn symbol(&mut self, scope: &str, name: &str) -> String {
        let name = if scope.is_empty() {
            name.to_owned()
        } else {
            format!("{scope}.{name}")
        };
        let symbols = self.index.symbols.entry(name.clone());
        symbols.or_default().push(self.place);
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
        let numbers = extensions.or_default().entry(extension.number());
        numbers.or_default().push(self.place);
    }
}
