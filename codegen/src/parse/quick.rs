//! Runs the built-in compiler without source information, and adds the source information afterwards.
//!
//! With source information, the compiler makes a pass over all source positions of a file for each option, to correct
//! the position of the option. These passes take longer than everything else together, because their time grows with
//! the square of the file's length. A generator does not need them. But the compiler's errors need the positions, so if
//! anything goes wrong here, the files are compiled again in full.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::SourceCodeInfo;
use protox::file::{File, FileResolver};
use protox::{Compiler, Error};

use super::Parsed;
use crate::source::number;

/// Compiles the files. Returns `None` if anything is wrong with them.
pub(super) fn parse(
    resolver: impl FileResolver + 'static,
    protos: &[impl AsRef<Path>],
    progress: &mut dyn FnMut(usize),
) -> Option<Parsed> {
    let read = Rc::new(RefCell::new(BTreeMap::new()));
    let mut compiler = Compiler::with_file_resolver(Stripping {
        inner: resolver,
        read: Rc::clone(&read),
    });
    compiler.include_imports(true);
    for (index, proto) in protos.iter().enumerate() {
        progress(index);
        compiler.open_file(proto).ok()?;
    }
    let pool = compiler.descriptor_pool();
    let read = read.borrow();
    // If a file was not read although it exists, a file in an earlier directory has its name. The full compiler
    // reports this.
    let paths: BTreeSet<PathBuf> = read
        .values()
        .filter_map(|read| fs::canonicalize(&read.path).ok())
        .collect();
    let mut there = protos
        .iter()
        .filter_map(|proto| fs::canonicalize(proto).ok());
    if there.any(|path| !paths.contains(&path)) {
        return None;
    }
    let mut descriptor_set = Vec::new();
    for file in pool.files() {
        let mut bytes = file.encode_to_vec();
        if let Some(info) = read.get(file.name()).and_then(|read| read.info.as_ref()) {
            append(&mut bytes, number::FILE_SOURCE_INFO, &info.encode_to_vec());
        }
        append(&mut descriptor_set, 1, &bytes);
    }
    let paths = compiler.files().filter_map(|file| read.get(file.name()));
    Some(Parsed {
        paths: paths.map(|read| read.path.clone()).collect(),
        descriptor_set,
    })
}

/// Appends a field that holds a message.
fn append(bytes: &mut Vec<u8>, number: u32, message: &[u8]) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(message.len() as u64, bytes);
    bytes.extend_from_slice(message);
}

/// Source information of a file, withheld from the compiler.
struct Read {
    path: PathBuf,
    info: Option<SourceCodeInfo>,
}

struct Stripping<R> {
    inner: R,
    read: Rc<RefCell<BTreeMap<String, Read>>>,
}

impl<R: FileResolver> FileResolver for Stripping<R> {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        self.inner.resolve_path(path)
    }

    fn open_file(&self, name: &str) -> Result<File, Error> {
        let file = self.inner.open_file(name)?;
        // Built-in files have no path.
        let Some(path) = file.path().map(Path::to_owned) else {
            return Ok(file);
        };
        let mut descriptor = file.file_descriptor_proto().clone();
        let info = descriptor.source_code_info.take();
        self.read
            .borrow_mut()
            .insert(name.to_owned(), Read { path, info });
        Ok(File::from_file_descriptor_proto(descriptor))
    }
}
