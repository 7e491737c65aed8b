//! Generates code for the proto that `run` has written.

use prost::Message as _;

fn main() {
    println!("cargo:rerun-if-env-changed=BUILD_TIME_DIR");
    let directory = std::env::var("BUILD_TIME_DIR").expect("`run` says where the proto is");
    println!("cargo:rerun-if-changed={directory}/many.proto");
    let files = protox::compile(["many.proto"], [directory]).expect("the proto is good");
    // Without protoc, it takes descriptors only from a file.
    let out = std::env::var("OUT_DIR").expect("cargo says where output goes");
    let descriptors = std::path::Path::new(&out).join("many.binpb");
    std::fs::write(&descriptors, files.encode_to_vec()).expect("the file can be written");
    connectrpc_build::Config::new()
        .descriptor_set(&descriptors)
        .files(&["many.proto"])
        .generate_json(false)
        .include_file("_connectrpc.rs")
        .compile()
        .expect("code can be generated");
}
