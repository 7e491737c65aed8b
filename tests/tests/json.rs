//! ProtoJSON, compared with Python's `json_format`. The interop run writes the table of its results,
//! `tests/json/table.json`.

use serde_json::Value;
use stubwright::json::{JsonFormat, ReflectMessage, descriptor, from_json, to_json};
use stubwright::prost::Message;
use stubwright_tests::json::json_cases::{All, Color, all};

const TABLE: &str = include_str!("../json/table.json");

/// Rows in which we differ from Python, by text or encoded message, each with the reason.
const DIFFERENT: [(&str, &str); 18] = [
    // Python accepts values of other types.
    (r#"{"anInt32":"1.0"}"#, "an integer in quotes is an integer"),
    (r#"{"aDouble":true}"#, "a Boolean is not a number"),
    (r#"{"color":true}"#, "a Boolean is not an enum"),
    (r#"{"color":1.5}"#, "a fraction is not an enum value"),
    (r#"{"color":"77"}"#, "a number in quotes is not a name"),
    (r#"{"someBytes":"!"}"#, "this is not base64"),
    (r#"{"nested":[]}"#, "a list is not a message"),
    ("[]", "a list is not a message"),
    // We accept text with one possible meaning, and write every message that has a meaning.
    (r#"{"aDouble":"nan"}"#, "NaN is accepted in any case"),
    ("8a0206108094ebdc03", "a second in nanoseconds is a second"),
    (
        "8a020b10ffffffffffffffffff01",
        "a negative fraction belongs to the second before",
    ),
    (
        "92020d080110ffffffffffffffffff01",
        "1 s and -1 ns make a duration",
    ),
    // An Any without a type, or with a type URL without a domain, is an error.
    (r#"{"any":{}}"#, "the type is missing"),
    ("ba0200", "the type is missing"),
    (
        "ba02100a0e6a736f6e5f63617365732e4f6c64",
        "the domain is missing",
    ),
    // prost drops the sign of zero, and does not implement closed enums.
    ("690000000000000080", "a negative zero is zero"),
    (r#"{"aDouble":-0.0}"#, "a negative zero is zero"),
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
    for row in &rows {
        let name = row.get("text").or(row.get("message")).unwrap();
        let place = different.iter().position(|row| name == *row);
        match (disagreement(row), place) {
            (None, None) => {}
            (Some(_), Some(place)) => drop(different.remove(place)),
            (Some(how), None) => panic!("{how}"),
            (None, Some(_)) => panic!("{row} does not differ any more"),
        }
    }
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

#[test]
fn an_error_has_its_position() {
    let error = from_json::<All>("{\n  \"anInt32\": \"x\"\n}").unwrap_err();
    assert_eq!(error.place().unwrap().0, 2, "{error}");
    let text = error.to_string();
    let status = stubwright::Status::from(error);
    assert_eq!(status.code(), stubwright::Code::InvalidArgument);
    assert_eq!(status.message(), text);
    let error = from_json::<All>("{\"nonsense\": 1}").unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
    let error =
        from_json::<All>("{\"struct\": {\n\"values\": [{\"a\": 1, \"a\": 2}]}}").unwrap_err();
    assert_eq!(error.place().unwrap().0, 2, "{error}");
    assert!(error.to_string().contains("\"a\" occurs twice"), "{error}");
}

#[test]
fn a_message_knows_its_fields() {
    let descriptor = descriptor::<All>();
    assert_eq!(descriptor.full_name(), "json_cases.All");
    let color = descriptor.get_field_by_name("color").unwrap();
    assert_eq!((color.number(), color.json_name()), (16, "color"));
    assert_eq!(
        descriptor
            .get_field_by_json_name("other-name")
            .unwrap()
            .name(),
        "renamed"
    );
    assert!(descriptor.oneofs().any(|oneof| oneof.name() == "choice"));
    assert_eq!(
        all::Nested::default().descriptor().full_name(),
        "json_cases.All.Nested"
    );

    let message = All {
        color: Color::Red.into(),
        ..All::default()
    };
    let dynamic = message.transcode_to_dynamic();
    assert_eq!(
        dynamic.get_field_by_name("color").unwrap().as_enum_number(),
        Some(1)
    );
}

#[test]
fn pretty_printing_indents() {
    let message = All {
        numbers: vec![1, 2],
        ..All::default()
    };
    assert_eq!(to_json(&message).unwrap(), r#"{"numbers":[1,2]}"#);
    let pretty = JsonFormat::new().pretty(true).to_json(&message).unwrap();
    assert_eq!(pretty, "{\n  \"numbers\": [\n    1,\n    2\n  ]\n}");
}

/// These files were lowered to proto2 or proto3, so the descriptors of their messages have no features.
#[test]
fn messages_of_files_with_an_edition_have_it_too() {
    use stubwright_tests::editions::editions::v2023::{Delimited, Explicit};
    assert_eq!(to_json(&Explicit::default()).unwrap(), "{}");
    let delimited = Delimited::default();
    assert_eq!(from_json::<Delimited>("{}").unwrap(), delimited);
    assert_eq!(
        delimited.descriptor().full_name(),
        "editions.v2023.Delimited"
    );
}
