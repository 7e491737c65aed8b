//! Conversion between the fields of messages and those of views.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use bytes::Bytes;
#[cfg(feature = "shared-strings")]
use bytestring::ByteString;
use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value};

use super::MapView;

/// A field of a view, for a field of type `F` of its message.
pub trait FieldView<'a, F>: Sized {
    /// Borrows the content of a message's field.
    fn of(field: &'a F) -> Self;

    /// Copies the content, as a message's field.
    fn to_field(&self) -> F;
}

impl<'a> FieldView<'a, String> for &'a str {
    #[inline]
    fn of(field: &'a String) -> &'a str {
        field
    }

    #[inline]
    fn to_field(&self) -> String {
        String::from(*self)
    }
}

#[cfg(feature = "shared-strings")]
impl<'a> FieldView<'a, ByteString> for &'a str {
    #[inline]
    fn of(field: &'a ByteString) -> &'a str {
        field
    }

    #[inline]
    fn to_field(&self) -> ByteString {
        ByteString::from(*self)
    }
}

impl<'a> FieldView<'a, Vec<u8>> for &'a [u8] {
    #[inline]
    fn of(field: &'a Vec<u8>) -> &'a [u8] {
        field
    }

    #[inline]
    fn to_field(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<'a> FieldView<'a, Bytes> for &'a [u8] {
    #[inline]
    fn of(field: &'a Bytes) -> &'a [u8] {
        field
    }

    #[inline]
    fn to_field(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

impl<'a, F, V: FieldView<'a, F>> FieldView<'a, Option<F>> for Option<V> {
    #[inline]
    fn of(field: &'a Option<F>) -> Option<V> {
        field.as_ref().map(V::of)
    }

    #[inline]
    fn to_field(&self) -> Option<F> {
        self.as_ref().map(V::to_field)
    }
}

impl<'a, F, V: FieldView<'a, F>> FieldView<'a, Box<F>> for Box<V> {
    fn of(field: &'a Box<F>) -> Box<V> {
        Box::new(V::of(field))
    }

    fn to_field(&self) -> Box<F> {
        Box::new(V::to_field(self))
    }
}

impl<'a, F, V: FieldView<'a, F>> FieldView<'a, Vec<F>> for Vec<V> {
    fn of(field: &'a Vec<F>) -> Vec<V> {
        field.iter().map(V::of).collect()
    }

    fn to_field(&self) -> Vec<F> {
        self.iter().map(V::to_field).collect()
    }
}

impl<'a, K, V, KeyView, ValueView, S> FieldView<'a, HashMap<K, V, S>>
    for MapView<KeyView, ValueView>
where
    K: Eq + Hash,
    S: BuildHasher + Default,
    KeyView: FieldView<'a, K>,
    ValueView: FieldView<'a, V>,
{
    fn of(field: &'a HashMap<K, V, S>) -> Self {
        let entries = field.iter();
        entries
            .map(|(key, value)| (KeyView::of(key), ValueView::of(value)))
            .collect()
    }

    fn to_field(&self) -> HashMap<K, V, S> {
        let entries = self.iter();
        entries
            .map(|(key, value)| (key.to_field(), value.to_field()))
            .collect()
    }
}

impl<'a, K, V, KeyView, ValueView> FieldView<'a, BTreeMap<K, V>> for MapView<KeyView, ValueView>
where
    K: Ord,
    KeyView: FieldView<'a, K>,
    ValueView: FieldView<'a, V>,
{
    fn of(field: &'a BTreeMap<K, V>) -> Self {
        let entries = field.iter();
        entries
            .map(|(key, value)| (KeyView::of(key), ValueView::of(value)))
            .collect()
    }

    fn to_field(&self) -> BTreeMap<K, V> {
        let entries = self.iter();
        entries
            .map(|(key, value)| (key.to_field(), value.to_field()))
            .collect()
    }
}

/// Keeps all entries in their order.
impl<'a, K, V, KeyView, ValueView> FieldView<'a, Vec<(K, V)>> for MapView<KeyView, ValueView>
where
    KeyView: FieldView<'a, K>,
    ValueView: FieldView<'a, V>,
{
    fn of(field: &'a Vec<(K, V)>) -> Self {
        let entries = field.iter();
        entries
            .map(|(key, value)| (KeyView::of(key), ValueView::of(value)))
            .collect()
    }

    fn to_field(&self) -> Vec<(K, V)> {
        let entries = self.iter();
        entries
            .map(|(key, value)| (key.to_field(), value.to_field()))
            .collect()
    }
}

/// Implements [`FieldView`] for types that views hold as messages do.
macro_rules! same {
    ($($type:ty)*) => {$(
        impl FieldView<'_, $type> for $type {
            #[inline]
            fn of(field: &$type) -> $type {
                field.clone()
            }

            #[inline]
            fn to_field(&self) -> $type {
                self.clone()
            }
        }
    )*};
}

same! { () bool f32 f64 i32 i64 u32 u64 Any Duration FieldMask ListValue Struct Timestamp Value }
