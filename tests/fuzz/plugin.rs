//! The target `plugin`: the protoc plugin with any bytes as its request. The fuzzer runs it, and the generator's
//! tests run it over the corpus on stable Rust.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::compiler::CodeGeneratorResponse;
use stubwright_codegen::plugin::run;

/// Checks that the answer to any request is a response: either distinct Rust files, or an error.
pub fn plugin(request: &[u8]) {
    let response = run(request);
    let decoded =
        CodeGeneratorResponse::decode(response.as_slice()).expect("the response should decode");
    assert_eq!(decoded.supported_features, Some(3));
    match decoded.error {
        Some(error) => {
            assert!(!error.is_empty());
            assert!(decoded.file.is_empty(), "files beside an error");
        }
        None => {
            let mut names = BTreeSet::new();
            for file in &decoded.file {
                assert!(file.name().ends_with(".rs"), "{}", file.name());
                assert!(names.insert(file.name()), "{} twice", file.name());
                let parsed = syn::parse_file(file.content());
                parsed.unwrap_or_else(|error| panic!("{}: {error}", file.name()));
            }
        }
    }
}
