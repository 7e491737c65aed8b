//! Tests of the plugin: it writes the same text as a build script, and answers every request.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message as _;
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions,
};
use stubwright_codegen::{Config, MapType, module_tree, plugin};

/// Descriptors of all fixtures and their imports.
static FIXTURES: LazyLock<Vec<FileDescriptorProto>> = LazyLock::new(|| {
    FileDescriptorSet::decode(RAW_FIXTURES.as_slice())
        .expect("protox should write valid descriptors")
        .file
});

/// The same descriptors in their original encoding. Decoding drops options that prost does not know.
static RAW_FIXTURES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut compiler =
        protox::Compiler::new([common::fixtures()]).expect("the directory should exist");
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(common::fixture_files())
        .expect("the fixtures should be valid")
        .encode_file_descriptor_set()
});

/// A descriptor set, or a request, whose files are left encoded.
#[derive(Clone, PartialEq, prost::Message)]
struct RawFiles {
    #[prost(bytes = "vec", repeated, tag = "1")]
    of_set: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    of_request: Vec<Vec<u8>>,
}

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
        .expect("the response should decode");
    assert_eq!(response.supported_features, Some(3));
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
        .shared_strings("name")
        .map_type("labels", MapType::Vec)
        .map_type("by_number", MapType::FastMap)
        .unknown_fields(".types.old")
        .extern_path(".chat", "::elsewhere")
        .compile_protos(&common::fixture_files(), &[common::fixtures()])
        .expect("the fixtures should be valid");
    let parameter = "all_methods_required,btree_map=.types,extern_path=.chat=::elsewhere,shared_strings=name,\
        map_type=labels=vec,map_type=by_number=fast_map,unknown_fields=.types.old";
    let mut request = request(parameter);
    request.proto_file.clear();
    let of_set =
        RawFiles::decode(RAW_FIXTURES.as_slice()).expect("protox should write valid descriptors");
    let of_request = RawFiles {
        of_request: of_set.of_set,
        ..RawFiles::default()
    };
    // Concatenated messages are merged when they are decoded.
    let request = [request.encode_to_vec(), of_request.encode_to_vec()].concat();
    assert_eq!(texts(answer(&request)), common::texts(&out));
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
fn a_package_with_the_name_of_the_tree_gets_another_file() {
    let protos = [("a.proto", "syntax = \"proto3\"; package mod; message A {}")];
    let directory = common::directory("plugin_mod");
    let path = directory.join("a.proto");
    std::fs::write(&path, protos[0].1).expect("the proto should be written");
    let compiled = protox::compile([&path], [&directory]).expect("should be valid");
    let texts = texts(run(&CodeGeneratorRequest {
        file_to_generate: vec!["a.proto".to_owned()],
        proto_file: compiled.file,
        ..CodeGeneratorRequest::default()
    }));
    assert_eq!(texts.keys().collect::<Vec<_>>(), ["mod.rs", "mod_.rs"]);
    assert!(texts["mod.rs"].contains("pub mod r#mod {\n    include!(\"mod_.rs\");\n}"));
}

#[test]
fn bad_parameters_are_named() {
    let parameter = "client=no,unknown=1,bytes,extern_path=.a,map_type=.a=tree,map_type=vec,type_attribute=.=#[derive(A\\, B)],server=false";
    let response = run(&request(parameter));
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("error_parameters", response.error());
    });
    assert!(response.file.is_empty());
}

/// Requests that protoc would not send, and mistakes of users, each with the expected text.
#[test]
fn bad_input_is_explained() {
    let file = |name: &str, imports: &[&str]| FileDescriptorProto {
        name: Some(name.to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        ..FileDescriptorProto::default()
    };
    let of = |files: Vec<FileDescriptorProto>| CodeGeneratorRequest {
        file_to_generate: files.iter().map(|file| file.name().to_owned()).collect(),
        proto_file: files,
        ..CodeGeneratorRequest::default()
    };
    let mut unknown_type = file("a.proto", &[]);
    unknown_type.message_type.push(DescriptorProto {
        name: Some("A".to_owned()),
        field: vec![FieldDescriptorProto {
            name: Some("b".to_owned()),
            number: Some(1),
            r#type: Some(11),
            type_name: Some(".nowhere.B".to_owned()),
            ..FieldDescriptorProto::default()
        }],
        ..DescriptorProto::default()
    });
    let good = of(vec![file("a.proto", &[])]).encode_to_vec();
    let circle = of(vec![
        file("a.proto", &["b.proto"]),
        file("b.proto", &["c.proto", "d.proto"]),
        file("c.proto", &["a.proto"]),
        file("d.proto", &["d.proto"]),
    ]);
    let cases = [
        ("truncated", good[..good.len() - 1].to_vec()),
        ("invalid UTF-8", b"\x0a\x01\xff".to_vec()),
        ("no request at all", b"not a request".to_vec()),
        ("unknown type", of(vec![unknown_type]).encode_to_vec()),
        ("cyclic import", circle.encode_to_vec()),
        (
            "missing import",
            of(vec![file("a.proto", &["nowhere.proto"])]).encode_to_vec(),
        ),
        ("wrong parameter", request("servers=true").encode_to_vec()),
    ];
    let texts: String = cases
        .iter()
        .map(|(name, bytes)| format!("--- {name}\n{}\n", answer(bytes).error()))
        .collect();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("error_requests", texts);
    });
}

/// Runs for single directories, as `buf` does by default, each with only the imports of its files. The tree over all
/// of them must equal that of one run.
#[test]
fn runs_for_each_directory_make_one_tree() {
    let parameter = "module_tree=false,descriptors=false";
    let mut all = request("descriptors=false");
    // A package in it has the name of the module of a message in another directory.
    all.file_to_generate
        .retain(|name| !name.starts_with("corners/"));
    all.proto_file
        .retain(|file| !file.name().starts_with("corners/"));
    let mut directories: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in &all.file_to_generate {
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        directories.entry(directory).or_default().push(name.clone());
    }
    assert!(directories.len() > 2);
    let mut parts = BTreeMap::new();
    for files in directories.into_values() {
        let mut imported = BTreeSet::new();
        let mut left = files.clone();
        while let Some(name) = left.pop() {
            let file = FIXTURES.iter().find(|file| *file.name() == name);
            left.extend(file.expect("should be a fixture").dependency.clone());
            imported.insert(name);
        }
        let mut request = request(parameter);
        request
            .proto_file
            .retain(|file| imported.contains(file.name()));
        request.file_to_generate = files;
        parts.extend(texts(run(&request)));
    }
    let leaves = parts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let tree = module_tree(leaves);
    parts.insert("mod.rs".to_owned(), tree);
    assert_eq!(parts, texts(run(&all)));
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

/// A request without comments for the fixture that has one of everything. Damage to comments would have no effect.
static TYPES: LazyLock<CodeGeneratorRequest> = LazyLock::new(|| {
    let mut proto_file = protox::compile(["types.proto"], [common::fixtures()])
        .expect("the fixture should be valid")
        .file;
    for file in &mut proto_file {
        file.source_code_info = None;
    }
    CodeGeneratorRequest {
        file_to_generate: proto_file
            .iter()
            .map(|file| file.name().to_owned())
            .collect(),
        proto_file,
        ..CodeGeneratorRequest::default()
    }
});

/// Changes one thing in a message to something that no compiler writes. `choice` selects it.
fn distort(message: &mut DescriptorProto, choice: usize, place: Index, text: &str, number: i32) {
    if let Some(nested) = pick(&mut message.nested_type, place).filter(|_| choice % 3 == 0) {
        return distort(nested, choice / 3, place, text, number);
    }
    match choice % 7 {
        0 => message.name = Some(text.to_owned()),
        1 => message.nested_type.clear(),
        2 => message.oneof_decl.clear(),
        3 => {
            message.options = Some(MessageOptions {
                map_entry: Some(number > 0),
                ..MessageOptions::default()
            })
        }
        _ => {
            if let Some(field) = pick(&mut message.field, place) {
                match choice % 11 {
                    0 => field.name = Some(text.to_owned()),
                    1 => field.r#type = Some(number),
                    2 => field.type_name = Some(text.to_owned()),
                    3 => field.oneof_index = Some(number),
                    4 => field.proto3_optional = Some(true),
                    5 => field.default_value = Some(text.to_owned()),
                    6 => field.number = Some(number),
                    7 => field.label = Some(number),
                    8 => field.r#type = None,
                    9 => field.type_name = None,
                    _ => field.r#type = Some(12),
                }
            }
        }
    }
}

fn pick<T>(items: &mut [T], place: Index) -> Option<&mut T> {
    if items.is_empty() {
        return None;
    }
    let place = place.index(items.len());
    items.get_mut(place)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        answer(&bytes);
    }

    #[test]
    fn a_damaged_request_is_answered(
        damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut request = TYPES.encode_to_vec();
        for (place, byte) in damage {
            let place = place.index(request.len());
            request[place] = byte;
        }
        answer(&request);
    }

    #[test]
    fn distorted_descriptors_are_answered(
        distortions in proptest::collection::vec(
            (any::<Index>(), any::<Index>(), any::<Index>(), any::<usize>(), distorted_name(), -2..25i32),
            1..6,
        ),
    ) {
        let mut request = TYPES.clone();
        for (file, message, place, choice, text, number) in distortions {
            let Some(file) = pick(&mut request.proto_file, file) else { continue };
            match choice % 20 {
                0 => file.package = Some(text),
                1 => file.syntax = Some(text),
                2 => file.message_type.clear(),
                3 => file.enum_type.clear(),
                4 => file.name = Some(text),
                5 => if let Some(enumeration) = pick(&mut file.enum_type, place) {
                    enumeration.value.truncate(1);
                    enumeration.name = Some(text);
                },
                6 => if let Some(service) = pick(&mut file.service, place) {
                    service.name = Some(text.clone());
                    if let Some(method) = pick(&mut service.method, place) {
                        method.input_type = Some(text);
                        method.output_type = None;
                    }
                },
                _ => if let Some(message) = pick(&mut file.message_type, message) {
                    distort(message, choice / 20, place, &text, number);
                },
            }
        }
        answer(&request.encode_to_vec());
    }
}

fn distorted_name() -> impl Strategy<Value = String> {
    let names = [
        "",
        ".",
        "_",
        "9",
        "a.b",
        "..",
        ".types",
        ".types.Comment",
        ".types.Everything.Size",
        "type",
        "Comment",
        "proto2",
        "\\",
        "\\x1",
        "\\777",
        "types",
        ".types.Everything.LabelsEntry",
        "{}",
        "/// ",
        "ä",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}
