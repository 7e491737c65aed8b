//! Descriptors of messages.

use stubwright::reflect::{ReflectMessage, descriptor};
use stubwright_tests::copies;
use stubwright_tests::editions::editions::v2023::Delimited;
use stubwright_tests::json::json_cases::{All, Color, all};
use stubwright_tests::tables::types::Everything;

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

/// These files were lowered to proto2 or proto3, so the descriptors of their messages have no features.
#[test]
fn messages_of_files_with_an_edition_have_descriptors() {
    assert_eq!(
        Delimited::default().descriptor().full_name(),
        "editions.v2023.Delimited"
    );
}

#[test]
fn a_message_may_be_generated_twice_from_files_with_different_names() {
    let one = copies::one::copies::Copy::default().transcode_to_dynamic();
    let two = copies::two::copies::Copy::default().transcode_to_dynamic();
    assert_eq!(one.descriptor().full_name(), two.descriptor().full_name());
    assert_eq!(one.descriptor().parent_file().name(), "first.proto");
    assert_eq!(two.descriptor().parent_file().name(), "second.proto");
}

#[test]
fn a_descriptor_stays_equal_after_others_were_asked_for() {
    let before = descriptor::<All>();
    assert_eq!(descriptor::<Everything>().full_name(), "types.Everything");
    assert_eq!(descriptor::<All>(), before);
    assert_eq!(All::default().descriptor(), before);
    let nested = before.get_field_by_name("nested").unwrap();
    assert_eq!(
        nested.kind().as_message(),
        Some(&descriptor::<all::Nested>())
    );
}
