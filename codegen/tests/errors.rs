//! Snapshots of the errors that users read.

mod common;

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use stubwright_codegen::{Config, Error, MapType};

/// Asserts the text of the error that compiling `protos` returns.
fn snapshot(name: &str, protos: &[(&str, &str)]) {
    snapshot_with(name, Config::new(), protos);
}

fn snapshot_with(name: &str, config: Config, protos: &[(&str, &str)]) {
    let name = format!("error_{name}");
    let error = common::compile(&name, config, protos).expect_err("the protos are wrong");
    let directory = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    assert_text(&name, &error, &directory);
}

fn assert_text(name: &str, error: &Error, directory: &str) {
    // A build script prints its error with `Debug`.
    assert_eq!(format!("{error:?}"), error.to_string());
    let text = error.to_string().replace(directory, "DIRECTORY");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn syntax_in_several_files() {
    snapshot(
        "syntax",
        &[
            ("a.proto", "syntax = \"proto3\";\nmessage {}\n"),
            (
                "b.proto",
                "syntax = \"proto3\";\nservice S { rpc M(A) returns }\n",
            ),
            ("c.proto", "syntax = \"proto3\";\nmessage Good {}\n"),
        ],
    );
}

#[test]
fn imports() {
    snapshot(
        "import_missing",
        &[(
            "a.proto",
            "syntax = \"proto3\";\n\nimport \"nowhere.proto\";\n",
        )],
    );
    snapshot(
        "import_cycle",
        &[
            ("a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n"),
            ("b.proto", "syntax = \"proto3\";\nimport \"a.proto\";\n"),
        ],
    );
}

#[test]
fn unknown_type() {
    snapshot(
        "unknown_type",
        &[(
            "a.proto",
            "syntax = \"proto3\";\nmessage A {}\nservice S {\n  rpc M(A) returns (B);\n}\n",
        )],
    );
}

#[test]
fn edition() {
    snapshot(
        "edition",
        &[("a.proto", "edition = \"2023\";\nmessage A {}\n")],
    );
}

#[test]
fn forms_that_a_method_cannot_have() {
    let proto = "syntax = \"proto3\";\npackage a;\nmessage A {}\nmessage B {}\nservice S {\n  \
                 rpc M(stream A) returns (B);\n  rpc N(B) returns (A);\n}\n";
    let config = Config::new()
        .extern_path(".a.B", "::other::B")
        .borrowed_requests("a.S/M")
        .encoded_responses("a.S")
        .received_requests("a.S/N");
    snapshot_with("forms", config, &[("a.proto", proto)]);
}

#[test]
fn file_outside_of_the_includes() {
    let directory = common::directory("error_outside");
    let error = Config::new()
        .out_dir(directory.join("out"))
        .compile_protos(
            &["/nowhere/a.proto"],
            &[directory.to_str().expect("the path should be UTF-8")],
        )
        .expect_err("the file does not exist");
    assert_text("error_outside", &error, "-");
}

#[test]
fn options_that_are_not_rust() {
    let protos = [(
        "a.proto",
        "syntax = \"proto3\";\npackage a;\nmessage A {}\nservice S { rpc M(A) returns (A); }\n",
    )];
    let config = Config::new().type_attribute(".", "#[derive(");
    snapshot_with("attribute", config, &protos);
    let config = Config::new().extern_path(".a.A", "not a path");
    snapshot_with("extern_path", config, &protos);
    let config = Config::new().extern_path("a.A", "::path");
    snapshot_with("extern_path_without_dot", config, &protos);
}

#[test]
fn paths_that_match_nothing() {
    let protos = [("a.proto", "syntax = \"proto3\";\nmessage A {}\n")];
    let config = Config::new()
        .bytes("")
        .shared_strings(".a.A.")
        .map_type("A..map", MapType::Vec)
        .unknown_fields("*");
    snapshot_with("paths", config, &protos);
}

/// Descriptors that no compiler writes are refused before code is generated.
#[test]
fn damaged_descriptors() {
    let compiled = protox::compile(["types.proto"], [common::fixtures()])
        .expect("the fixture should be valid");
    let only = |name: &str| {
        let files = compiled.file.iter().filter(|file| file.name() == name);
        files.cloned().collect::<Vec<FileDescriptorProto>>()
    };
    let mut files = only("types/shared.proto");
    let file = &mut files[0];
    file.name = None;
    file.package = Some("types..v1".to_owned());
    file.syntax = Some("proto4".to_owned());
    file.message_type[0].name = Some("9".to_owned());
    file.message_type[0].field[0].r#type = None;
    file.message_type[0].field[1].type_name = Some("Value".to_owned());
    file.message_type[0].field[1].oneof_index = Some(-1);
    file.enum_type[0].value.clear();
    assert_damaged("damaged", files);

    let mut files = only("types/shared.proto");
    files[0].syntax = Some("editions".to_owned());
    assert_damaged("edition_unknown", files);

    // The files that it imports are missing.
    assert_damaged("imports_left_out", only("types.proto"));

    let mut files = compiled.file.clone();
    files.extend(only("types/shared.proto"));
    assert_damaged("twice", files);
}

fn assert_damaged(name: &str, file: Vec<FileDescriptorProto>) {
    let directory = common::directory(&format!("error_{name}"));
    let set = FileDescriptorSet { file }.encode_to_vec();
    let error = Config::new()
        .out_dir(directory)
        .compile_descriptor_set(&set)
        .expect_err("the descriptors are damaged");
    assert_text(&format!("error_{name}"), &error, "-");
}
