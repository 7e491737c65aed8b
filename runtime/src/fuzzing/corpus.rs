//! Runs the corpus of a target on stable Rust.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the directory of a target's corpus.
pub(super) fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fuzz/corpus")
        .join(target)
}

#[track_caller]
fn replay(target: &str, run: fn(&[u8])) {
    let directory = directory(target);
    let files = fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("no corpus in {}: {error}", directory.display()));
    let mut count = 0;
    for file in files {
        let path = file.expect("the corpus should be listed").path();
        let input = fs::read(&path).expect("the file should be readable");
        // If the test fails, the last path printed is the one that failed.
        println!("{}", path.display());
        run(&input);
        count += 1;
    }
    assert!(count > 0, "no corpus in {}", directory.display());
}

macro_rules! replay {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target), super::$target);
        })*
    };
}

replay!(compressed server client frames hpack hpack_round_trip link messages fields);
