//! Paths of proto elements in options. `.package.Message.field` matches from the root, `Message.field` matches every
//! path that ends so, and `.` matches everything. A path that begins with a dot also matches everything below it.

/// Returns whether a pattern can match an element: it is `.`, or identifiers with dots between them, perhaps with a dot before.
pub(crate) fn is_pattern(pattern: &str) -> bool {
    let is_identifier = |name: &str| {
        let mut characters = name.chars();
        let first = characters.next();
        let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        first.is_some_and(|c| is_word(c) && !c.is_ascii_digit()) && characters.all(is_word)
    };
    let names = pattern.strip_prefix('.').unwrap_or(pattern);
    pattern == "." || names.split('.').all(is_identifier)
}

/// Returns whether `pattern` matches the element at `path`, which has a leading dot.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    rank(pattern, path).is_some()
}

/// Returns whether `pattern` matches a method: `package.Service/Method` matches it alone, `package.Service` all methods of the
/// service, and `.` all methods.
pub(crate) fn matches_method(pattern: &str, service: &str, method: &str) -> bool {
    match pattern.split_once('/') {
        Some((own_service, own_method)) => own_service == service && own_method == method,
        None => pattern == service || pattern == ".",
    }
}

/// Returns the value of the most specific pattern: the whole path, then the longest suffix, then the longest prefix.
pub(crate) fn best<'v, V>(patterns: &'v [(String, V)], path: &str) -> Option<&'v V> {
    patterns
        .iter()
        .filter_map(|(pattern, value)| Some((rank(pattern, path)?, value)))
        // The first of several equally specific patterns wins.
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, value)| value)
}

/// Returns the values of all matching patterns, in the order in which they were given.
pub(crate) fn all(patterns: &[(String, String)], path: &str) -> Vec<String> {
    patterns
        .iter()
        .filter(|(pattern, _)| matches(pattern, path))
        .map(|(_, value)| value.clone())
        .collect()
}

/// Returns how specific a match is, lower being more specific: the kind of the match, and the length that it leaves
/// out.
fn rank(pattern: &str, path: &str) -> Option<(u8, usize)> {
    let missing = path.len().checked_sub(pattern.len())?;
    if pattern == "." {
        Some((3, 0))
    } else if pattern == path {
        Some((0, 0))
    } else if pattern.is_empty() {
        None
    } else if !pattern.starts_with('.') {
        let before = path.get(..missing)?;
        (path.ends_with(pattern) && before.ends_with('.')).then_some((1, missing))
    } else {
        let after = path.get(pattern.len()..)?;
        (path.starts_with(pattern) && after.starts_with('.')).then_some((2, missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_beginnings() {
        for pattern in [".", ".a", ".a.B", ".a.B.c", "a.B.c", "B.c", "c"] {
            assert!(matches(pattern, ".a.B.c"), "{pattern}");
        }
        for pattern in ["", ".B", ".B.c", "a.B", "B", ".a.", "..", ".a.B.c.d", ".c"] {
            assert!(!matches(pattern, ".a.B.c"), "{pattern}");
        }
    }

    #[test]
    fn patterns_are_dots_and_identifiers() {
        for pattern in [".", ".a", "a", ".a.B_2.c", "_a.b"] {
            assert!(is_pattern(pattern), "{pattern}");
        }
        for pattern in ["", "..", ".a.", "a..b", ".2", "a b", "a/b", "*", ".a.*"] {
            assert!(!is_pattern(pattern), "{pattern}");
        }
    }

    #[test]
    fn methods_are_matched_alone_or_by_their_service() {
        for pattern in ["a.S/M", "a.S", "."] {
            assert!(matches_method(pattern, "a.S", "M"), "{pattern}");
        }
        for pattern in ["", "a.S/N", "S/M", "a.T", "/a.S/M", "M"] {
            assert!(!matches_method(pattern, "a.S", "M"), "{pattern}");
        }
    }

    #[test]
    fn the_best_is_the_most_particular() {
        let patterns = [".", ".a", "c", "B.c", ".a.B", ".x"].map(|p| (p.to_owned(), p.to_owned()));
        let best = |patterns, path| best(patterns, path).map(String::as_str);
        assert_eq!(best(&patterns, ".a.B.c"), Some("B.c"));
        assert_eq!(best(&patterns, ".a.B.d"), Some(".a.B"));
        assert_eq!(best(&patterns, ".b.B.d"), Some("."));
        assert_eq!(best(&patterns[1..], ".b.B.d"), None);
        assert_eq!(all(&patterns, ".a.d"), [".", ".a"]);
    }
}
