//! The types in a `google.protobuf.Any`.

use stubwright::json::{JsonFormat, from_json, to_json};
use stubwright::prost::Message;
use stubwright::prost_types::Any;
use stubwright_tests::copies;
use stubwright_tests::json::json_cases::{All, Old, all};
use stubwright_tests::tables::types::{Everything, everything};

fn packed(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{name}"),
        value: message.encode_to_vec(),
    }
}

#[test]
fn types_of_the_module_and_of_its_imports_are_known() {
    let nested = all::Nested { n: 1, inner: None };
    let deeper = everything::nested::Deeper { text: "a".into() };
    let written = to_json(&All {
        any: Some(packed("json_cases.All.Nested", &nested)),
        ..All::default()
    });
    assert_eq!(
        written.unwrap(),
        r#"{"any":{"@type":"type.googleapis.com/json_cases.All.Nested","n":1}}"#
    );
    for name in [
        "types.Everything.Nested.Deeper",
        "types.old.Old",
        "types.shared.v1.Tag",
    ] {
        // Each of these types has a text in field 1.
        let message = Everything {
            any: Some(packed(name, &deeper)),
            ..Everything::default()
        };
        let text = to_json(&message).unwrap();
        assert!(text.contains(name) && text.contains(r#":"a""#), "{text}");
        assert_eq!(from_json::<Everything>(&text).unwrap(), message);
    }
}

#[test]
fn other_types_are_known_if_they_are_named() {
    let old = Old {
        number: Some(5),
        ..Old::default()
    };
    let message = copies::one::copies::Copy {
        any: Some(packed("json_cases.Old", &old)),
        ..Default::default()
    };
    let error = to_json(&message).unwrap_err().to_string();
    assert!(error.contains("`json_cases.Old`"), "{error}");
    let format = JsonFormat::new().types_of::<All>();
    let text = format.to_json(&message).unwrap();
    assert_eq!(
        text,
        r#"{"any":{"@type":"type.googleapis.com/json_cases.Old","number":5}}"#
    );
    assert!(from_json::<copies::one::copies::Copy>(&text).is_err());
    assert_eq!(
        format
            .from_json::<copies::one::copies::Copy>(&text)
            .unwrap(),
        message
    );
}

#[test]
fn a_message_may_be_generated_twice_from_files_with_different_names() {
    let text = r#"{"text":"a","any":{"@type":"x/copies.Copy","text":"b"}}"#;
    let one: copies::one::copies::Copy = from_json(text).unwrap();
    let two: copies::two::copies::Copy = from_json(text).unwrap();
    assert_eq!(to_json(&one).unwrap(), text);
    assert_eq!(to_json(&two).unwrap(), text);
}

#[test]
fn what_an_any_holds_is_encoded_as_always() {
    let inner = all::Nested { n: 1, inner: None };
    let packed_message = All {
        nested: Some(all::Nested {
            n: 0,
            inner: Some(Box::new(inner)),
        }),
        numbers: vec![1, 2],
        by_name: [("a".into(), 1)].into(),
        timestamp: Some(stubwright::prost_types::Timestamp {
            seconds: 1,
            nanos: 0,
        }),
        some_bytes: vec![1; 200],
        ..All::default()
    };
    let message = All {
        any: Some(packed("json_cases.All", &packed_message)),
        ..All::default()
    };
    let text = to_json(&message).unwrap();
    assert_eq!(from_json::<All>(&text).unwrap(), message);
}

/// What an `Any` holds was perhaps encoded elsewhere.
#[test]
fn any_order_of_fields_is_written_as_the_message_that_it_means() {
    let any = |value: &[u8]| All {
        any: Some(Any {
            type_url: "x/json_cases.All".into(),
            value: value.into(),
        }),
        ..All::default()
    };
    let written = |value| to_json(&any(value)).unwrap();
    let inside = |text: &str| format!(r#"{{"any":{{"@type":"x/json_cases.All"{text}}}}}"#);
    // A number that comes twice; a list in pieces, packed and not packed; fields out of order.
    assert_eq!(
        written(&[16, 1, 8, 1, 16, 2]),
        inside(r#","aBool":true,"anInt32":2"#)
    );
    assert_eq!(
        written(&[0xa8, 1, 1, 8, 1, 0xaa, 1, 2, 2, 3, 0xa8, 1, 4, 0xaa, 1, 0]),
        inside(r#","aBool":true,"numbers":[1,2,3,4]"#)
    );
    assert_eq!(written(&[16, 1, 16, 0, 0xaa, 1, 0]), inside(""));
    // Parts of a message.
    assert_eq!(
        written(&[0x8a, 1, 2, 8, 1, 0x8a, 1, 4, 0x12, 2, 8, 2]),
        inside(r#","nested":{"n":1,"inner":{"n":2}}"#)
    );
    // Members of a oneof: number, text, message, number, message in two parts.
    assert_eq!(
        written(&[
            0xf0, 1, 7, 0xea, 1, 1, b'a', 0xfa, 1, 2, 8, 9, 0xf0, 1, 8, 0xfa, 1, 2, 8, 1, 0xfa, 1,
            2, 0x12, 0
        ]),
        inside(r#","message":{"n":1,"inner":{}}"#)
    );
    // Entries of a map: without a value, without a key, and twice with the same key.
    assert_eq!(
        written(&[
            0xca, 1, 3, 10, 1, b'a', 0xca, 1, 2, 16, 5, 0xca, 1, 5, 10, 1, b'a', 16, 3, 0xca, 1, 2,
            10, 0
        ]),
        inside(r#","byName":{"a":3,"":0}"#)
    );
    // An entry without a key and a value.
    assert_eq!(written(&[0xca, 1, 0]), inside(r#","byName":{"":0}"#));
    for malformed in [
        &[16][..],
        &[0x11, 0],
        &[0x72, 1, 0xff],
        &[0x10 | 5, 0, 0, 0, 0],
        &[1, 0],
        &[0x8b, 1],
    ] {
        assert!(to_json(&any(malformed)).is_err(), "{malformed:?}");
    }
}
