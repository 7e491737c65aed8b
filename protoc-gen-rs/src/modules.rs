//! `protoc-gen-rs modules`: the module tree for files that several runs have written.

use std::path::Path;

use stubwright_codegen::module_tree;

use crate::Failure;
use crate::generate::{present, write_if_changed};

/// Writes `mod.rs` for all generated files in a directory.
pub fn write(directory: &Path) -> Result<(), Failure> {
    let texts = present(directory)?;
    let tree = module_tree(
        texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    );
    write_if_changed(&directory.join("mod.rs"), &tree)
}
