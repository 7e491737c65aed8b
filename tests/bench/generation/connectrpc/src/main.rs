//! `generate-connectrpc OUT ROOT LIST`: generates code for the files below ROOT that are listed in LIST, one per
//! line.

use std::error::Error;
use std::path::Path;

use prost::Message as _;
use protox::Compiler;
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, root, list] = arguments.as_slice() else {
        return Err("usage: generate-connectrpc OUT ROOT LIST".into());
    };
    // Without protoc, it takes descriptors only from a file.
    let descriptors = Path::new(out).join("descriptors.binpb");
    let names = {
        let mut resolver = ChainFileResolver::new();
        // The built-in files come first, because protox refuses some of their copies below ROOT.
        resolver.add(GoogleFileResolver::new());
        resolver.add(IncludeFileResolver::new(root.into()));
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(std::fs::read_to_string(list)?.lines())?;
        let set = compiler.file_descriptor_set();
        std::fs::write(&descriptors, set.encode_to_vec())?;
        let files = set.file.into_iter();
        files.filter_map(|file| file.name).collect::<Vec<_>>()
    };
    // Imports are generated too, as by the others. The well-known types are in its library.
    let generated: Vec<&String> = names
        .iter()
        .filter(|name| !name.starts_with("google/protobuf/"))
        .collect();
    connectrpc_build::Config::new()
        .descriptor_set(&descriptors)
        .files(&generated)
        .generate_json(false)
        .out_dir(out)
        .include_file("mod.rs")
        .emit_rerun_directives(false)
        .compile()?;
    std::fs::remove_file(&descriptors)?;
    Ok(())
}
