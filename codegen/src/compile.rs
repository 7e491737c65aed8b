//! Entry points for build scripts: read `.proto` files or descriptors, and write Rust files.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::error::Error;
use crate::generate::generate;
use crate::parse::{self, Parsed};
use crate::tree::Inclusion;

/// Compiles `.proto` files in a build script, with the default options.
///
/// `protos` are the paths of the files. `includes` are the directories in which imports are looked up. Each file must
/// be below one of them. The well-known types (`google/protobuf/*.proto`) are built in. Include the generated code by
/// `stubwright::include_protos!()`.
///
/// # Errors
/// Returns an error if a file cannot be read, parsed or written, or if an element cannot be expressed in Rust.
pub fn compile_protos(
    protos: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
) -> Result<(), Error> {
    Config::new().compile_protos(protos, includes)
}

impl Config {
    /// Compiles `.proto` files in a build script with these options. See [`compile_protos`] for the arguments.
    ///
    /// # Errors
    /// Returns an error if an option has an invalid value, if a file cannot be read, parsed or written, or if an
    /// element cannot be expressed in Rust.
    pub fn compile_protos(
        &self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<(), Error> {
        let parsed = self.parse(protos, includes)?;
        if env::var_os("OUT_DIR").is_some() {
            for path in &parsed.paths {
                println!("cargo:rerun-if-changed={}", path.display());
            }
        }
        if let Some(path) = &self.file_descriptor_set_path {
            write_if_changed(path, &parsed.descriptor_set)?;
        }
        self.write(Descriptors::of_set(&parsed.descriptor_set)?)
    }

    /// Generates the code for an encoded descriptor set, and writes the files that
    /// [`compile_protos`](Self::compile_protos) would write.
    ///
    /// `descriptor_set` is an encoded `google.protobuf.FileDescriptorSet` with all imports. If the set has source
    /// information, comments are kept. `protoc --include_imports --include_source_info -o FILE` and `buf build` write
    /// such a set.
    ///
    /// # Errors
    /// Returns an error if an option has an invalid value, if the descriptors cannot be decoded or are incomplete, if
    /// an element cannot be expressed in Rust, or if a file cannot be written.
    pub fn compile_descriptor_set(&self, descriptor_set: &[u8]) -> Result<(), Error> {
        let descriptors = Descriptors::of_set(descriptor_set)?;
        if let Some(path) = &self.file_descriptor_set_path {
            write_if_changed(path, descriptor_set)?;
        }
        self.write(descriptors)
    }

    /// Generates the code for `.proto` files without writing it. Returns the text of each generated file by its name.
    ///
    /// The module tree is one of the files, and includes the others by relative paths.
    ///
    /// # Errors
    /// Returns an error if an option has an invalid value, if a file cannot be read or parsed, or if an element cannot
    /// be expressed in Rust.
    pub fn generate_protos(
        &self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<BTreeMap<String, String>, Error> {
        self.generate(&self.parse(protos, includes)?.descriptor_set)
    }

    /// Generates the code for an encoded descriptor set without reading or writing files. Returns the text of each
    /// generated file by its name.
    ///
    /// The module tree is one of the files, and includes the others by relative paths.
    /// See [`compile_descriptor_set`](Self::compile_descriptor_set) for the argument.
    ///
    /// # Errors
    /// Returns an error if an option has an invalid value, if the descriptors cannot be decoded or are incomplete, or
    /// if an element cannot be expressed in Rust.
    pub fn generate(&self, descriptor_set: &[u8]) -> Result<BTreeMap<String, String>, Error> {
        let descriptors = Descriptors::of_set(descriptor_set)?;
        let generated = generate(descriptors, None, &self.include_file, self)?;
        let tree = generated.tree(Inclusion::Beside);
        let mut texts = generated.texts;
        if self.module_tree {
            texts.insert(self.include_file.clone(), tree);
        }
        Ok(texts)
    }

    fn parse(
        &self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<Parsed, Error> {
        match &self.protoc {
            Some(protoc) => parse::protoc(protoc, protos, includes),
            None => {
                let exact = self.file_descriptor_set_path.is_some();
                parse::built_in(protos, includes, exact, self.progress)
            }
        }
    }

    fn write(&self, descriptors: Descriptors) -> Result<(), Error> {
        let (directory, inclusion) = self.target()?;
        let generated = generate(descriptors, None, &self.include_file, self)?;
        let tree_path = directory.join(&self.include_file);
        if self.module_tree {
            claim_tree(&tree_path)?;
        }
        for (name, text) in &generated.texts {
            let path = directory.join(name);
            claim_package(&path, text)?;
            write_if_changed(&path, text.as_bytes())?;
        }
        if self.module_tree {
            write_if_changed(&tree_path, generated.tree(inclusion).as_bytes())?;
        }
        Ok(())
    }

    fn target(&self) -> Result<(PathBuf, Inclusion), Error> {
        match (&self.out_dir, env::var_os("OUT_DIR")) {
            (Some(directory), _) => {
                fs::create_dir_all(directory).map_err(|error| Error::io(directory, error))?;
                Ok((directory.clone(), Inclusion::Beside))
            }
            (None, Some(directory)) => Ok((directory.into(), Inclusion::OutDir)),
            (None, None) => Err(Error::Config(
                "OUT_DIR is not set: call this from a build script, or set `out_dir`".to_owned(),
            )),
        }
    }
}

/// Files that this process has written: a hash of the text for a package, `None` for a module tree.
static WRITTEN: Mutex<BTreeMap<PathBuf, Option<u64>>> = Mutex::new(BTreeMap::new());

fn claim_tree(path: &Path) -> Result<(), Error> {
    if claim(path, None).is_none() {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{} was already written by this build script, and a second run would replace its modules: compile all files in one \
         call, or name the second tree with `include_file(\"name.rs\")` and include it with `include_protos!(\"name\")`",
        path.display()
    )))
}

fn claim_package(path: &Path, text: &str) -> Result<(), Error> {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let hash = Some(hasher.finish());
    match claim(path, hash) {
        Some(before) if before != hash => Err(Error::Config(format!(
            "{} was already written by this build script with other content: compile all files of a package in one call, \
             or give the second run an `out_dir` of its own",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Records that a file is written. Returns the file's earlier record, if this process has written it before.
fn claim(path: &Path, hash: Option<u64>) -> Option<Option<u64>> {
    let mut written = WRITTEN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    written.insert(path.to_owned(), hash)
}

/// Writes a file only if its content changes: cargo recompiles a file whose modification time is new.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::write(path, content).map_err(|error| Error::io(path, error))
}
