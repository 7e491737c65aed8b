//! Runs the corpus of the fuzz target `plugin` of `tests/fuzz` on stable Rust.

#[path = "../../tests/fuzz/plugin.rs"]
mod target;

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_types::compiler::CodeGeneratorRequest;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/plugin")
}

#[test]
fn the_corpus_is_answered() {
    let files = fs::read_dir(corpus()).expect("the corpus should exist");
    let mut count = 0;
    for file in files {
        let path = file.expect("the directory should be readable").path();
        // If the test fails, the last path printed is the one that failed.
        println!("{}", path.display());
        target::plugin(&fs::read(&path).expect("the file should be readable"));
        count += 1;
    }
    assert!(count > 0, "no corpus in {}", corpus().display());
}

#[test]
#[ignore = "writes to the corpus"]
fn write_seeds() {
    fs::create_dir_all(corpus()).expect("the directory should be created");
    for (number, file) in common::fixture_files().iter().enumerate() {
        let mut files = protox::compile([file], [common::fixtures()])
            .expect("the fixtures should be valid")
            .file;
        let name = files.last().map_or("", |file| file.name()).to_owned();
        // Source information would be most of the corpus.
        files
            .iter_mut()
            .for_each(|file| file.source_code_info = None);
        let request = CodeGeneratorRequest {
            file_to_generate: vec![name],
            parameter: (number % 2 == 1).then(|| "btree_map=.".to_owned()),
            proto_file: files,
            compiler_version: None,
        };
        let path = corpus().join(format!("seed-{number}"));
        fs::write(path, request.encode_to_vec()).expect("should be writable");
    }
}
