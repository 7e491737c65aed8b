//! Compiles `proto/square.proto`. `stubwright::include_protos!()` in `src/lib.rs` includes the result.

fn main() -> Result<(), stubwright_codegen::Error> {
    // `compile_protos` alone would be enough, except for the blocking stub of `square-blocking-client`.
    stubwright_codegen::Config::new()
        .blocking(true)
        .compile_protos(&["proto/square.proto"], &["proto"])
}
