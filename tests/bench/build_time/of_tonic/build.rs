//! Generates code for the proto that `run` has written.

fn main() {
    println!("cargo:rerun-if-env-changed=BUILD_TIME_DIR");
    let directory = std::env::var("BUILD_TIME_DIR").expect("`run` should set BUILD_TIME_DIR");
    println!("cargo:rerun-if-changed={directory}/many.proto");
    let files = protox::compile(["many.proto"], [directory]).expect("the proto should be valid");
    tonic_prost_build::configure()
        .compile_fds(files)
        .expect("code should be generated");
}
