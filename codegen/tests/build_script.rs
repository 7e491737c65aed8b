//! Tests of build scripts: which files are written, when, and what is refused.

mod common;

use std::fs;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use stubwright_codegen::Config;

const PROTO: &str = "syntax = \"proto3\";\npackage a;\nmessage A { int32 n = 1; }\n";

#[test]
fn a_file_that_stays_the_same_is_not_written() {
    let directory = common::directory("unchanged");
    fs::write(directory.join("a.proto"), PROTO).expect("should be writable");
    let out = directory.join("out");
    let compile = |tree: &str| {
        Config::new()
            .out_dir(&out)
            .include_file(tree)
            .compile_protos(
                &["a.proto"],
                &[directory.to_str().expect("the path should be UTF-8")],
            )
    };
    compile("one.rs").expect("should be valid");
    let mut permissions = fs::metadata(out.join("a.rs"))
        .expect("the file should be written")
        .permissions();
    permissions.set_readonly(true);
    fs::set_permissions(out.join("a.rs"), permissions).expect("the permissions should be set");
    let modified = || {
        fs::metadata(out.join("a.rs"))
            .and_then(|data| data.modified())
            .expect("the file should exist")
    };
    let before = modified();
    compile("two.rs").expect("the package is unchanged, and the tree has another name");
    assert_eq!(modified(), before);
    assert_eq!(
        common::texts(&out).into_keys().collect::<Vec<_>>(),
        ["a.rs", "one.rs", "two.rs"]
    );
}

#[test]
fn the_order_of_files_does_not_matter() {
    let mut files = common::fixture_files();
    let generate = |name: &str, files: &[std::path::PathBuf]| {
        let out = common::directory(name);
        Config::new()
            .out_dir(&out)
            .compile_protos(files, &[common::fixtures()])
            .expect("the fixtures should be valid");
        common::texts(&out)
    };
    let expected = generate("order", &files);
    files.reverse();
    assert_eq!(generate("order_reversed", &files), expected);
    let half = files.len() / 2;
    files.rotate_left(half);
    assert_eq!(generate("order_rotated", &files), expected);
}

#[test]
fn a_second_run_must_not_replace_the_first() {
    let directory = common::directory("second_run");
    let includes = [directory.to_str().expect("the path should be UTF-8")];
    fs::write(directory.join("a.proto"), PROTO).expect("should be writable");
    fs::write(
        directory.join("more.proto"),
        "syntax = \"proto3\";\npackage a;\nmessage B {}\n",
    )
    .expect("should be writable");
    let config = Config::new().out_dir(directory.join("out"));
    config
        .compile_protos(&["a.proto"], &includes)
        .expect("should be valid");

    let tree = config
        .compile_protos(&["more.proto"], &includes)
        .expect_err("the tree exists already");
    assert!(
        tree.to_string().contains("include_file(\"name.rs\")"),
        "{tree}"
    );

    let config = config.include_file("more.rs");
    let package = config
        .compile_protos(&["more.proto"], &includes)
        .expect_err("the package exists already");
    assert!(
        package
            .to_string()
            .contains("compile all files of a package in one call"),
        "{package}"
    );
}

#[test]
fn the_built_in_well_known_types_win() {
    let directory = common::directory("well_known");
    let copy = directory.join("google/protobuf");
    fs::create_dir_all(&copy).expect("the directory should be created");
    fs::write(copy.join("empty.proto"), "this is not even a proto").expect("should be writable");
    let proto = "syntax = \"proto3\";\npackage a;\nimport \"google/protobuf/empty.proto\";\n\
                 service S { rpc M(google.protobuf.Empty) returns (google.protobuf.Empty); }\n";
    fs::write(directory.join("a.proto"), proto).expect("should be writable");
    let out = directory.join("out");
    Config::new()
        .out_dir(&out)
        .compile_protos(
            &["a.proto"],
            &[directory.to_str().expect("the path should be UTF-8")],
        )
        .expect("the copy should not be read");
    assert!(
        common::texts(&out)["a.rs"]
            .contains("pub fn m(&self, request: ()) -> ::stubwright::UnaryCall<(), ()>")
    );
}

#[test]
fn well_known_types_can_be_generated() {
    let proto = "syntax = \"proto3\";\npackage a;\nimport \"google/protobuf/empty.proto\";\n\
                 service S { rpc M(google.protobuf.Empty) returns (google.protobuf.Empty); }\n";
    let config = Config::new().compile_well_known_types(true);
    let texts = common::compile("compiled_well_known", config, &[("a.proto", proto)])
        .expect("should be valid");
    assert!(texts["a.rs"].contains("request: super::google::protobuf::Empty"));
    assert!(texts["google.protobuf.rs"].contains("pub struct Empty {}"));
}

/// A descriptor set that one run writes is enough for another run to generate the same code.
#[test]
fn a_descriptor_set_replaces_the_protos() {
    let directory = common::directory("descriptor_set");
    let set = directory.join("set.bin");
    Config::new()
        .out_dir(directory.join("one"))
        .file_descriptor_set_path(&set)
        .compile_protos(&common::fixture_files(), &[common::fixtures()])
        .expect("the fixtures should be valid");
    let set = fs::read(set).expect("the file should be written");
    assert!(
        FileDescriptorSet::decode(set.as_slice())
            .expect("should be a descriptor set")
            .file
            .len()
            > 10
    );
    Config::new()
        .out_dir(directory.join("two"))
        .compile_descriptor_set(&set)
        .expect("the descriptors should be complete");
    let one = common::texts(&directory.join("one"));
    assert_eq!(one, common::texts(&directory.join("two")));
    assert_eq!(
        one,
        Config::new()
            .generate(&set)
            .expect("the descriptors should be complete")
    );
}

#[test]
fn descriptors_without_source_information_are_enough() {
    let mut set = protox::compile(["types.proto"], [common::fixtures()])
        .expect("the fixture should be valid");
    for file in &mut set.file {
        file.source_code_info = None;
    }
    let out = common::directory("no_source_information");
    Config::new()
        .out_dir(&out)
        .compile_descriptor_set(&set.encode_to_vec())
        .expect("comments should not be needed");
    assert!(common::texts(&out)["types.rs"].contains("/// Message `types.Comment`."));
}

/// The `protoc` of this test is a script. It copies a descriptor set, or fails as protoc does.
#[cfg(unix)]
#[test]
fn protoc_compiles_what_the_built_in_compiler_does_not_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = common::directory("protoc");
    let editions = common::fixtures().join("../editions");
    let protoc = directory.join("protoc");
    let script = format!(
        "#!/bin/sh\n\
         for argument; do\n\
         case $argument in\n\
         --descriptor_set_out=*) cp '{}/descriptors.bin' \"${{argument#*=}}\" ;;\n\
         wrong.proto) echo 'wrong.proto:1:1: it is wrong' >&2; exit 1 ;;\n\
         esac\n\
         done\n",
        editions.display()
    );
    fs::write(&protoc, script).expect("should be writable");
    fs::set_permissions(&protoc, fs::Permissions::from_mode(0o755))
        .expect("the permissions should be set");
    let out = directory.join("out");
    let config = Config::new().protoc(&protoc).out_dir(&out);
    config
        .compile_protos(&["edition_2023.proto"], std::slice::from_ref(&editions))
        .expect("the descriptors should be valid");
    let texts = common::texts(&out);
    assert!(texts["editions.v2023.rs"].contains("67 => from.value(Group, "));

    let error = config
        .compile_protos(&["wrong.proto"], std::slice::from_ref(&editions))
        .expect_err("protoc fails");
    assert_eq!(error.to_string(), "wrong.proto:1:1: it is wrong");
    let error = config
        .protoc(directory.join("nowhere"))
        .compile_protos(&["edition_2023.proto"], &[editions])
        .expect_err("the program does not exist");
    assert!(error.to_string().contains("nowhere: "), "{error}");
}
