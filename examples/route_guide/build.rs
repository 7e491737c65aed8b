//! Compiles the tutorial's proto, which is one of the test fixtures. `stubwright::include_protos!()` in `src/lib.rs`
//! includes the result.

fn main() -> Result<(), stubwright_codegen::Error> {
    let protos = "../../tests/protos";
    stubwright_codegen::compile_protos(&["../../tests/protos/route_guide.proto"], &[protos])
}
