//! Generates code for the proto that `run` has written.

use prost::Message as _;

fn main() {
    println!("cargo:rerun-if-env-changed=BUILD_TIME_DIR");
    let directory = std::env::var("BUILD_TIME_DIR").expect("`run` should set BUILD_TIME_DIR");
    println!("cargo:rerun-if-changed={directory}/many.proto");
    let files = protox::compile(["many.proto"], [directory]).expect("the proto should be valid");
    // Without protoc, it takes descriptors only from a file.
    let out = std::env::var("OUT_DIR").expect("cargo should set OUT_DIR");
    let descriptors = std::path::Path::new(&out).join("many.binpb");
    std::fs::write(&descriptors, files.encode_to_vec()).expect("the file should be writable");
    connectrpc_build::Config::new()
        .descriptor_set(&descriptors)
        .files(&["many.proto"])
        .generate_json(false)
        .include_file("_connectrpc.rs")
        .compile()
        .expect("code should be generated");
}
