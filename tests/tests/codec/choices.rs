//! Messages whose types were chosen by options have the content that prost's have.

use std::collections::HashMap;

use proptest::prelude::*;
use stubwright::bytestring::ByteString;
use stubwright::prost::Message;
use stubwright::{FastMap, Pairs};

use crate::like_prost::content;
use crate::wire_bytes::{Messages, Random};
use crate::{fast, shared, theirs};

fn compare_all(bytes: &[u8]) {
    content::<shared::types::Everything, theirs::types::Everything>(bytes);
    content::<shared::types::Scalars, theirs::types::Scalars>(bytes);
    content::<shared::types::old::Old, theirs::types::old::Old>(bytes);
    content::<fast::types::Everything, theirs::types::Everything>(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whole_messages(seed: u64) {
        let (messages, mut random) = (Messages::new(), Random::new(seed));
        for name in [".types.Everything", ".types.Scalars", ".types.old.Old"] {
            compare_all(&messages.bytes(name, &mut random));
        }
    }

    #[test]
    fn damaged_messages(seed: u64, place: prop::sample::Index, byte: u8) {
        let (messages, mut random) = (Messages::new(), Random::new(seed));
        let mut bytes = messages.bytes(".types.Everything", &mut random);
        if !bytes.is_empty() {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        compare_all(&bytes);
    }
}

#[test]
fn fields_have_the_chosen_types() {
    let message = fast::types::Everything {
        labels: FastMap::from_iter([("key".into(), "value".into())]),
        by_number: HashMap::from([(1, fast::types::everything::Nested::default())]),
        ..Default::default()
    };
    let again = fast::types::Everything::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(again, message);
    assert_eq!(again.labels["key"], "value");
}

/// Each entry is kept, and the last of a key counts.
#[test]
fn a_list_of_pairs_keeps_what_came() {
    use shared::types::shared::v1::Colour;

    let pairs = [("a", "1"), ("b", "2"), ("a", "3")];
    let pairs = pairs.map(|(key, value)| (ByteString::from(key), ByteString::from(value)));
    let message = shared::types::Everything {
        labels: pairs.to_vec(),
        ..Default::default()
    };
    let bytes = message.encode_to_vec();
    let mut again = shared::types::Everything::decode(bytes.as_slice()).unwrap();
    assert_eq!(again.labels, pairs);
    assert_eq!(again.labels.lookup("a").unwrap(), "3");
    let prost = theirs::types::Everything::decode(bytes.as_slice()).unwrap();
    assert_eq!(prost.labels["a"], "3");

    assert_eq!(again.insert_colours("sky".into(), Colour::Red), None);
    assert_eq!(
        again.insert_colours("sky".into(), Colour::Green),
        Some(Colour::Red)
    );
    assert_eq!(again.get_colours("sky"), Some(Colour::Green));
    assert_eq!(again.get_colours("sea"), None);
    assert!(format!("{again:?}").contains(r#"colours: [("sky", Green)]"#));
}

#[test]
fn json_does_not_depend_on_the_types() {
    let text = r#"{"maybeText":"a","labels":{"key":"value"},"name":"b"}"#;
    let message: shared::types::Everything = stubwright::json::from_json(text).unwrap();
    assert_eq!(message.maybe_text(), "a");
    assert_eq!(message.labels.lookup("key").unwrap(), "value");
    assert_eq!(stubwright::json::to_json(&message).unwrap(), text);
}

/// Decoding a list does not search it, so many entries take time that is linear in their number.
#[test]
fn a_list_of_many_pairs_is_read() {
    let entry = [0x82, 1, 0];
    let message = shared::types::Everything::decode(entry.repeat(200_000).as_slice()).unwrap();
    assert_eq!(message.labels.len(), 200_000);
}
