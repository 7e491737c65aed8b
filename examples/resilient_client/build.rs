//! Compiles `proto/replicas.proto`. `stubwright::include_protos!()` in `src/main.rs` includes the result.

fn main() -> Result<(), stubwright_codegen::Error> {
    stubwright_codegen::compile_protos(&["proto/replicas.proto"], &["proto"])
}
