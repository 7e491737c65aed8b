//! A readable form of the changes to a file.

use std::path::Path;

/// The number of unchanged lines to show around a change.
const CONTEXT: usize = 3;

/// Returns the lines from the first difference to the last, with some context, in the form of a unified diff.
pub fn between(path: &Path, old: &str, new: &str) -> String {
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - before;
    let pairs = old.iter().rev().zip(new.iter().rev()).take(rest);
    let after = pairs.take_while(|(a, b)| a == b).count();

    let start = before.saturating_sub(CONTEXT);
    let trailing = after.min(CONTEXT);
    let removed = before..old.len() - after;
    let added = before..new.len() - after;
    let count = |changed: usize| changed + before - start + trailing;
    let mut text = format!(
        "--- {0}\n+++ {0}\n@@ -{1},{2} +{1},{3} @@\n",
        path.display(),
        start + 1,
        count(removed.len()),
        count(added.len())
    );
    let mut lines = |mark: char, lines: &[&str]| {
        for line in lines {
            text.push(mark);
            text.push_str(line);
            text.push('\n');
        }
    };
    lines(' ', old.get(start..before).unwrap_or_default());
    lines('-', old.get(removed.clone()).unwrap_or_default());
    lines('+', new.get(added).unwrap_or_default());
    let end = removed.end + trailing;
    lines(' ', old.get(removed.end..end).unwrap_or_default());
    text.truncate(text.trim_end_matches('\n').len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_their_context() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n5b\n6\n7\n8\n9\n";
        assert_eq!(
            between(Path::new("a.rs"), old, new),
            "--- a.rs\n+++ a.rs\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+5b\n 6\n 7\n 8"
        );
        assert_eq!(
            between(Path::new("a.rs"), "1\n1\n", "1\n1\n1\n"),
            "--- a.rs\n+++ a.rs\n@@ -1,2 +1,3 @@\n 1\n 1\n+1"
        );
        assert_eq!(
            between(Path::new("a.rs"), "", "1\n"),
            "--- a.rs\n+++ a.rs\n@@ -1,0 +1,1 @@\n+1"
        );
    }
}
