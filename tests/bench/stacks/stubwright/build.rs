fn main() -> Result<(), stubwright_codegen::Error> {
    let protos = ["../../proto/bench.proto", "../../proto/work.proto"];
    stubwright_codegen::compile_protos(&protos, &["../../proto"])
}
