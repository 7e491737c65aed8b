//! Generates the code of the suites' messages, and of the service of Connect's suite.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    stubwright_codegen::compile_protos(
        &[
            "proto/connectrpc/conformance/v1/client_compat.proto",
            "proto/connectrpc/conformance/v1/server_compat.proto",
        ],
        &["proto"],
    )?;
    if std::env::var_os("CARGO_FEATURE_PROTOBUF").is_some() {
        let descriptors = "protobuf/.bin/descriptors.bin";
        println!("cargo:rerun-if-changed={descriptors}");
        // The suite wants unknown fields back. The packages below `editions` have the messages of proto2 and proto3 once more: here with other types in Rust.
        let editions = ".protobuf_test_messages.editions";
        stubwright_codegen::Config::new()
            .json(true)
            .unknown_fields(".protobuf_test_messages")
            .bytes(editions)
            .btree_map(editions)
            .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("protobuf"))
            .compile_descriptor_set(&std::fs::read(descriptors)?)?;
    }
    Ok(())
}
