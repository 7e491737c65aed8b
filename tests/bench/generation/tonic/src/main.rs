//! `generate-tonic OUT ROOT LIST`: generates code for the files below ROOT that are listed in LIST, one per line.

use std::error::Error;

use protox::Compiler;
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, root, list] = arguments.as_slice() else {
        return Err("usage: generate-tonic OUT ROOT LIST".into());
    };
    let set = {
        let mut resolver = ChainFileResolver::new();
        // The built-in files come first, because protox refuses some of their copies below ROOT.
        resolver.add(GoogleFileResolver::new());
        resolver.add(IncludeFileResolver::new(root.into()));
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(std::fs::read_to_string(list)?.lines())?;
        compiler.file_descriptor_set()
    };
    tonic_prost_build::configure()
        .out_dir(out)
        .include_file("mod.rs")
        .compile_fds(set)?;
    Ok(())
}
