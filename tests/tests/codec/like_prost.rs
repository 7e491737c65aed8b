//! Random messages, damaged or not, are read as prost reads them, and prost reads what we write.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use stubwright::prost::Message;

use crate::wire_bytes::{Messages, Random};
use crate::{ours, theirs};

/// Reads bytes with both. Checks that both refuse them, or both return the same message, and that each reads what the other writes.
fn compare<Ours, Theirs>(bytes: &[u8])
where
    Ours: Message + Default + Debug,
    Theirs: Message + Default + Debug,
{
    let Some((mine, prost)) = content::<Ours, Theirs>(bytes) else {
        return;
    };
    assert_eq!(shown(&mine), shown(&prost), "{bytes:02x?}");
    let again = Ours::decode(prost.encode_to_vec().as_slice());
    let again = again.expect("we should read what prost writes");
    assert_eq!(shown(&again), shown(&mine), "{bytes:02x?}");
}

/// Reads bytes with both. Checks that both refuse them, or prost reads what we write as it reads the bytes. Returns both messages.
pub fn content<Ours, Theirs>(bytes: &[u8]) -> Option<(Ours, Theirs)>
where
    Ours: Message + Default + Debug,
    Theirs: Message + Default + Debug,
{
    let mine = Ours::decode(Bytes::copy_from_slice(bytes));
    let prost = Theirs::decode(bytes);
    let (mine, prost) = match (mine, prost) {
        (Ok(mine), Ok(prost)) => (mine, prost),
        (Err(_), Err(_)) => return None,
        // prost does not check the wire type of a map.
        (Err(error), Ok(_)) if is_of_a_map(&error.to_string()) => return None,
        (mine, prost) => panic!("{bytes:02x?}\nours: {mine:?}\nprost: {prost:?}"),
    };
    let written = mine.encode_to_vec();
    assert_eq!(written.len(), mine.encoded_len());
    let again = Theirs::decode(written.as_slice()).expect("prost should read what we write");
    assert_eq!(shown(&again), shown(&prost), "{bytes:02x?}");
    Some((mine, prost))
}

/// Returns whether an error is a wrong wire type of a map.
fn is_of_a_map(error: &str) -> bool {
    let mut maps = ["labels", "by_number", "colours", "fields"].iter();
    let mut faults = [
        "does not allow wire type",
        "does not exist",
        "a group ends that has not begun",
    ]
    .iter();
    maps.any(|map| error.contains(&format!("field `{map}` of")))
        && faults.any(|fault| error.contains(fault))
}

/// Returns the `Debug` of a message. prost prints raw identifiers as raw.
pub fn shown(message: &impl Debug) -> String {
    format!("{message:?}").replace("r#", "")
}

fn compare_all(bytes: &[u8]) {
    compare::<ours::types::Everything, theirs::types::Everything>(bytes);
    compare::<ours::types::Scalars, theirs::types::Scalars>(bytes);
    compare::<ours::types::old::Old, theirs::types::old::Old>(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whole_messages(seed: u64) {
        let (messages, mut random) = (Messages::new(), Random::new(seed));
        compare::<ours::types::Everything, theirs::types::Everything>(
            &messages.bytes(".types.Everything", &mut random),
        );
        compare::<ours::types::Scalars, theirs::types::Scalars>(
            &messages.bytes(".types.Scalars", &mut random),
        );
        compare::<ours::types::old::Old, theirs::types::old::Old>(&messages.bytes(".types.old.Old", &mut random));
    }

    #[test]
    fn damaged_messages(seed: u64, place: prop::sample::Index, byte: u8, cut: bool) {
        let (messages, mut random) = (Messages::new(), Random::new(seed));
        let mut bytes = messages.bytes(".types.Everything", &mut random);
        if !bytes.is_empty() {
            let place = place.index(bytes.len());
            if cut {
                bytes.truncate(place);
            } else {
                bytes[place] = byte;
            }
        }
        compare_all(&bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        compare_all(&bytes);
    }
}
