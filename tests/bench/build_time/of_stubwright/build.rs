//! Generates code for the proto that `run` has written.

fn main() {
    println!("cargo:rerun-if-env-changed=BUILD_TIME_DIR");
    let directory = std::env::var("BUILD_TIME_DIR").expect("`run` should set BUILD_TIME_DIR");
    let proto = format!("{directory}/many.proto");
    stubwright_codegen::compile_protos(&[proto], &[directory]).expect("the proto should be valid");
}
