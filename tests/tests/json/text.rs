//! What texts look like, and what errors say.

use stubwright::json::{JsonFormat, from_json, to_json};
use stubwright_tests::editions::editions::v2023::{Delimited, Explicit};
use stubwright_tests::json::json_cases::All;

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
fn pretty_printing_indents() {
    let message = All {
        numbers: vec![1, 2],
        ..All::default()
    };
    assert_eq!(to_json(&message).unwrap(), r#"{"numbers":[1,2]}"#);
    let pretty = JsonFormat::new().pretty(true).to_json(&message).unwrap();
    assert_eq!(pretty, "{\n  \"numbers\": [\n    1,\n    2\n  ]\n}");
}

#[test]
fn an_error_names_the_field() {
    for (text, expected) in [
        (
            r#"{"nested": {"inner": {"n": "x"}}}"#,
            "line 1, column 28: field `n` of `json_cases.All.Nested`: \"x\" is not an integer",
        ),
        (
            r#"{"numbers": {}}"#,
            "line 1, column 13: field `numbers` of `json_cases.All`: a list is expected, and an object found",
        ),
        (
            r#"{"text": "a", "number": 1}"#,
            "line 1, column 25: field `number` of `json_cases.All`: another field of the same oneof is set",
        ),
    ] {
        assert_eq!(from_json::<All>(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_negative_zero_keeps_its_sign() {
    let message: All = from_json(r#"{"aDouble": -0.0, "aFloat": -0}"#).unwrap();
    assert!(message.a_double.is_sign_negative() && message.a_float.is_sign_negative());
    assert_eq!(
        to_json(&message).unwrap(),
        r#"{"aFloat":-0.0,"aDouble":-0.0}"#
    );
}

#[test]
fn messages_of_files_with_an_edition_have_a_json_form() {
    assert_eq!(to_json(&Explicit::default()).unwrap(), "{}");
    assert_eq!(from_json::<Delimited>("{}").unwrap(), Delimited::default());
}
