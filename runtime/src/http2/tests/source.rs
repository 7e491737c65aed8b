//! A test of the engine's dependencies.

use std::fs;
use std::path::Path;

/// The engine has no runtime and no clock, which its driver provides. Only tests may read the clock, to have a start.
#[test]
fn names_no_runtime_and_no_clock() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http2");
    // Each word is split, so that this file does not match.
    let needles = [["to", "kio"].concat(), ["Instant", "::now"].concat()];
    let mut seen = 0;
    search(&engine, &mut |path, text| {
        seen += 1;
        let allowed = path.ends_with("http2/tests/mod.rs");
        for needle in &needles {
            assert!(
                allowed || !text.contains(needle.as_str()),
                "{} names {needle}",
                path.display()
            );
        }
    });
    assert!(seen > 20, "{seen} files in {}", engine.display());
}

fn search(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            search(&path, each);
        } else {
            each(&path, &fs::read_to_string(&path).expect("text"));
        }
    }
}
