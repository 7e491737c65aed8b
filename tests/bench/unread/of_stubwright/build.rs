fn main() -> Result<(), stubwright_codegen::Error> {
    stubwright_codegen::compile_protos(&["../unread.proto"], &[".."])
}
