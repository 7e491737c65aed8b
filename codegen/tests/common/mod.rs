//! Helpers for the tests of the generator.

#![allow(
    dead_code,
    reason = "each test file has a copy of this module and needs some of it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use stubwright_codegen::{Config, Error};

/// Returns the directory of the fixture protos.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/protos")
}

/// Returns the paths of all fixture protos, sorted.
pub fn fixture_files() -> Vec<PathBuf> {
    fn add(directory: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("the directory of the fixtures should exist") {
            let path = entry.expect("the directory should be readable").path();
            if path.is_dir() {
                add(&path, files);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    add(&fixtures(), &mut files);
    files.sort();
    files
}

/// Creates a fresh directory for one test. Names must be unique, because tests run in parallel.
pub fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the output of an earlier run should be removable");
    }
    fs::create_dir_all(&path).expect("the directory should be created");
    path
}

/// Reads the files of a directory. Returns their texts by name.
pub fn texts(directory: &Path) -> BTreeMap<String, String> {
    fs::read_dir(directory)
        .expect("the directory should exist")
        .map(|entry| {
            let entry = entry.expect("the directory should be readable");
            let name = entry.file_name().to_string_lossy().into_owned();
            (
                name,
                fs::read_to_string(entry.path()).expect("generated files should be UTF-8"),
            )
        })
        .collect()
}

/// Compiles protos given as names and texts.
///
/// The protos are left in a directory called `name`, and the generated files in its subdirectory `out`.
pub fn compile(
    name: &str,
    config: Config,
    protos: &[(&str, &str)],
) -> Result<BTreeMap<String, String>, Error> {
    let directory = directory(name);
    let mut paths = Vec::new();
    for (file, text) in protos {
        let path = directory.join(file);
        let parent = path.parent().expect("the file should be in the directory");
        fs::create_dir_all(parent).expect("the directory should be created");
        fs::write(&path, text).expect("the proto should be written");
        paths.push(path);
    }
    let out = directory.join("out");
    config.out_dir(&out).compile_protos(&paths, &[&directory])?;
    Ok(texts(&out))
}
