//! Generates the messages for each stack, from the same descriptors.

use std::error::Error;
use std::path::{Path, PathBuf};

use protox::prost_reflect::prost_types::FileDescriptorSet;

const FILES: [&str; 2] = ["bench.proto", "messages.proto"];
const FOLDER: &str = "../proto";

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo::rerun-if-changed={FOLDER}/{file}");
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, [FOLDER])?;
    if cfg!(feature = "prost") {
        with_prost(&out.join("prost"), &descriptors)?;
    }
    if cfg!(any(feature = "stubwright", feature = "views")) {
        with_stubwright(&out.join("stubwright"))?;
    }
    #[cfg(feature = "buffa")]
    with_buffa(&out.join("buffa"), &descriptors)?;
    #[cfg(feature = "protobuf")]
    protobuf_codegen::CodeGen::new()
        .inputs(FILES)
        .include(FOLDER)
        .output_dir(out.join("protobuf"))
        .generate_and_compile()?;
    Ok(())
}

fn with_prost(out: &Path, descriptors: &FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let mut config = prost_build::Config::new();
    config.out_dir(out);
    if cfg!(feature = "shared") {
        config.bytes(["."]);
    }
    config.compile_fds(descriptors.clone())?;
    Ok(())
}

fn with_stubwright(out: &Path) -> Result<(), stubwright_codegen::Error> {
    let mut config = stubwright_codegen::Config::new()
        .server(false)
        .client(false)
        .out_dir(out);
    if cfg!(feature = "shared") {
        config = config.bytes(".");
    }
    if cfg!(feature = "views") {
        config = config.views(".");
    }
    config.compile_protos(&FILES.map(|file| format!("{FOLDER}/{file}")), &[FOLDER])
}

#[cfg(feature = "buffa")]
fn with_buffa(out: &Path, descriptors: &FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    use prost::Message;

    std::fs::create_dir_all(out)?;
    let set = out.join("bench.binpb");
    std::fs::write(&set, descriptors.encode_to_vec())?;
    let mut config = buffa_build::Config::new()
        .descriptor_set(&set)
        .files(&FILES)
        .out_dir(out)
        .include_file("buffa.rs");
    if cfg!(feature = "shared") {
        config = config.use_bytes_type();
    }
    config.compile()
}
