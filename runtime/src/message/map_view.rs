//! Maps of views.

use std::collections::BTreeMap;
use std::{fmt, slice};

use super::{DecodeError, MapField, Reader};

/// A map of a view: its entries in the order in which they came.
///
/// Decoding it does not search it, so a key may occur several times. Its last entry counts: that is the one that
/// [`get`](MapView::get) returns, and that comparisons and the conversion to a message see.
#[derive(Clone)]
pub struct MapView<K, V>(Vec<(K, V)>);

impl<K, V> MapView<K, V> {
    /// Creates an empty map.
    pub const fn new() -> MapView<K, V> {
        MapView(Vec::new())
    }

    /// Returns the value of a key. Compares the key with that of each entry, from the last to the first. For many lookups, collect
    /// the entries into a map.
    pub fn get<Q>(&self, key: Q) -> Option<&V>
    where
        K: PartialEq<Q>,
    {
        let mut entries = self.0.iter().rev();
        let (_, value) = entries.find(|(own, _)| *own == key)?;
        Some(value)
    }

    /// Appends an entry.
    pub fn push(&mut self, key: K, value: V) {
        self.0.push((key, value));
    }

    /// Returns the entries in their order.
    pub fn iter(&self) -> slice::Iter<'_, (K, V)> {
        self.0.iter()
    }

    /// Returns the number of entries. Each entry of a key counts.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K, V> Default for MapView<K, V> {
    fn default() -> MapView<K, V> {
        MapView::new()
    }
}

impl<K, V> FromIterator<(K, V)> for MapView<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> MapView<K, V> {
        MapView(Vec::from_iter(entries))
    }
}

impl<'m, K, V> IntoIterator for &'m MapView<K, V> {
    type Item = &'m (K, V);
    type IntoIter = slice::Iter<'m, (K, V)>;

    fn into_iter(self) -> slice::Iter<'m, (K, V)> {
        self.iter()
    }
}

/// Compares the last entries of all keys, in any order.
impl<K: Ord, V: PartialEq> PartialEq for MapView<K, V> {
    fn eq(&self, other: &MapView<K, V>) -> bool {
        by_key(self) == by_key(other)
    }
}

/// Returns the last entry of each key, ordered by the keys.
fn by_key<K: Ord, V>(map: &MapView<K, V>) -> BTreeMap<&K, &V> {
    map.iter().map(|(key, value)| (key, value)).collect()
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for MapView<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.iter().map(|(key, value)| (key, value));
        f.debug_map().entries(entries).finish()
    }
}

impl<K: Default, V> MapField for MapView<K, V> {
    type Key = K;
    type Value = V;

    #[inline]
    fn prepare(&mut self, from: &mut Reader<'_>) -> Result<(), DecodeError> {
        from.room(&mut self.0)
    }

    #[inline]
    fn add(&mut self, key: K, value: V, _from: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.0.push((key, value));
        Ok(())
    }

    #[inline]
    fn each(&self, mut write: impl FnMut(&K, &V)) {
        for (key, value) in self {
            write(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_key_counts() {
        let map = MapView::from_iter([("a", 1), ("b", 2), ("a", 3)]);
        assert_eq!(map.get("a"), Some(&3));
        assert_eq!(map.get("c"), None);
        assert_eq!(map, MapView::from_iter([("b", 2), ("a", 3)]));
        assert_ne!(map, MapView::from_iter([("b", 2), ("a", 1)]));
        assert_ne!(map, MapView::from_iter([("a", 3)]));
        assert_eq!((map.len(), map.is_empty()), (3, false));
        assert_eq!(format!("{map:?}"), r#"{"a": 1, "b": 2, "a": 3}"#);
    }
}
