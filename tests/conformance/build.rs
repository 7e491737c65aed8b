//! Generates the code of the suite's messages and of its service.

fn main() -> Result<(), stubwright_codegen::Error> {
    stubwright_codegen::compile_protos(
        &[
            "proto/connectrpc/conformance/v1/client_compat.proto",
            "proto/connectrpc/conformance/v1/server_compat.proto",
        ],
        &["proto"],
    )
}
