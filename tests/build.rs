//! Generates the code of the test protos, in several module trees: all fixtures, a service with all methods required,
//! files with an edition, blocking stubs, and messages with a JSON form.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;
use protox::prost_reflect::prost_types::DescriptorProto;
use stubwright_codegen::MapType;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut protos = Vec::new();
    find(Path::new("protos"), &mut protos)?;
    protos.sort();
    println!("cargo:rerun-if-changed=protos");
    stubwright_codegen::compile_protos(&protos, &["protos"])?;

    let cases = Path::new("tests/compile_fail");
    stubwright_codegen::Config::new()
        .all_methods_required(true)
        .include_file("required.rs")
        .compile_protos(&[cases.join("required.proto")], &[cases])?;

    let blocking = ["probe.proto", "names.proto", "corners/deprecated.proto"];
    stubwright_codegen::Config::new()
        .server(false)
        .blocking(true)
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("blocking"))
        .compile_protos(
            &blocking.map(|file| Path::new("protos").join(file)),
            &["protos"],
        )?;

    // Independent services whose files and messages have the same names.
    println!("cargo:rerun-if-changed=twins");
    for twin in ["one", "two", "three"] {
        let directory = Path::new("twins").join(twin);
        let mut files = Vec::new();
        find(&directory, &mut files)?;
        stubwright_codegen::Config::new()
            .out_dir(
                Path::new(&std::env::var("OUT_DIR")?)
                    .join("twins")
                    .join(twin),
            )
            .compile_protos(&files, &[directory])?;
    }

    twins_of_prost()?;

    // The probe's service, whose methods take and return other forms of messages.
    stubwright_codegen::Config::new()
        .blocking(true)
        .borrowed_requests("probe.v1.Probe")
        .received_requests("probe.v1.Probe/ClientStream")
        .received_requests("probe.v1.Probe/Bidi")
        .encoded_responses(".")
        .encoded_requests("probe.v1.Probe")
        .received_responses(".")
        .views("Response")
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("forms"))
        .compile_protos(&["protos/probe.proto"], &["protos"])?;

    // Views of all messages, whatever their names are.
    stubwright_codegen::Config::new()
        .server(false)
        .client(false)
        .views(".")
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("views"))
        .compile_protos(&protos, &["protos"])?;

    println!("cargo:rerun-if-changed=json");
    stubwright_codegen::Config::new()
        .json(true)
        .reflect(true)
        .btree_map(".")
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("json"))
        .compile_protos(&["json/cases.proto"], &["json"])?;

    println!("cargo:rerun-if-changed=copies");
    for (directory, file) in [("one", "first.proto"), ("two", "second.proto")] {
        let copies = Path::new("copies").join(directory);
        stubwright_codegen::Config::new()
            .json(true)
            .reflect(true)
            .out_dir(
                Path::new(&std::env::var("OUT_DIR")?)
                    .join("copies")
                    .join(directory),
            )
            .compile_protos(&[copies.join(file)], &[copies])?;
    }

    // Everything again with tables and descriptors. The types of one package are those of the first tree, which have neither.
    stubwright_codegen::Config::new()
        .json(true)
        .reflect(true)
        .server(false)
        .client(false)
        .btree_map(".")
        .extern_path(".types.shared.v1", "crate::pb::types::shared::v1")
        .out_dir(Path::new(&std::env::var("OUT_DIR")?).join("tables"))
        .compile_protos(&protos, &["protos"])?;

    // Output of protoc for files that the built-in compiler does not support. The interop run writes it.
    let editions = "editions/descriptors.bin";
    println!("cargo:rerun-if-changed={editions}");
    stubwright_codegen::Config::new()
        .json(true)
        .reflect(true)
        .include_file("editions.rs")
        .compile_descriptor_set(&fs::read(editions)?)?;
    Ok(())
}

/// Generates the messages of `types.proto` with our codec and with prost's, and writes their descriptors. Our messages are generated
/// with several options, and once without some of their fields.
fn twins_of_prost() -> Result<(), Box<dyn std::error::Error>> {
    let out = Path::new(&std::env::var("OUT_DIR")?).join("codec");
    fs::create_dir_all(out.join("prost"))?;
    let set = protox::compile(["types.proto"], ["protos"])?;
    fs::write(out.join("descriptors.bin"), set.encode_to_vec())?;
    stubwright_codegen::Config::new()
        .server(false)
        .client(false)
        .btree_map(".")
        .bytes(".types.old")
        .views(".")
        .out_dir(&out)
        .compile_descriptor_set(&set.encode_to_vec())?;
    let without_services = || {
        stubwright_codegen::Config::new()
            .server(false)
            .client(false)
    };
    stubwright_codegen::Config::new()
        .shared_strings(".")
        .bytes(".")
        .map_type(".", MapType::Vec)
        .unknown_fields(".")
        .views(".")
        .json(true)
        .out_dir(out.join("shared"))
        .compile_descriptor_set(&set.encode_to_vec())?;
    without_services()
        .shared_strings("labels")
        .map_type(".", MapType::FastMap)
        .map_type("by_number", MapType::HashMap)
        .views(".")
        .out_dir(out.join("fast"))
        .compile_descriptor_set(&set.encode_to_vec())?;
    let mut older = set.clone();
    for file in &mut older.file {
        file.message_type.iter_mut().for_each(forget);
    }
    without_services()
        .unknown_fields(".")
        .btree_map(".")
        .views(".")
        .out_dir(out.join("older"))
        .compile_descriptor_set(&older.encode_to_vec())?;
    prost_build::Config::new()
        .prost_path("::stubwright::prost")
        .prost_types_path("::stubwright::prost_types")
        .btree_map(["."])
        .bytes([".types.old"])
        .out_dir(out.join("prost"))
        .include_file("all.rs")
        .compile_fds(set)?;
    Ok(())
}

/// Removes some fields of a message, and of the messages in it. The members of a oneof stay together: of two that are set, the last one
/// counts.
fn forget(message: &mut DescriptorProto) {
    if message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
    {
        return;
    }
    message
        .field
        .retain(|field| field.number() % 3 != 0 || field.oneof_index.is_some());
    message.nested_type.iter_mut().for_each(forget);
}

/// Finds the protos in a directory and its subdirectories.
fn find(directory: &Path, protos: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, protos)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            protos.push(path);
        }
    }
    Ok(())
}
