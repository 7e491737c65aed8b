//! Generates the code of every fixture, in one module tree, and of the service whose methods are all required in another.

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
