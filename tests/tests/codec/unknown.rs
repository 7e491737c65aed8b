//! Fields that a message's type does not have are kept and written again.

use proptest::prelude::*;
use stubwright::prost::Message;

use crate::like_prost::shown;
use crate::wire_bytes::{Messages, Random};
use crate::{older, shared, theirs};

/// Reads bytes as a message without some fields. Checks that prost reads all fields from what is written then.
fn pass_on<Older, Theirs>(bytes: &[u8])
where
    Older: Message + Default + std::fmt::Debug,
    Theirs: Message + Default + std::fmt::Debug,
{
    let Ok(message) = Theirs::decode(bytes) else {
        return;
    };
    let older = Older::decode(bytes).expect("a part of a message is a message");
    let written = older.encode_to_vec();
    assert_eq!(written.len(), older.encoded_len());
    let again = Theirs::decode(written.as_slice()).expect("the fields should be there");
    assert_eq!(shown(&again), shown(&message), "{bytes:02x?}");
    let twice = Older::decode(written.as_slice()).expect("we should read what we write");
    assert_eq!(twice.encode_to_vec(), written);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_older_type_passes_on_all_fields(seed: u64) {
        let (messages, mut random) = (Messages::new(), Random::new(seed));
        let bytes = messages.bytes(".types.Everything", &mut random);
        pass_on::<older::types::Everything, theirs::types::Everything>(&bytes);
        let bytes = messages.bytes(".types.Scalars", &mut random);
        pass_on::<older::types::Scalars, theirs::types::Scalars>(&bytes);
        let bytes = messages.bytes(".types.old.Old", &mut random);
        pass_on::<older::types::old::Old, theirs::types::old::Old>(&bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        pass_on::<older::types::Everything, theirs::types::Everything>(&bytes);
    }
}

/// A group with an extension and an unknown group in it, and an extension of the message.
const OLD: [u8; 20] = [
    0x0a, 0, 0x3b, 0x0a, 1, b'x', 0xa0, 6, 1, 0x4b, 0x08, 2, 0x4c, 0x3c, 0xaa, 6, 3, b'e', b'x',
    b't',
];

#[test]
fn groups_and_extensions_are_kept() {
    let message = shared::types::old::Old::decode(&OLD[..]).unwrap();
    assert_eq!(format!("{:?}", message.unknown_fields), r#"{101: "ext"}"#);
    let detail = message.detail.clone().unwrap();
    assert_eq!(detail.text(), "x");
    assert_eq!(
        format!("{:?}", detail.unknown_fields),
        "{100: 1, 9: {1: 2}}"
    );
    assert_eq!(message.encode_to_vec(), OLD);
}

#[test]
fn unknown_fields_are_a_part_of_the_message() {
    let message = shared::types::old::Old::decode(&OLD[..]).unwrap();
    assert!(shared::types::Scalars::default().unknown_fields.is_empty());
    let mut other = message.clone();
    other.unknown_fields = Default::default();
    assert_ne!(message, other);
    // Another type reads what this one does not have.
    let more = theirs::types::Everything::decode(message.unknown_fields.as_bytes());
    assert!(more.is_ok());
}

/// Messages that keep unknown fields stay within the limit of memory.
#[test]
fn unknown_fields_take_limited_memory() {
    let bytes = [0xf0, 0xff, 3, 1].repeat(9 << 20);
    let error = shared::types::Everything::decode(bytes.as_slice()).unwrap_err();
    assert!(error.to_string().contains("bytes of memory"), "{error}");
}
