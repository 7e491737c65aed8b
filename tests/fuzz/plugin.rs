//! The plugin on any bytes. The fuzzer runs it, and on stable the tests of the generator, over the corpus.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::compiler::CodeGeneratorResponse;
use stubwright_codegen::plugin::run;

/// Whatever protoc sends, the answer is a response: files of Rust, each once, or an error.
pub fn plugin(request: &[u8]) {
    let response = run(request);
    let decoded = CodeGeneratorResponse::decode(response.as_slice()).expect("the response decodes");
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
