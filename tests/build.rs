//! Generates the code of every fixture, in one module tree, of the service whose methods are all required in another, of
//! files with an edition in a third, blocking stubs in a fourth, and messages that have a JSON form in a fifth.

use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut protos = Vec::new();
    find(Path::new("protos"), &mut protos)?;
    protos.sort();
    println!("cargo:rerun-if-changed=protos");
    stubwright_codegen::compile_protos(&protos, &["protos"])?;

    let cases = Path::new("tests/compile_fail");
    stubwright_codegen::Config::new()
        .all_methods_required(true)
        .include_file("required.rs")
        .compile_protos(&[cases.join("required.proto")], &[cases])?;

    let blocking = ["probe.proto", "names.proto", "corners/deprecated.proto"];
    stubwright_codegen::Config::new()
        .server(false)
        .blocking(true)
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("blocking"))
        .compile_protos(
            &blocking.map(|file| Path::new("protos").join(file)),
            &["protos"],
        )?;

    // Services that know nothing of each other, whose files and messages have the same names.
    println!("cargo:rerun-if-changed=twins");
    for twin in ["one", "two", "three"] {
        let directory = Path::new("twins").join(twin);
        let mut files = Vec::new();
        find(&directory, &mut files)?;
        stubwright_codegen::Config::new()
            .out_dir(
                Path::new(&std::env::var("OUT_DIR")?)
                    .join("twins")
                    .join(twin),
            )
            .compile_protos(&files, &[directory])?;
    }

    println!("cargo:rerun-if-changed=json");
    stubwright_codegen::Config::new()
        .json(true)
        .btree_map(".")
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("json"))
        .compile_protos(&["json/cases.proto"], &["json"])?;

    // What protoc made of files that the built-in compiler does not read; the interop run makes it again.
    let editions = "editions/descriptors.bin";
    println!("cargo:rerun-if-changed={editions}");
    stubwright_codegen::Config::new()
        .json(true)
        .include_file("editions.rs")
        .compile_descriptor_set(&fs::read(editions)?)?;
    Ok(())
}

/// The protos in a directory and those below it.
fn find(directory: &Path, protos: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, protos)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            protos.push(path);
        }
    }
    Ok(())
}
