//! Compiles the tutorial's proto, which is among the fixtures of the tests; `stubwright::include_protos!()` in `src/lib.rs`
//! includes the result.

fn main() -> Result<(), stubwright_codegen::Error> {
    let protos = "../../tests/protos";
    stubwright_codegen::compile_protos(&["../../tests/protos/route_guide.proto"], &[protos])
}
