//! Compiles `proto/chat.proto`. `stubwright::include_protos!()` in `src/lib.rs` includes the result.

fn main() -> Result<(), stubwright_codegen::Error> {
    stubwright_codegen::compile_protos(&["proto/chat.proto"], &["proto"])
}
