//! The table of results of Python's `json_format`, `tests/json/table.json`. The interop run writes it.

use serde_json::Value;
use stubwright::json::JsonFormat;
use stubwright::prost::Message;
use stubwright_tests::json::json_cases::All;

const TABLE: &str = include_str!("../../json/table.json");

/// Rows in which we differ from Python, by text or encoded message, each with the reason.
const DIFFERENT: [(&str, &str); 12] = [
    // Python accepts values of other types.
    (r#"{"aDouble":true}"#, "a Boolean is not a number"),
    (r#"{"color":true}"#, "a Boolean is not an enum"),
    (r#"{"color":1.5}"#, "a fraction is not an enum value"),
    (r#"{"color":"77"}"#, "a number in quotes is not a name"),
    (r#"{"someBytes":"!"}"#, "this is not base64"),
    (r#"{"nested":[]}"#, "a list is not a message"),
    ("[]", "a list is not a message"),
    // We accept text with one possible meaning.
    (r#"{"aDouble":"nan"}"#, "NaN is accepted in any case"),
    // A field that is set twice by its two names.
    (r#"{"anInt32":1,"an_int32":2}"#, "the field is set twice"),
    (
        r#"{"aFloat":-3.4028235e38,"aDouble":1.7976931348623157e308}"#,
        "this is the smallest float, as it is written in short",
    ),
    // An Any with a type URL without a domain is an error.
    (
        "ba02100a0e6a736f6e5f63617365732e4f6c64",
        "the domain is missing",
    ),
    // Numbers that a closed enum doesn't have are kept.
    (
        "b20306180110091809",
        "an unknown number of a closed enum is written",
    ),
];

#[test]
fn reading_and_writing_agree_with_python() {
    let rows: Vec<Value> = serde_json::from_str(TABLE).unwrap();
    assert!(rows.len() > 200);
    let mut different: Vec<&str> = DIFFERENT.iter().map(|(row, _why)| *row).collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let name = row.get("text").or(row.get("message")).unwrap();
        let place = different.iter().position(|row| name == *row);
        match (disagreement(row), place) {
            (None, None) => {}
            (Some(_), Some(place)) => drop(different.remove(place)),
            (Some(how), None) => wrong.push(how),
            (None, Some(_)) => wrong.push(format!("{row} does not differ any more")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(different.is_empty(), "{different:?} are not in the table");
}

/// Returns our result for a row if it differs from Python's.
fn disagreement(row: &Value) -> Option<String> {
    let format = format(row);
    let message = match row.get("text") {
        Some(text) => {
            let text = text.as_str().unwrap();
            let expected = row["read"].as_str().map(decoded);
            let read = format.from_json::<All>(text);
            match (read, expected) {
                // The encoded messages are compared, because NaN is not equal to itself.
                (Ok(read), Some(expected)) if read.encode_to_vec() == expected.encode_to_vec() => {
                    read
                }
                (Err(_), None) => return None,
                (read, expected) => {
                    return Some(format!(
                        "{text}\n    ours {read:?}\n    Python's {expected:?}"
                    ));
                }
            }
        }
        None => decoded(row["message"].as_str().unwrap()),
    };
    // Rows that were read with options are written without them.
    let format = if row.get("text").is_some() {
        JsonFormat::new()
    } else {
        format
    };
    let written = format.to_json(&message);
    let value = written
        .as_ref()
        .ok()
        .map(|text| serde_json::from_str::<Value>(text).unwrap());
    let expected = Some(&row["written"]).filter(|written| !written.is_null());
    (value.as_ref() != expected)
        .then(|| format!("{row}\n    ours {written:?}\n    Python's {expected:?}"))
}

fn format(row: &Value) -> JsonFormat {
    let option = |name: &str| row.get(name).is_some_and(|value| value == true);
    JsonFormat::new()
        .always_print_fields_with_no_presence(option("always_print_fields_with_no_presence"))
        .preserving_proto_field_name(option("preserving_proto_field_name"))
        .use_integers_for_enums(option("use_integers_for_enums"))
        .ignore_unknown_fields(option("ignore_unknown_fields"))
}

fn decoded(hex: &str) -> All {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    All::decode(&*bytes).unwrap()
}
