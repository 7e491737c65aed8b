//! ProtoJSON, held to what Python's `json_format` says: `tests/json/table.json`, which the interop run makes again.

use serde_json::Value;
use stubwright::json::{JsonFormat, ReflectMessage, descriptor, from_json, to_json};
use stubwright::prost::Message;
use stubwright_tests::json::json_cases::{All, Color, all};

const TABLE: &str = include_str!("../json/table.json");

/// Where we are not Python, and why: rows by their texts, or by their encoded messages.
const DIFFERENT: [(&str, &str); 18] = [
    // It takes what is not of the type.
    (r#"{"anInt32":"1.0"}"#, "an integer in quotes is one"),
    (r#"{"aDouble":true}"#, "a Boolean is no number"),
    (r#"{"color":true}"#, "a Boolean is no enum"),
    (r#"{"color":1.5}"#, "half a value is none"),
    (r#"{"color":"77"}"#, "a number in quotes is no name"),
    (r#"{"someBytes":"!"}"#, "this is no base64"),
    (r#"{"nested":[]}"#, "a list is no message"),
    ("[]", "a list is no message"),
    // We take what can be read in one way only, and write what means something.
    (r#"{"aDouble":"nan"}"#, "any case of NaN is read"),
    ("8a0206108094ebdc03", "a second in nanoseconds is a second"),
    (
        "8a020b10ffffffffffffffffff01",
        "a negative fraction is one before",
    ),
    (
        "92020d080110ffffffffffffffffff01",
        "1 s and -1 ns make a duration",
    ),
    // An Any of no type, or whose type has no domain, is an error.
    (r#"{"any":{}}"#, "the type is missing"),
    ("ba0200", "the type is missing"),
    (
        "ba02100a0e6a736f6e5f63617365732e4f6c64",
        "the domain is missing",
    ),
    // prost drops the sign of zero, and knows no closed enums.
    ("690000000000000080", "a negative zero is zero"),
    (r#"{"aDouble":-0.0}"#, "a negative zero is zero"),
    (
        "b20306180110091809",
        "a number that a closed enum has not is written",
    ),
];

#[test]
fn texts_are_read_and_messages_written_as_python_does() {
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
            (None, Some(_)) => panic!("{row} is no different any more"),
        }
    }
    assert!(different.is_empty(), "{different:?} are not in the table");
}

/// What we say of a row, if that is something else.
fn disagreement(row: &Value) -> Option<String> {
    let format = format(row);
    let message = match row.get("text") {
        Some(text) => {
            let text = text.as_str().unwrap();
            let expected = row["read"].as_str().map(decoded);
            let read = format.from_json::<All>(text);
            match (read, expected) {
                // Encoded, for there may be a NaN in it.
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
    // What was read with options is written without.
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
fn an_error_says_where_it_is() {
    let error = from_json::<All>("{\n  \"anInt32\": \"x\"\n}").unwrap_err();
    assert_eq!(error.place().unwrap().0, 2, "{error}");
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
fn it_can_be_written_for_people() {
    let message = All {
        numbers: vec![1, 2],
        ..All::default()
    };
    assert_eq!(to_json(&message).unwrap(), r#"{"numbers":[1,2]}"#);
    let pretty = JsonFormat::new().pretty(true).to_json(&message).unwrap();
    assert_eq!(pretty, "{\n  \"numbers\": [\n    1,\n    2\n  ]\n}");
}

/// They have been lowered to what is known of syntax: there are no features in what messages know of themselves.
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
