//! Messages equal those of prost-build, except for comments and for protos that prost-build does not support. Users
//! who move from prost-build find the same Rust.

mod common;

use std::collections::BTreeSet;

use prost::Message as _;
use stubwright_codegen::Config;

/// Returns the structs and enums in a text, each with its derives and its fields, without what prost needs to derive its code.
fn types(text: &str) -> BTreeSet<Vec<String>> {
    let mut types = BTreeSet::new();
    let mut block: Option<Vec<String>> = None;
    let mut derive = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[derive") {
            derive = shared_derives(line);
        } else if line.starts_with("pub struct ") || line.starts_with("pub enum ") {
            let line = line.trim_end_matches('}').trim_end();
            block = Some(vec![std::mem::take(&mut derive), line.to_owned()]);
        }
        // prost-build writes an empty struct in two lines.
        if line.ends_with('}') {
            types.extend(block.take());
        } else if let Some(block) = &mut block {
            let skipped = line.starts_with("///") || line.ends_with('{');
            if !skipped
                && !line.starts_with("#[derive")
                && !line.starts_with("#[prost")
                && line != "#[default]"
            {
                block.push(line.to_owned());
            }
        }
    }
    types
}

/// Returns a derive without `Debug` and `Default`, which prost's own derives implement, and without those.
fn shared_derives(line: &str) -> String {
    let traits = line.trim_start_matches("#[derive(").trim_end_matches(")]");
    let traits = traits
        .split(", ")
        .filter(|name| !name.starts_with("::stubwright") && !matches!(*name, "Debug" | "Default"));
    traits.collect::<Vec<_>>().join(", ")
}

/// The protos in `corners` are those that prost-build does not support.
#[test]
fn messages_are_those_of_prost_build() {
    let mut files = common::fixture_files();
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "corners"));
    let set = protox::compile(files, [common::fixtures()]).expect("the fixtures should be valid");
    let names = Config::new().enable_type_names(true);
    for (ours, boxed) in [
        (Config::new(), None),
        (names.boxed(".types"), Some(".types")),
    ] {
        let ours: String = ours
            .bytes(".types")
            .btree_map("labels")
            .generate(&set.encode_to_vec())
            .expect("the fixtures should be valid")
            .into_values()
            .collect();
        let mut prost = prost_build::Config::new();
        prost
            .prost_path("::stubwright::prost")
            .prost_types_path("::stubwright::prost_types")
            .bytes([".types"])
            .btree_map(["labels"]);
        if let Some(boxed) = boxed {
            prost.boxed(boxed);
        }
        let requests = set.file.iter().map(|file| {
            let module = prost_build::Module::from_protobuf_package_name(file.package());
            (module, file.clone())
        });
        let theirs: String = prost
            .generate(requests.collect())
            .expect("prost-build should accept the fixtures")
            .into_values()
            .collect();
        let (ours, theirs) = (types(&ours), types(&theirs));
        assert!(theirs.len() > 60);
        for block in &theirs {
            assert!(
                ours.contains(block),
                "prost-build has\n{}",
                block.join("\n")
            );
        }
    }
}
