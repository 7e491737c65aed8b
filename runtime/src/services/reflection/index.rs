//! An index of everything that a server's descriptors declare.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use crate::private::Descriptors;

/// The files of a server, identified by their indices, and their declarations. Two services may have different files with the
/// same name, so a file's imports are looked up in the module from which it comes.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The full names of the services, in alphabetical order.
    pub(super) services: Vec<String>,
    files: Vec<File>,
    modules: Vec<Module>,
    /// The files of each name.
    by_name: HashMap<String, Vec<usize>>,
    /// The files that declare each full name. There is one, unless names conflict or modules have copies of a file.
    symbols: HashMap<String, Vec<usize>>,
    /// The extensions of each message by number, with the files that declare them. Every message has an entry.
    extensions: HashMap<String, BTreeMap<i32, Vec<usize>>>,
}

#[derive(Debug)]
struct File {
    name: String,
    /// The encoded `google.protobuf.FileDescriptorProto`.
    bytes: Bytes,
    /// The index of the first file with this name and these bytes. To clients, copies are one file.
    original: usize,
    module: usize,
    /// The names of the files that it imports.
    dependencies: Vec<String>,
    imports: Vec<usize>,
}

/// The descriptors of one module of generated code: its own files, and the modules of the files that they import.
#[derive(Debug)]
struct Module {
    /// A service in the module, for messages.
    service: String,
    files: HashMap<String, usize>,
    imports: Vec<usize>,
}

/// The files that one client has received.
#[derive(Debug, Default)]
pub(super) struct SentFiles {
    /// The originals of those files.
    originals: BTreeSet<usize>,
    /// The module of the last file that was sent. A name that several modules declare is looked up there first.
    module: Option<usize>,
}

impl Index {
    pub(super) fn new(services: &BTreeMap<String, Option<&'static Descriptors>>) -> Index {
        let mut index = Index {
            services: services.keys().cloned().collect(),
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

    /// Returns the file with this name.
    pub(super) fn file(&self, client: &SentFiles, name: &str) -> Option<usize> {
        self.nearest(client, self.by_name.get(name)?)
    }

    /// Returns the file that declares a full name: of a message, field, enum, enum value, service, method or extension.
    pub(super) fn file_of_symbol(&self, client: &SentFiles, name: &str) -> Option<usize> {
        self.nearest(client, self.symbols.get(name)?)
    }

    pub(super) fn file_of_extension(
        &self,
        client: &SentFiles,
        message: &str,
        number: i32,
    ) -> Option<usize> {
        self.nearest(client, self.extensions.get(message)?.get(&number)?)
    }

    /// Returns the numbers of a message's extensions in ascending order. Returns `None` if there is no such message.
    pub(super) fn extension_numbers(&self, message: &str) -> Option<Vec<i32>> {
        let extensions = self.extensions.get(message)?;
        Some(extensions.keys().copied().collect())
    }

    /// Returns a file and all its imports that the client has not received yet.
    pub(super) fn with_imports(&self, file: usize, client: &mut SentFiles) -> Vec<Bytes> {
        if let Some(asked) = self.files.get(file) {
            // The requested file itself is sent again each time.
            client.originals.remove(&asked.original);
            client.module = Some(asked.module);
        }
        let mut files = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left = VecDeque::from([file]);
        while let Some(place) = left.pop_front() {
            let Some(file) = self.files.get(place).filter(|_| seen.insert(place)) else {
                continue;
            };
            if client.originals.insert(file.original) {
                files.push(file.bytes.clone());
            }
            left.extend(&file.imports);
        }
        files
    }

    /// Describes the names that have two meanings. Within each service, every name has one meaning.
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
                // A conflict of a message or an enum includes those of its fields and values.
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

    /// Returns the first of several files, and the first that differs from it.
    fn different<'a>(&'a self, places: &'a [usize]) -> Option<(&'a File, &'a File)> {
        let mut files = places.iter().filter_map(|place| self.files.get(*place));
        let first = files.next()?;
        let other = files.find(|file| file.original != first.original)?;
        Some((first, other))
    }

    fn service_of(&self, file: &File) -> &str {
        self.modules
            .get(file.module)
            .map_or("", |module| &module.service)
    }

    /// Returns the file that is nearest to the last answer: in the same module, or in a module that it imports. Returns the first
    /// file if there is no such file.
    fn nearest(&self, client: &SentFiles, places: &[usize]) -> Option<usize> {
        let first = places.first().copied();
        let (Some(module), true) = (client.module, places.len() > 1) else {
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

    /// Returns a module and everything that it imports, nearest first.
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

    /// Adds the module of a service and all modules that it imports, each once.
    fn add_modules(
        &mut self,
        service: &str,
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
                service: service.to_owned(),
                files: HashMap::new(),
                imports: Vec::new(),
            });
            self.add_set(place, descriptors.set);
            left.extend(descriptors.imports);
        }
        // All modules have indices now.
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
        // The generator checked these bytes when it wrote them.
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

    /// Finds the imports of each file in its own module or in the modules that this one imports.
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

/// A `google.protobuf.FileDescriptorSet` whose files stay encoded.
#[derive(Clone, PartialEq, Message)]
struct RawSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

/// Adds the declarations of one file to the index.
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

    /// Adds a name, and returns its full form.
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
            // The scope of enum values is that of their enum, as in C++.
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
