//! Compiles `proto/auth.proto`. `stubwright::include_protos!()` in `src/lib.rs` includes the result.

fn main() -> Result<(), stubwright_codegen::Error> {
    stubwright_codegen::compile_protos(&["proto/auth.proto"], &["proto"])
}
