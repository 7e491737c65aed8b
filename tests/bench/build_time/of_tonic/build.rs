//! Generates code for the proto that `run` has written.

fn main() {
    println!("cargo:rerun-if-env-changed=BUILD_TIME_DIR");
    let directory = std::env::var("BUILD_TIME_DIR").expect("`run` says where the proto is");
    println!("cargo:rerun-if-changed={directory}/many.proto");
    let files = protox::compile(["many.proto"], [directory]).expect("the proto is good");
    tonic_prost_build::configure()
        .compile_fds(files)
        .expect("code can be generated");
}
