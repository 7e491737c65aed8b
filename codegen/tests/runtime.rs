//! The generated code that is checked in with the runtime must be up to date with its protos.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use stubwright_codegen::Config;

/// `INSTA_UPDATE=always` writes the generated code, as it does with snapshots.
#[test]
fn the_generated_code_of_the_runtime_is_up_to_date() {
    let runtime = runtime();
    let out = common::directory("runtime");
    Config::new()
        .server_attribute("#[cfg(feature = \"server\")]")
        .client_attribute("#[cfg(feature = \"client\")]")
        .btree_map(".")
        .bytes(".grpc.reflection")
        .enable_type_names(true)
        .type_name_domain(".google.rpc", "type.googleapis.com")
        // The older protocol has the same messages.
        .extern_path(".grpc.reflection.v1alpha", "::stubwright::reflection::v1")
        .out_dir(&out)
        .compile_protos(
            &[
                "google/rpc/error_details.proto",
                "google/rpc/status.proto",
                "grpc/health/v1/health.proto",
                "grpc/reflection/v1/reflection.proto",
                "grpc/reflection/v1alpha/reflection.proto",
            ],
            &[runtime.join("protos")],
        )
        .expect("the protos should be valid");
    let mut generated = common::texts(&out);
    // The runtime declares the modules itself.
    generated.remove("stubwright.rs");
    let rules = runtime.join("src/base/generated");
    let services = runtime.join("src/services/generated");
    if is_update() {
        for (name, text) in &generated {
            let folder = if name.starts_with("grpc.") {
                &services
            } else {
                &rules
            };
            fs::write(folder.join(name), text).expect("should be writable");
        }
    }
    assert_eq!(generated.len(), 4);
    let mut checked_in = common::texts(&rules);
    checked_in.extend(common::texts(&services));
    assert!(
        generated == checked_in,
        "the generated code in runtime/src does not match the protos in runtime/protos: \
         `INSTA_UPDATE=always cargo test -p stubwright-codegen` writes it anew"
    );
}

#[test]
fn the_generated_code_of_the_guide_is_up_to_date() {
    let notes = runtime().join("docs/notes");
    let out = common::directory("guide");
    Config::new()
        .blocking(true)
        .views("Note")
        .out_dir(&out)
        .compile_protos(&["notes.proto"], &[&notes])
        .expect("the proto should be valid");
    let generated = fs::read_to_string(out.join("notes.rs")).expect("should be generated");
    let path = notes.join("notes.rs");
    if is_update() {
        fs::write(&path, &generated).expect("should be writable");
    }
    assert!(
        fs::read_to_string(path).is_ok_and(|checked_in| checked_in == generated),
        "runtime/docs/notes/notes.rs does not match the proto beside it: \
         `INSTA_UPDATE=always cargo test -p stubwright-codegen` writes it anew"
    );
}

fn runtime() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime")
}

fn is_update() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always")
}
