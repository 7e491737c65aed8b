//! What a message may take: levels and memory.

use allocation_counter::measure;
use stubwright::prost::Message;

use crate::ours::types::{Everything, everything::Nested};

/// Returns the bytes of a message that contains itself `levels` times.
fn nested(levels: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..levels {
        let inner = bytes;
        bytes = Vec::from([0xe2, 3]);
        let length = inner.len();
        if length < 0x80 {
            bytes.push(length as u8);
        } else {
            bytes.extend([length as u8 | 0x80, (length >> 7) as u8]);
        }
        bytes.extend(inner);
    }
    bytes
}

#[test]
fn messages_are_nested_up_to_a_hundred_levels() {
    Everything::decode(nested(100).as_slice()).unwrap();
    let error = Everything::decode(nested(101).as_slice()).unwrap_err();
    assert!(error.to_string().contains("nested too deep"), "{error}");
}

/// A small message must not become a large one in memory.
#[test]
fn row_52_elements_count_by_the_memory_that_they_take() {
    let element = [0x42, 0];
    // Two bytes each, and as many bytes of memory as the type has.
    let fitting = (32 << 20) / 2 / size_of::<Nested>() / 2;
    let message = Everything::decode(element.repeat(fitting).as_slice()).unwrap();
    assert_eq!(message.nested.len(), fitting);
    // Elements of one list or of two by turns: the largest blocks of memory at a time are counted, whatever the outcome.
    for elements in [&element[..], &[0x42, 0, 0x3a, 0], &[0x42, 0, 0xe2, 3, 0]] {
        let bytes = elements.repeat((4 << 20) / elements.len());
        let memory = measure(|| {
            let error = Everything::decode(bytes.as_slice()).unwrap_err();
            assert!(error.to_string().contains("bytes of memory"), "{error}");
        });
        assert!(memory.bytes_max <= 64 << 20, "{memory:?}");
    }
}

/// Parts of a message may come one after another, and are read into the same box.
#[test]
fn a_box_counts_once() {
    let parts = (32 << 20) / size_of::<Everything>() + 1;
    let part = [0xe2, 3, 0];
    let message = Everything::decode(part.repeat(parts).as_slice()).unwrap();
    assert!(message.everything.is_some());
    let part = [0xe2, 3, 3, 0xe2, 3, 0];
    Everything::decode(part.repeat(parts).as_slice()).unwrap();
}

#[test]
fn errors_name_message_field_and_place() {
    for (bytes, text) in [
        // A text for a number, in a message of a list.
        (
            &[0x42, 2, 0x12, 0][..],
            "field `number` of `types.Everything.Nested`, at byte 3: the field's type does not allow wire type 2",
        ),
        (
            &[0x18],
            "field `maybe_number` of `types.Everything`, at byte 1: the message ends too early",
        ),
        (
            &[0x22, 1, 0xff],
            "field `maybe_text` of `types.Everything`, at byte 3: the text is not UTF-8",
        ),
        (
            &[0x2a, 1, 0xff],
            "a key of `types.Scalars`, at byte 3: the message ends too early",
        ),
        (
            &[0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "a key of `types.Everything`, at byte 6: 68719476735 is not the key of a field",
        ),
    ] {
        let error = Everything::decode(bytes).unwrap_err().to_string();
        assert_eq!(error, format!("failed to decode Protobuf message: {text}"));
    }
}

/// Packed fields of one number each, of two lists by turns: the lists must not be moved for each of them.
#[test]
fn lists_that_grow_in_small_steps_are_moved_rarely() {
    let bytes = [0x32, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x62, 1, 1].repeat(10_000);
    let memory = measure(|| {
        let message = Everything::decode(bytes.as_slice()).unwrap();
        assert_eq!(
            (message.numbers.len(), message.unpacked.len()),
            (10_000, 10_000)
        );
    });
    assert!(memory.count_total <= 64, "{memory:?}");
}
