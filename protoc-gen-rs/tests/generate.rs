//! `protoc-gen-rs generate` and `modules`, as people and their CI run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("what an earlier run left can be removed");
    }
    fs::create_dir_all(path.join("proto/a")).expect("it can be made");
    path
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_protoc-gen-rs"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the command is built")
}

fn succeeds(directory: &Path, arguments: &[&str]) {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const PROTO: &str = "syntax = \"proto3\";\npackage a;\nmessage A { int32 n = 1; }\nservice S { rpc M(A) returns (A); }\n";
const GENERATE: [&str; 5] = [
    "generate",
    "-Iproto",
    "--out=src/pb",
    "--opt=client=false",
    "proto/a/a.proto",
];

#[test]
fn generates_and_checks() {
    let directory = directory("generates");
    let proto = directory.join("proto/a/a.proto");
    fs::write(&proto, PROTO).expect("it can be written");
    succeeds(&directory, &GENERATE);
    let generated = fs::read_to_string(directory.join("src/pb/a.rs")).expect("it is there");
    assert!(generated.contains("pub trait SServicer") && !generated.contains("SStub"));
    let tree = fs::read_to_string(directory.join("src/pb/mod.rs")).expect("it is there");
    assert!(tree.contains("include!(\"a.rs\");"));
    let check = [&GENERATE[..], &["--check"]].concat();
    succeeds(&directory, &check);

    // A field more, a file that nobody generates, and one that has gone.
    fs::write(&proto, PROTO.replace("n = 1;", "n = 1; int32 m = 2;")).expect("it can be written");
    fs::write(directory.join("src/pb/old.rs"), &generated).expect("it can be written");
    fs::write(directory.join("src/pb/mine.rs"), "// Not generated.\n").expect("it can be written");
    fs::remove_file(directory.join("src/pb/mod.rs")).expect("it is there");
    let output = run(&directory, &check);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("--- src/pb/a.rs\n+++ src/pb/a.rs\n@@ "),
        "{said}"
    );
    assert!(said.contains("\n+    pub m: i32,\n"), "{said}");
    assert!(
        said.contains("src/pb/mod.rs: it does not exist\n"),
        "{said}"
    );
    assert!(
        said.contains("src/pb/old.rs: it is not generated any more\n"),
        "{said}"
    );
    assert!(!said.contains("mine.rs"), "{said}");
    // Nothing was written.
    assert_eq!(
        fs::read_to_string(directory.join("src/pb/a.rs")).ok(),
        Some(generated)
    );
}

#[test]
fn errors_of_all_files_are_shown_with_their_lines() {
    let directory = directory("errors");
    fs::write(
        directory.join("proto/a/a.proto"),
        "syntax = \"proto3\";\n\tmessage {}\n",
    )
    .expect("it can be written");
    fs::write(
        directory.join("proto/b.proto"),
        "syntax = \"proto3\";\nimport \"nowhere.proto\";\n",
    )
    .expect("it can be written");
    let output = run(
        &directory,
        &[
            "generate",
            "-I",
            "proto",
            "--out",
            "out",
            "proto/a/a.proto",
            "proto/b.proto",
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "a/a.proto:2:10: expected an identifier, but found '{'\n  |\n2 | \tmessage {}\n  | \t        ^\n\
         b.proto:2:1: import 'nowhere.proto' not found\n  |\n2 | import \"nowhere.proto\";\n  | ^\n"
    );
    assert!(!directory.join("out").exists());
}

#[test]
fn a_tree_is_made_over_several_runs() {
    let directory = directory("modules");
    fs::write(directory.join("proto/a/a.proto"), PROTO).expect("it can be written");
    let other = PROTO.replace("package a", "package a.b");
    fs::write(directory.join("proto/b.proto"), other).expect("it can be written");
    for proto in ["proto/a/a.proto", "proto/b.proto"] {
        let arguments = [
            "generate",
            "-Iproto",
            "--out=pb",
            "--opt=module_tree=false",
            proto,
        ];
        succeeds(&directory, &arguments);
    }
    assert!(!directory.join("pb/mod.rs").exists());
    succeeds(&directory, &["modules", "pb"]);
    let tree = fs::read_to_string(directory.join("pb/mod.rs")).expect("it is there");
    let list = "proto/b.proto\n\nproto/a/a.proto\n";
    fs::write(directory.join("protos.txt"), list).expect("it can be written");
    let whole = ["generate", "-Iproto", "--out=pb", "--check", "@protos.txt"];
    succeeds(&directory, &whole);
    assert!(
        tree.contains("/// Package `a.b`.\n    pub mod b {"),
        "{tree}"
    );
}

#[test]
fn wrong_arguments_are_explained() {
    let directory = directory("arguments");
    for (arguments, expected) in [
        (&["generate", "--out=x"][..], "no .proto files are given"),
        (&["generate", "a.proto"], "--out DIR is needed"),
        (&["generate", "--out"], "--out needs a value"),
        (&["generate", "--output=x"], "there is no option --output"),
        (
            &["generate", "--descriptor_set_in=x", "a.proto"],
            "either .proto files or --descriptor_set_in",
        ),
        (&["modules"], "unknown arguments: modules"),
    ] {
        let output = run(&directory, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains(expected) && said.contains("protoc-gen-rs generate"),
            "{said}"
        );
    }
    let output = run(&directory, &["generate", "--out=x", "--opt=a=b", "a.proto"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("unknown parameter `a`"));
}
