//! The plugin: the same text as in a build script, and an answer to everything.

mod common;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use stubwright_codegen::{Config, plugin};

/// The descriptors of all fixtures and what they import.
static FIXTURES: LazyLock<Vec<FileDescriptorProto>> = LazyLock::new(|| {
    protox::compile(common::fixture_files(), [common::fixtures()])
        .expect("the fixtures are valid")
        .file
});

fn request(parameter: &str) -> CodeGeneratorRequest {
    CodeGeneratorRequest {
        file_to_generate: FIXTURES.iter().map(|file| file.name().to_owned()).collect(),
        parameter: Some(parameter.to_owned()),
        proto_file: FIXTURES.clone(),
        compiler_version: None,
    }
}

fn run(request: &CodeGeneratorRequest) -> CodeGeneratorResponse {
    answer(&request.encode_to_vec())
}

fn answer(request: &[u8]) -> CodeGeneratorResponse {
    let response = CodeGeneratorResponse::decode(plugin::run(request).as_slice())
        .expect("the response is sound");
    assert_eq!(response.supported_features, Some(1));
    response
}

fn texts(response: CodeGeneratorResponse) -> BTreeMap<String, String> {
    assert_eq!(response.error, None);
    let files = response.file.into_iter();
    files
        .map(|file| (file.name().to_owned(), file.content().to_owned()))
        .collect()
}

#[test]
fn writes_what_a_build_script_writes() {
    let out = common::directory("plugin_like_build_script");
    Config::new()
        .out_dir(&out)
        .include_file("mod.rs")
        .all_methods_required(true)
        .btree_map(".types")
        .extern_path(".chat", "::elsewhere")
        .compile_protos(&common::fixture_files(), &[common::fixtures()])
        .expect("the fixtures are valid");
    let parameter = "all_methods_required,btree_map=.types,extern_path=.chat=::elsewhere";
    assert_eq!(texts(run(&request(parameter))), common::texts(&out));
}

#[test]
fn does_not_depend_on_the_order_of_files() {
    let expected = run(&request(""));
    for turn in [1, 3, 5] {
        let mut shuffled = request("");
        shuffled.proto_file.rotate_left(turn);
        shuffled.file_to_generate.reverse();
        assert_eq!(run(&shuffled), expected);
    }
}

#[test]
fn generates_only_the_files_that_it_is_asked_for() {
    let mut request = request("");
    request.file_to_generate = vec!["service_only.proto".to_owned()];
    let texts = texts(run(&request));
    assert_eq!(
        texts.keys().collect::<Vec<_>>(),
        ["mod.rs", "service_only.rs"]
    );
}

#[test]
fn a_package_called_like_the_tree_steps_aside() {
    let protos = [("a.proto", "syntax = \"proto3\"; package mod; message A {}")];
    let directory = common::directory("plugin_mod");
    let path = directory.join("a.proto");
    std::fs::write(&path, protos[0].1).expect("the proto can be written");
    let compiled = protox::compile([&path], [&directory]).expect("it is valid");
    let texts = texts(run(&CodeGeneratorRequest {
        file_to_generate: vec!["a.proto".to_owned()],
        proto_file: compiled.file,
        ..CodeGeneratorRequest::default()
    }));
    assert_eq!(texts.keys().collect::<Vec<_>>(), ["mod.rs", "mod_.rs"]);
    assert!(texts["mod.rs"].contains("pub mod r#mod {\n    include!(\"mod_.rs\");\n}"));
}

#[test]
fn parameters_that_cannot_be_used_are_named() {
    let parameter =
        "client=no,unknown=1,bytes,extern_path=.a,type_attribute=.=#[derive(A\\, B)],server=false";
    let response = run(&request(parameter));
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("error_parameters", response.error());
    });
    assert!(response.file.is_empty());
}

#[test]
fn a_missing_descriptor_is_named() {
    let mut request = request("");
    request.file_to_generate.push("missing.proto".to_owned());
    let response = run(&request);
    assert_eq!(
        response.error(),
        "the descriptors cannot be read: the request has no descriptor of `missing.proto`"
    );
}

#[test]
fn a_truncated_request_is_answered() {
    let mut request = request("");
    request
        .proto_file
        .retain(|file| file.name() == "square.proto");
    request.file_to_generate = vec!["square.proto".to_owned()];
    let request = request.encode_to_vec();
    for length in 0..request.len() {
        answer(&request[..length]);
    }
}

/// The fixture with one of everything, and what it imports.
static TYPES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let compiled =
        protox::compile(["types.proto"], [common::fixtures()]).expect("the fixture is valid");
    let request = CodeGeneratorRequest {
        file_to_generate: compiled
            .file
            .iter()
            .map(|file| file.name().to_owned())
            .collect(),
        proto_file: compiled.file,
        ..CodeGeneratorRequest::default()
    };
    request.encode_to_vec()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        answer(&bytes);
    }

    #[test]
    fn a_damaged_request_is_answered(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut request = TYPES.clone();
        for (place, byte) in damage {
            let place = place.index(request.len());
            request[place] = byte;
        }
        answer(&request);
    }
}
