//! A view has the content of its message: read from the same bytes, converted, and written.

use std::fmt::Debug;

use proptest::prelude::*;
use stubwright::prost::Message;
use stubwright::{HasView, MapView, View};

use crate::ours::types::everything::{Kind, KindView, Nested, NestedView, Size};
use crate::ours::types::old::{Old, OldView};
use crate::ours::types::shared::v1::Colour;
use crate::ours::types::{Everything, EverythingView, Scalars, ScalarsView};
use crate::wire_bytes::{Messages, Random};
use crate::{fast, older, shared};

/// Reads bytes as a message and as a view. Checks that both refuse them, or that both have the same content, whichever way they are
/// converted and written.
fn compare<M: HasView + Message + PartialEq>(bytes: &[u8])
where
    for<'a> M::View<'a>: From<&'a M>,
{
    let (message, view) = (M::decode(bytes), M::View::decode(bytes));
    let (message, view) = match (message, view) {
        (Ok(message), Ok(view)) => (message, view),
        (Err(message), Err(view)) => {
            let message = message.to_string();
            return assert!(message.ends_with(&view.to_string()), "{message}\n{view}");
        }
        (message, view) => panic!("{bytes:02x?}\nmessage: {message:?}\nview: {view:?}"),
    };
    // Not by comparison: NaN is not equal to itself.
    assert_eq!(shown(&view.to_message()), shown(&message), "{bytes:02x?}");
    let written = view.encode_to_vec();
    assert_eq!(written.len(), view.encoded_len());
    let again = M::decode(written.as_slice()).expect("a view should be written as a message");
    assert_eq!(shown(&again), shown(&message), "{bytes:02x?}");
    let borrowed = M::View::from(&message);
    assert_eq!(borrowed.encode_to_vec(), message.encode_to_vec());
    assert_eq!(shown(&borrowed.to_message()), shown(&message));
    if message == message.clone() {
        assert_eq!(borrowed, view, "{bytes:02x?}");
    }
}

fn shown(message: &impl Debug) -> String {
    format!("{message:?}")
}

fn compare_all(bytes: &[u8]) {
    compare::<Everything>(bytes);
    compare::<Scalars>(bytes);
    compare::<Old>(bytes);
    compare::<shared::types::Everything>(bytes);
    compare::<older::types::Everything>(bytes);
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
        let bytes = messages.bytes(".types.Everything", &mut random);
        compare::<Everything>(&bytes);
        compare::<shared::types::Everything>(&bytes);
        compare::<older::types::Everything>(&bytes);
        let bytes = messages.bytes(".types.Scalars", &mut random);
        compare::<Scalars>(&bytes);
        compare::<shared::types::Scalars>(&bytes);
        compare::<older::types::Scalars>(&bytes);
        let bytes = messages.bytes(".types.old.Old", &mut random);
        compare::<Old>(&bytes);
        compare::<shared::types::old::Old>(&bytes);
        compare::<older::types::old::Old>(&bytes);
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

#[test]
fn texts_and_bytes_are_borrowed() {
    let scalars = Scalars {
        f_string: "gr\u{fc}n".into(),
        f_bytes: vec![1, 2, 3],
        ..Scalars::default()
    };
    let bytes = scalars.encode_to_vec();
    let view = ScalarsView::decode(&bytes).unwrap();
    assert!(bytes.as_ptr_range().contains(&view.f_string.as_ptr()));
    assert!(bytes.as_ptr_range().contains(&view.f_bytes.as_ptr()));
    assert_eq!((view.f_string, view.f_bytes), ("gr\u{fc}n", &[1, 2, 3][..]));
    // The content outlives the view.
    let text = { view.f_string };
    assert_eq!(text, "gr\u{fc}n");
    let wrapped = Everything {
        wrapped: Some("abc".into()),
        ..Everything::default()
    };
    assert_eq!(EverythingView::from(&wrapped).wrapped, Some("abc"));
}

#[test]
fn a_view_has_the_methods_of_its_message() {
    let mut view = EverythingView {
        maybe_text: None,
        kind: Some(KindView::Name("x")),
        sizes: vec![2, 77],
        ..EverythingView::default()
    };
    assert_eq!((view.maybe_text(), view.maybe_number()), ("", 0));
    assert_eq!(view.sizes().collect::<Vec<_>>(), [Size::Large]);
    view.set_size(Size::Small);
    view.insert_colours("a", Colour::default());
    view.colours.push("a", 1);
    assert_eq!(view.get_colours("a"), Colour::try_from(1).ok());
    assert_eq!(view.get_colours("b"), None);
    let debug = format!("{view:?}");
    assert!(debug.starts_with("EverythingView { "), "{debug}");
    assert!(debug.contains("size: Small, sizes: [Large, 77]"), "{debug}");
    let message = view.to_message();
    assert_eq!(message.kind, Some(Kind::Name("x".into())));
    assert_eq!(message.size(), Size::Small);
    assert_eq!(message.colours.len(), 1);
}

#[test]
fn a_view_does_not_depend_on_the_types_of_its_message() {
    let labels = [("a", "1"), ("b", "2"), ("a", "3")];
    let view = fast::types::EverythingView {
        labels: MapView::from_iter(labels),
        by_number: MapView::from_iter([(7, fast::types::everything::NestedView::default())]),
        ..Default::default()
    };
    let message = view.to_message();
    assert_eq!(message.labels.len(), 2);
    assert_eq!(message.labels["a"], "3");
    assert_eq!(fast::types::EverythingView::from(&message), view);
    let bytes = view.encode_to_vec();
    let view = shared::types::EverythingView::decode(&bytes).unwrap();
    assert!(
        bytes
            .as_ptr_range()
            .contains(&view.labels.get("b").unwrap().as_ptr())
    );
    let message = view.to_message();
    assert_eq!(
        message.labels,
        labels.map(|(key, value)| (key.into(), value.into()))
    );
    assert_eq!(shared::types::EverythingView::from(&message), view);
}

#[test]
fn a_view_keeps_unknown_fields() {
    let bytes = [0xaa, 6, 3, b'e', b'x', b't'];
    let view = shared::types::old::OldView::decode(&bytes).unwrap();
    assert_eq!(format!("{:?}", view.unknown_fields), r#"{101: "ext"}"#);
    assert_eq!(
        view.encode_to_vec()[view.encoded_len() - bytes.len()..],
        bytes
    );
    assert_eq!(view.to_message().unknown_fields, view.unknown_fields);
}

#[test]
fn defaults_of_proto2_are_borrowed_too() {
    let (message, view) = (Old::default(), OldView::default());
    assert_eq!(OldView::from(&message), view);
    assert_eq!(view.to_message(), message);
}

#[test]
fn a_handler_may_build_a_view_of_its_own_data() {
    let labels = [
        ("a".to_owned(), "1".to_owned()),
        ("b".to_owned(), "2".to_owned()),
    ];
    let view = EverythingView {
        texts: labels.iter().map(|(key, _)| key.as_str()).collect(),
        labels: labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect(),
        by_number: MapView::from_iter([(7, NestedView::default())]),
        ..EverythingView::default()
    };
    let message = Everything::decode(view.encode_to_vec().as_slice()).unwrap();
    assert_eq!(message.texts, ["a", "b"]);
    assert_eq!(message.labels["b"], "2");
    assert_eq!(message.by_number[&7], Nested::default());
}

/// Elements of a view count by the memory that they take, as those of a message do.
#[test]
fn row_52_views_are_limited_too() {
    let bytes = [0x42, 0].repeat(2_000_000);
    let error = EverythingView::decode(&bytes).unwrap_err();
    assert!(error.to_string().contains("bytes of memory"), "{error}");
    assert!(error.is_over_budget());
}

/// Parts of a view may come one after another, and are read into the same box.
#[test]
fn the_box_of_a_view_counts_once() {
    let parts = (32 << 20) / size_of::<EverythingView<'_>>() + 1;
    let bytes = [0xe2, 3, 0].repeat(parts);
    let view = EverythingView::decode(&bytes).unwrap();
    assert!(view.everything.is_some());
}
