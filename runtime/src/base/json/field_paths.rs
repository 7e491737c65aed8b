//! The JSON form of `google.protobuf.FieldMask`.

/// Appends a path with its names in lowerCamelCase. Returns `None` if the names could not be converted back.
pub(super) fn to_camel(path: &str, text: &mut String) -> Option<()> {
    let mut after_underscore = false;
    for c in path.chars() {
        match c {
            'A'..='Z' => return None,
            'a'..='z' if after_underscore => text.push(c.to_ascii_uppercase()),
            _ if after_underscore => return None,
            '_' => {}
            _ => text.push(c),
        }
        after_underscore = c == '_';
    }
    (!after_underscore).then_some(())
}

/// Returns a path with its names in snake_case. Returns `None` if a name has an underscore already.
pub(super) fn to_snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        match c {
            'A'..='Z' => {
                snake.push('_');
                snake.push(c.to_ascii_lowercase());
            }
            '_' => return None,
            _ => snake.push(c),
        }
    }
    Some(snake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_converted_only_if_they_can_be_converted_back() {
        for (snake, camel) in [
            ("a.b_c", "a.bC"),
            ("_a", "A"),
            ("a1", "a1"),
            ("a_b_c", "aBC"),
        ] {
            let mut text = String::new();
            to_camel(snake, &mut text).unwrap();
            assert_eq!(text, camel);
            assert_eq!(to_snake(camel).unwrap(), snake);
        }
        for path in ["aB", "a__b", "a_1", "a_", "a_.b"] {
            assert_eq!(to_camel(path, &mut String::new()), None, "{path}");
        }
        assert_eq!(to_snake("a_b"), None);
    }
}
