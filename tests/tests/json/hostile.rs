//! Texts that were made to do harm.

use std::fmt::Write as _;

use proptest::prelude::*;
use stubwright::Code;
use stubwright::Status;
use stubwright::json::{JsonFormat, from_json, to_json};
use stubwright::prost_types::{ListValue, Struct, Timestamp, Value, value};
use stubwright_tests::json::json_cases::{All, all};

#[test]
fn messages_are_nested_to_a_hundred_levels() {
    let nested = |depth: usize| {
        format!(
            "{{\"nested\":{}{{}}{}",
            "{\"inner\":".repeat(depth - 1),
            "}".repeat(depth)
        )
    };
    let deepest: All = from_json(&nested(100)).unwrap();
    assert_eq!(to_json(&deepest).unwrap(), nested(100));
    for depth in [101, 100_000] {
        let error = from_json::<All>(&nested(depth)).unwrap_err();
        assert!(error.to_string().contains("100 levels"), "{error}");
    }
    let mut deep = all::Nested::default();
    for _ in 0..101 {
        deep = all::Nested {
            inner: Some(Box::new(deep)),
            n: 0,
        };
    }
    assert!(to_json(&deep).is_err());
}

#[test]
fn other_values_that_are_nested_too_deep_are_errors() {
    for (open, close) in [
        ("{\"unknown\":", "}"),
        ("{\"listValue\":[", "]}"),
        ("{\"value\":[[{\"a\":", "}]]}"),
        ("{\"struct\":{\"a\":", "}}"),
        (
            "{\"any\":{\"@type\":\"x/google.protobuf.Any\",\"value\":",
            "}}",
        ),
        ("{\"any\":{\"value\":[", "]}}"),
        ("{\"byFlag\":{\"true\":{\"inner\":", "}}}"),
        ("{\"nesteds\":[", "]}"),
        ("{\"numbers\":[", "]}"),
    ] {
        let (outer, inner) = open.split_at(open.len() / 2);
        for repeated in [
            open,
            "[",
            "{\"a\":",
            "{\"value\":",
            "{\"inner\":",
            outer,
            inner,
        ] {
            let text = format!("{open}{}1{close}", repeated.repeat(50_000));
            for ignores in [false, true] {
                let format = JsonFormat::new().ignore_unknown_fields(ignores);
                assert!(format.from_json::<All>(&text).is_err());
            }
        }
    }
    let deep = (0..1000).fold(Value::default(), |value, _| Value {
        kind: Some(value::Kind::ListValue(ListValue {
            values: vec![value],
        })),
    });
    assert!(to_json(&deep).is_err());
}

/// A decoder counts the values in a `google.protobuf.Value` as messages.
#[test]
fn the_deepest_value_that_is_read_is_decoded() {
    for levels in 1..60 {
        let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        match from_json::<Value>(&text) {
            Ok(value) => assert_eq!(to_json(&value).unwrap(), text),
            Err(error) => assert!(error.place().is_some() && levels > 49, "{levels}: {error}"),
        }
        let text = format!("{}{{}}{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        match from_json::<Struct>(&text) {
            Ok(value) => assert_eq!(to_json(&value).unwrap(), text),
            Err(error) => assert!(error.place().is_some() && levels > 32, "{levels}: {error}"),
        }
    }
}

#[test]
fn huge_numbers_are_refused_without_computing_them() {
    let digits = "9".repeat(1_000_000);
    for number in [
        digits.clone(),
        format!("-{digits}"),
        format!("1e{digits}"),
        format!("1e-{digits}"),
        format!("0.{digits}"),
        "1e2147483648".to_owned(),
    ] {
        for field in ["anInt32", "aUint64", "anSfixed64", "color"] {
            let text = format!("{{\"{field}\":{number}}}");
            assert!(from_json::<All>(&text).is_err());
            let text = format!("{{\"{field}\":\"{number}\"}}");
            assert!(from_json::<All>(&text).is_err());
        }
    }
    let zeros = "0".repeat(1_000_000);
    let text = format!("{{\"anInt32\":1.{zeros},\"aDouble\":0.{digits}}}");
    assert_eq!(from_json::<All>(&text).unwrap().an_int32, 1);
}

#[test]
fn half_of_a_surrogate_pair_is_refused_everywhere() {
    for text in [
        r#"{"aString":"\ud800"}"#,
        r#"{"aString":"\udc00\ud800"}"#,
        r#"{"\ud800":1}"#,
        r#"{"byName":{"\ud800":1}}"#,
        r#"{"value":"\udfff"}"#,
        r#"{"unknown":"\ud83dx"}"#,
        r#"{"unknown":{"\ud83d":1}}"#,
    ] {
        let format = JsonFormat::new().ignore_unknown_fields(true);
        assert!(format.from_json::<All>(text).is_err(), "{text}");
    }
}

#[test]
fn a_repeated_key_is_refused_everywhere() {
    for text in [
        r#"{"aBool":true,"aBool":true}"#,
        r#"{"aBool":true,"a_bool":true}"#,
        r#"{"aBool":null,"\u0061Bool":true}"#,
        r#"{"byName":{"a":1,"a":1}}"#,
        r#"{"value":{"a":1,"a":1}}"#,
        r#"{"unknown":1,"unknown":1}"#,
        r#"{"unknown":{"a":1,"a":1}}"#,
        r#"{"any":{"@type":"x/json_cases.Old","@type":"x/json_cases.Old"}}"#,
        r#"{"any":{"@type":"x/json_cases.Old","number":1,"number":1}}"#,
        r#"{"any":{"@type":"x/google.protobuf.Duration","value":"1s","value":"1s"}}"#,
    ] {
        let format = JsonFormat::new().ignore_unknown_fields(true);
        assert!(format.from_json::<All>(text).is_err(), "{text}");
    }
    let mut text = String::from("{\"byName\":{");
    for key in 0..100_000 {
        write!(text, "\"{key}\":1,").unwrap();
    }
    assert!(from_json::<All>(&format!("{text}\"x\":1}}}}")).is_ok());
    assert!(from_json::<All>(&format!("{text}\"50000\":1}}}}")).is_err());
}

#[test]
fn the_memory_of_a_message_is_limited() {
    let text = format!("{{\"values\":[{}0]}}", "0,".repeat(2_000_000));
    let Err(error) = from_json::<All>(&text) else {
        panic!("two million values should be too many");
    };
    assert!(error.to_string().contains("memory"), "{error}");
    assert_eq!(Status::from(error).code(), Code::ResourceExhausted);
    let format = JsonFormat::new().max_message_memory(1 << 30);
    let message: All = format.from_json(&text).unwrap();
    assert_eq!(message.values.len(), 2_000_001);
}

#[test]
fn times_out_of_range_have_no_json_form() {
    for (seconds, nanos) in [
        (i64::MAX, i32::MAX),
        (i64::MIN, i32::MIN),
        (253_402_300_799, 1_000_000_000),
    ] {
        assert!(to_json(&Timestamp { seconds, nanos }).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_causes_a_panic(text in r#"(\{|\}|\[|\]|,|:|"|null|true|-?[0-9.eE]{1,4}|\\u?[0-9a-fA-F]{0,4}|"(aBool|anInt32|aDouble|nested|inner|any|@type|x/json_cases.All|value|struct|byName|timestamp|fieldMask|someBytes|color|text|number)"|[a-z é]){0,40}"#) {
        for ignores in [false, true] {
            let format = JsonFormat::new().ignore_unknown_fields(ignores);
            if let Ok(message) = format.from_json::<All>(&text) {
                let _ = to_json(&message);
            }
        }
    }
}
