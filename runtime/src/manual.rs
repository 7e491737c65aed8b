//! The manual: what operators have to know, and those who come from Python.

#[doc = include_str!("../docs/limits.md")]
pub mod limits {}

#[doc = include_str!("../docs/hostile_input.md")]
pub mod hostile_input {}

#[doc = include_str!("../docs/messages.md")]
pub mod messages {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Returns all source files below a directory as one text.
    fn sources(directory: &Path) -> String {
        let mut all = String::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.push_str(&sources(&path));
            } else if path.file_name().is_some_and(|name| name != "manual.rs") {
                all.push_str(&fs::read_to_string(&path).unwrap_or_default());
            }
        }
        all
    }

    #[test]
    fn every_error_that_the_manual_explains_exists() {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let page = include_str!("../docs/troubleshooting.md");
        let mut found = 0;
        for row in page.lines().filter(|line| line.starts_with("| ")) {
            let text = row.split('|').nth(1).unwrap();
            for piece in text.split('`').skip(1).step_by(2) {
                // What is put together of a code and a text of the peer's.
                let piece = piece.trim_start_matches("GOAWAY ");
                assert!(sources.contains(piece), "{piece:?} is in no source file");
                found += 1;
            }
        }
        assert!(found > 20, "the tables have been read: {found}");
    }
}
